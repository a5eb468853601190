"""What a search refuses before it begins, and what it says where it found nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zap.errors import TrainingError
from zap.training.trials import FAILED, Record

_MOST_SEEDS = 2**32  # that the forest behind the importances knows


def check_counts(
    trials: int, workers: int, timeout_seconds: float | None, seed: int
) -> None:
    """Refuses a search without trials, workers or time, or with an unusable seed.

    Raises:
        TrainingError: says which number it is.
    """
    for name, number in (("trials", trials), ("workers", workers)):
        if number < 1:
            raise TrainingError(
                f"Expected at least 1 of {name}. Received: {name}={number}. "
                "Change this number."
            )
    if timeout_seconds is not None and not timeout_seconds > 0:
        raise TrainingError(
            "Expected a timeout above 0 seconds, or none. "
            f"Received: timeout={timeout_seconds}. Change this number."
        )
    if not 0 <= seed < _MOST_SEEDS:
        raise TrainingError(
            f"Expected a seed in [0, 2**32). Received: seed={seed}. Change this number."
        )


def check_folder(path: Path, name: str) -> None:
    """Refuses a file that cannot be written, before hours of training and not after.

    Raises:
        TrainingError: its folder is missing, or it is itself a folder.
    """
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise TrainingError(
            "Expected a path of a file in a folder that is there. "
            f"Received: {name}={path}. Make the folder, or choose another path."
        )


def check_apart(output: Path, storage: Path) -> None:
    """Refuses one file for the settings and for the search.

    Raises:
        TrainingError: the settings would take the place of the search.
    """
    if output.absolute() == storage.absolute():
        raise TrainingError(
            "Expected two files, one for the settings and one for the search. "
            f"Received: output={output}, storage={storage}. Name another with "
            "--storage, or give the output the ending .json."
        )


def none_complete(records: Sequence[Record]) -> TrainingError:
    """That there is no best trial, and why the trials failed."""
    reasons = dict.fromkeys(r.reason for r in records if r.state == FAILED)
    why = f": {'; '.join(reasons)}" if reasons else ""
    return TrainingError(
        "Expected a trial that was trained to its end. Received: "
        f"trials={len(records)}, none complete{why}. Give the search more trials or "
        "time, or a narrower --space."
    )
