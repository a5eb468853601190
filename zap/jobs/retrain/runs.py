"""The folder of a run: one file a stage, written when the stage is done.

A run's name follows from the application's settings and the end of its window. So the
same command given again, by cron or by hand, is the same run: it goes on where it was
stopped, or answers that it is done.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zap.bundles.names import now
from zap.datasets.claim import Claim
from zap.errors import DatasetError, RegistryError
from zap.times import iso

RUNS, WORK, ATTEMPTS = "runs", "work", "attempts"
PASSED, REFUSED, WAITING = "passed", "refused", "waiting"
STAGES = (
    "window",
    "data",
    "examples",
    "train",
    "calibrate",
    "validate",
    "archive",
    "verify",
    "deploy",
    "approve",
)


@dataclass(frozen=True)
class Stage:
    """What a stage found.

    Attributes:
        verdict: passed, refused, or waiting for a person.
        said: the verdict in words.
        figures: what was found, JSON.
        inputs: digests of what it worked on.
    """

    verdict: str
    said: str
    figures: Mapping[str, Any]
    inputs: Mapping[str, Any]


@dataclass(frozen=True)
class RunFolder:
    """A run on disk.

    Attributes:
        path: its folder.
    """

    path: Path

    @property
    def name(self) -> str:
        """The run's name."""
        return self.path.name

    @property
    def work(self) -> Path:
        """What is needed only while the run goes on."""
        return self.path / WORK

    def file(self, stage: str) -> Path:
        """The file of a stage."""
        return self.path / f"{STAGES.index(stage) + 1:02d}-{stage}.json"

    def read(self, stage: str) -> dict[str, Any] | None:
        """What a stage wrote; None if it is not done.

        Raises:
            RegistryError: its file has been changed.
        """
        try:
            text = self.file(stage).read_text("utf-8")
        except FileNotFoundError:
            return None
        try:
            said: dict[str, Any] = json.loads(text)
            return said | {"figures": dict(said["figures"])}
        except (ValueError, KeyError, TypeError) as error:
            raise RegistryError(
                f"Expected the file of a stage as it was written. Received: "
                f"path={self.file(stage)}, {error}. Remove it: the stage is done again."
            ) from error

    def write(self, stage: str, found: Stage, seconds: float) -> dict[str, Any]:
        """Write what a stage found; it is done with that."""
        said = {
            "stage": stage,
            "run": self.name,
            "verdict": found.verdict,
            "said": found.said,
            "inputs": dict(found.inputs),
            "figures": dict(found.figures),
            "seconds": round(seconds, 3),
            "when": now(),
        }
        write_json(self.file(stage), said)
        return said

    def stages(self) -> list[dict[str, Any]]:
        """What is done, in order."""
        found = (self.read(stage) for stage in STAGES)
        return [each for each in found if each is not None]

    def set_aside(self) -> None:
        """Keep what an attempt said, and begin the run anew."""
        attempts = self.path / ATTEMPTS
        attempts.mkdir(exist_ok=True)
        target = attempts / f"{len(list(attempts.iterdir())) + 1:02d}"
        shutil.rmtree(self.work, ignore_errors=True)
        target.mkdir()
        # The last stage first: what is left after a kill is a run that was stopped.
        for stage in reversed(STAGES):
            if self.file(stage).exists():
                self.file(stage).replace(target / self.file(stage).name)


def run_name(until_us: int, digest: str) -> str:
    """The name of a run; names sort by the end of the window."""
    return f"{re.sub('[^0-9TZ-]', '', iso(until_us))}-{digest[:8]}"


def runs_of(folder: Path) -> list[RunFolder]:
    """The runs of an application, by the end of their windows."""
    runs = folder / RUNS
    if not runs.is_dir():
        return []
    return [RunFolder(each) for each in sorted(runs.iterdir()) if each.is_dir()]


def accepted_before(
    folder: Path, until_us: int, most: int = 12
) -> list[dict[str, Any]]:
    """Figures of the data stages of accepted runs of earlier windows, oldest first.

    What a person trusted though the gate suspected it is the new normal: the past
    begins there.
    """
    found = []
    for run in runs_of(folder):
        said = run.read("data")
        if (
            said
            and said["verdict"] == PASSED
            and said["figures"]["until_us"] < until_us
        ):
            found.append(said["figures"])
    found.sort(key=lambda each: int(each["until_us"]))
    trusted = [at for at, each in enumerate(found) if "trusted" in each]
    return found[trusted[-1] if trusted else 0 :][-most:]


@contextlib.contextmanager
def alone(folder: Path, application: str) -> Iterator[None]:
    """Hold an application's lock, which ends with the process however it ends.

    Raises:
        RegistryError: another run holds it.
    """
    try:
        claim = Claim(folder / "retrain")
    except DatasetError as error:
        raise RegistryError(
            f"Expected no other retraining of {application} to run. Received: a live "
            f"process holds {folder}/.retrain.lock. Wait for it, or stop it."
        ) from error
    try:
        yield
    finally:
        claim.release(keep_parents=True)


def write_json(path: Path, data: Any) -> None:
    """Write a file whole or not at all, and to the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with aside.open("w", encoding="utf-8") as file:
        file.write(json.dumps(finite(data), indent=1, allow_nan=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def finite(data: Any) -> Any:
    """JSON in which a number that is none is null."""
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, Mapping):
        return {key: finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [finite(value) for value in data]
    return data
