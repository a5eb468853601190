"""What the best trial of a search gained over the settings that it started from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from zap.datasets.visits import Visits
from zap.evaluation.bootstrap import paired_auc_difference, paired_mean_difference
from zap.evaluation.evaluate import draws_for
from zap.evaluation.metrics import auc
from zap.training.trials import RUNNING, Record, base_of, best_of

FEWEST_SUBJECTS = 6
"""Of fewer, chance lets every one gain more often than once in 40, and an interval by
resampling them then lies on one side."""


class Losses:
    """Losses of each row of the stopping half, of the first and of the best trial.

    Args:
        storage: beside which their folder is.
    """

    def __init__(self, storage: Path):
        self._folder = storage.with_name(f"{storage.name}-losses")
        self._folder.mkdir(exist_ok=True)

    def path(self, number: int) -> Path:
        """Where those of a trial are."""
        return self._folder / f"trial-{number:05d}.npz"

    def tidy(self, records: list[Record]) -> None:
        """Remove what nobody will ask for: all but the first, the best, the running."""
        running = {r.number for r in records if r.state == RUNNING}
        known = {r.number for r in (best_of(records), base_of(records)) if r}
        wanted = {self.path(number).name for number in known | running}
        for path in self._folder.iterdir():
            # While one is written, its name stands between a dot and more.
            trial = path.name.removeprefix(".").partition(".")[0]
            if f"{trial}.npz" not in wanted:
                path.unlink(missing_ok=True)

    def gain(
        self, stopping: Visits, first: Record | None, best: Record
    ) -> dict[str, Any] | None:
        """See ``gain_of``; None where it cannot be known."""
        if first is None:
            return None
        try:
            read = [self._read(record.number) for record in (first, best)]
        except OSError:
            return None
        return gain_of(stopping, *read)

    def _read(self, number: int) -> dict[str, Any]:
        with np.load(self.path(number), allow_pickle=False) as file:
            return {name: file[name] for name in file.files}


def gain_of(
    stopping: Visits, base: Mapping[str, Any], best: Mapping[str, Any]
) -> dict[str, Any]:
    """The best trial beside the base, on the rows that the search chose by.

    It is an optimistic figure: of many trials that are equally good the one with luck
    on these rows is the best. ``zap evaluate`` on the test split tells what is true.

    Args:
        stopping: the stopping half.
        base: ``losses`` of each row and, where labels are a yes or no, ``p``.
        best: the same of the best trial.

    Returns:
        ``loss`` and, of a yes or no, ``auc``: each with ``base``, ``best`` and
        ``difference``, which is best less base with its 95 % interval, by subject.
    """
    y, weights = stopping.label, stopping.weight
    subjects, pair = stopping.subjects_of_cutoffs(), (base, best)
    more: Any = {"weights": weights, "draws": draws_for(len(y))}
    means = [float(np.average(each["losses"], weights=weights)) for each in pair]
    losses = (best["losses"], base["losses"], subjects)
    found: dict[str, Any] = {"loss": (*means, paired_mean_difference(*losses, **more))}
    if "p" in base:
        areas = [auc(y, each["p"], weights) for each in pair]
        scores = (y, best["p"], base["p"], subjects)
        found["auc"] = (*areas, paired_auc_difference(*scores, **more))
    return {
        name: {"base": before, "best": after, "difference": list(difference)}
        for name, (before, after, difference) in found.items()
    }


def is_sure(gain: Mapping[str, Any], stopping: Visits) -> bool:
    """Whether the loss has fallen beyond doubt, on the rows that the search chose by.

    Args:
        gain: as of ``gain_of``.
        stopping: the stopping half.
    """
    enough = len(np.unique(stopping.subject_hash)) >= FEWEST_SUBJECTS
    return enough and bool(gain["loss"]["difference"][2] < 0)
