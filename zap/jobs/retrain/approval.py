"""A person's approval of a run that waits for it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from zap.bundles.registry import Registry
from zap.errors import RegistryError
from zap.jobs.retrain.application import local_folder
from zap.jobs.retrain.release import released
from zap.jobs.retrain.result import Result, ended
from zap.jobs.retrain.runs import REFUSED, WAITING, RunFolder, alone, runs_of
from zap.jobs.retrain.work import Signature


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
            stage = released(registry, found, version, signature)
            found.write("approve", stage, time.perf_counter() - begin)
        return ended(folder, found, registry, already)


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
