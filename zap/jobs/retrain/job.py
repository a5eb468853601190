"""``zap retrain``: all stages of a run in order, or those that are left of it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from zap.bundles.registry import Registry
from zap.bundles.target import BINARY
from zap.errors import InputError
from zap.jobs.inputs import raw_input
from zap.jobs.retrain import data, fit, release, validate, window
from zap.jobs.retrain.application import digest_of, keep, local_folder, settled
from zap.jobs.retrain.result import Result, ended
from zap.jobs.retrain.runs import (
    PASSED,
    REFUSED,
    RUNS,
    WAITING,
    RunFolder,
    Stage,
    alone,
    run_name,
)
from zap.jobs.retrain.work import EVENTS, Signature, Watchers, Work
from zap.training.config import ModelConfig

PLAN: tuple[tuple[str, Callable[[Work], Stage]], ...] = (
    ("window", window.copy),
    ("data", data.gate),
    ("examples", data.make),
    ("train", fit.fit),
    ("calibrate", fit.calibrated),
    ("validate", validate.judge),
    ("archive", release.archive),
    ("verify", release.verified),
    ("deploy", release.deploy),
)


def retrain(
    root: str,
    application: str,
    options: Mapping[str, Any] | None = None,
    *,
    until_us: int | None = None,
    trust_data: bool = False,
    signature: Signature | None = None,
    watchers: Watchers | None = None,
) -> Result:
    """Retrain an application's model on the newest window of its events.

    Args:
        root: of the registry, a local folder.
        application: its name.
        options: settings of the application; they make its file at the first run, and
            hold for this run alone at later ones.
        until_us: the end of the window, microseconds since 1970, UTC; None: the end of
            the newest complete data.
        trust_data: whether data may pass that the gate suspects.
        signature: who runs it, and why.
        watchers: who is told about progress.

    Raises:
        RegistryError: another run of the application is under way, or another version
            was deployed meanwhile.
        ZapError: settings or data can't be used; the live version stays.
    """
    folder = local_folder(root, application)
    registry = Registry(root, application)
    by = signature or Signature()
    with alone(folder, application):
        settings = settled(folder, options or {})
        raw = raw_input(settings.generator, settings.input, settings.mapping)
        kind = raw.generator.label_schema()["kind"]
        if kind != BINARY:
            raise InputError(
                "Expected a question that is answered by yes or no: the gates compare "
                f"AUC. Received: generator={settings.generator}, label kind={kind!r}. "
                "Retrain it with zap run and zap models add."
            )
        ModelConfig.from_dict(settings.model)  # a slip there is told now
        window.check_room(raw.generator, settings)
        until = until_us if until_us is not None else window.newest_until(raw)
        window.check_until(raw.mapping, until)
        keep(folder, settings)
        asked = [settings.to_dict(), raw.generator.digest(), raw.mapping.digest()]
        name = run_name(until, digest_of(asked))
        work = Work(
            Path(root),
            registry,
            settings,
            raw,
            RunFolder(folder / RUNS / name),
            until,
            by if trust_data else None,
            by,
            watchers or Watchers(),
        )
        return _go_on(work)


def _go_on(work: Work) -> Result:
    if not _begun(work):
        return _result(work, already=True)
    for name, do in PLAN:
        said = work.run.read(name)
        if said is None:
            work.watchers.stage(name)
            begin = time.perf_counter()
            found = do(work)
            said = work.run.write(name, found, time.perf_counter() - begin)
        if said["verdict"] != PASSED:
            break
    result = _result(work, already=False)
    if not result.refused:
        shutil.rmtree(work.run.work, ignore_errors=True)
    return result


def _begun(work: Work) -> bool:
    """Make the run ready to go on; False if there is nothing left to do."""
    run, stages = work.run, work.run.stages()
    if not stages:
        return True
    last = stages[-1]
    copied = work.path(EVENTS).is_dir()
    if last["verdict"] == REFUSED:
        if last["stage"] == "data" and work.trust_data and copied:
            run.file("data").unlink()
            return True
        before = dict(stages[0]["inputs"])["sources"]
        if not work.trust_data and window.sources_of(work)[1] == before:
            return False
        run.set_aside()
        return True
    if last["verdict"] == WAITING or last["stage"] in ("deploy", "approve"):
        return False
    if not copied:  # somebody made room
        run.set_aside()
    return True


def _result(work: Work, already: bool) -> Result:
    return ended(work.folder, work.run, work.registry, already)
