"""``zap retrain``: all stages of a run in order, or those that are left of it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zap.bundles.registry import Registry
from zap.bundles.target import BINARY
from zap.errors import InputError, RegistryError
from zap.jobs.inputs import raw_input
from zap.jobs.retrain import data, fit, release, validate, window
from zap.jobs.retrain.application import (
    Application,
    digest_of,
    local_folder,
    settled,
)
from zap.jobs.retrain.page import write_page
from zap.jobs.retrain.runs import (
    PASSED,
    REFUSED,
    RUNS,
    WAITING,
    RunFolder,
    Stage,
    alone,
    run_name,
    runs_of,
)
from zap.jobs.retrain.work import EVENTS, Signature, Watchers, Work

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


@dataclass(frozen=True)
class Result:
    """How a run ended.

    Attributes:
        run: its name.
        verdict: passed (a version is live), refused or waiting.
        stage: the last one.
        said: its verdict in words.
        already: whether it had ended before.
        live: the version that is live now.
        report: the HTML report.
        stages: what each stage wrote.
    """

    run: str
    verdict: str
    stage: str
    said: str
    already: bool
    live: str | None
    report: str
    stages: list[dict[str, Any]]

    @property
    def refused(self) -> bool:
        """Whether a gate refused."""
        return self.verdict == REFUSED

    def to_dict(self) -> dict[str, Any]:
        """The result as a JSON object."""
        return {**vars(self), "refused": self.refused}


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
        until = until_us if until_us is not None else window.newest_until(raw)
        window.check_until(raw.mapping, until)
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


def approve(root: str, application: str, run: str, signature: Signature) -> Result:
    """Deploy the version of a run that waits for approval.

    Args:
        root: of the registry, a local folder.
        application: its name.
        run: the run's name, or its beginning.
        signature: who approves it, and why.

    Raises:
        RegistryError: there is no such run, it does not wait, or another version
            became live since.
    """
    folder = local_folder(root, application)
    found = _run_named(folder, run)
    with alone(folder, application):
        stages = found.stages()
        nothing: dict[str, Any] = {"stage": "nothing", "verdict": "not begun"}
        last = stages[-1] if stages else nothing
        if last["stage"] not in ("deploy", "approve") or last["verdict"] == REFUSED:
            raise RegistryError(
                "Expected a run that waits for approval. Received: "
                f"run={found.name}, whose last stage is {last['stage']}: "
                f"{last['verdict']}. Give zap retrain {application} again first."
            )
        registry = Registry(root, application)
        already = last["verdict"] != WAITING
        if not already:
            begin = time.perf_counter()
            version = last["figures"]["version"]
            stage = release.released(registry, found, version, signature)
            found.write("approve", stage, time.perf_counter() - begin)
        return _ended(folder, found, registry, already)


def _run_named(folder: Path, name: str) -> RunFolder:
    runs = runs_of(folder)
    fitting = [run for run in runs if run.name == name] or [
        run for run in runs if run.name.startswith(name)
    ]
    if len(fitting) != 1:
        there = ", ".join(run.name for run in (fitting or runs)) or "none"
        raise RegistryError(
            f"Expected one run of {folder.name}. Received: run={name!r}. "
            f"There are: {there}."
        )
    return fitting[0]


def _result(work: Work, already: bool) -> Result:
    return _ended(work.folder, work.run, work.registry, already)


def _ended(folder: Path, run: RunFolder, registry: Registry, already: bool) -> Result:
    stages = run.stages()
    last = stages[-1]
    report = run.path / "report.html"
    if not already or not report.exists():
        write_page(folder, run, report)
    return Result(
        run.name,
        last["verdict"],
        last["stage"],
        last["said"],
        already,
        registry.live(),
        str(report),
        stages,
    )


__all__ = ["Application", "Result", "approve", "retrain"]
