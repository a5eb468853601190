"""The numbers of predictions that were served, once their outcomes are known.

They are those of an evaluation, so that what was promised and what came true stand in
the same words, and more intervals, since here nobody chose the rows. All predictions
count; beside them stands the first one of each subject. Not the last: whether somebody
is asked again depends on what happened, so a last prediction is chosen by its outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zap.bundles.target import AMOUNT, BINARY, CLASSES, Target
from zap.encoding.columns import BoolArray, FloatArray, IntArray
from zap.evaluation import amount_metrics, class_metrics, metrics
from zap.evaluation.bootstrap import DRAWS, SubjectDraws, interval
from zap.evaluation.evaluate import draws_for, evaluate, without_nan
from zap.evaluation.evaluate_amounts import evaluate_amounts
from zap.evaluation.evaluate_classes import evaluate_classes
from zap.evaluation.groups import Judged, judge_group
from zap.evaluation.metrics import ece_bin
from zap.evaluation.moments import moments
from zap.evaluation.ranking import Ranking
from zap.evaluation.slices import slices

ENDS = ("_low", "_high")
RANKED = ("average_precision", "ece")
GROUP_DRAWS = 100
FIRST_DRAWS = 200


@dataclass(frozen=True)
class Served:
    """Predictions with known outcomes, in the order of their instants.

    Attributes:
        y: float64, shape (rows,): outcomes: 0 or 1, numbers of classes, or amounts.
        p: float64, shape (rows,), of classes (rows, K): what was answered.
        subjects: int64, shape (rows,): whose row it is.
    """

    y: FloatArray
    p: FloatArray
    subjects: IntArray

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: BoolArray | IntArray) -> Served:
        """The rows where ``rows`` is true, or at them."""
        return Served(self.y[rows], self.p[rows], self.subjects[rows])

    def first_of_subjects(self) -> Served:
        """The first row of each subject."""
        return self.take(np.sort(np.unique(self.subjects, return_index=True)[1]))

    def judged(self) -> Judged:
        """The rows of a yes or no, all of one weight."""
        return Judged(self.y, self.p, self.subjects, np.ones(len(self)))


def judge_served(
    served: Served,
    target: Target,
    statistics: Mapping[str, NDArray[Any]] | None = None,
    kinds: Mapping[str, str] | None = None,
    moment: Mapping[str, NDArray[Any]] | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """All numbers of served predictions; at least one row.

    Args:
        served: the rows.
        target: what the predictions are of.
        statistics: columns to slice by, each of shape (rows,).
        kinds: ``bool`` for the names of those that are true or false.
        moment: when in its session each was asked for.
        seed: of all draws.

    Returns:
        What ``evaluate`` gives for the kind, without a baseline. Of a yes or no also
        brier, the intervals of average_precision, log_loss, brier and ece (``_low``,
        ``_high``), slices, moments, and first_of_subjects: n, base_rate, auc with its
        interval and ece of the first prediction of each subject; None where each has
        one only.
    """
    if target.kind != BINARY:
        return judge_plain(served, target, seed)
    found = judge_plain(served, target, seed)
    judged = served.judged()
    found |= {
        **spreads(served, seed),
        "first_of_subjects": _firsts(served, target, seed),
        "slices": slices(judged, statistics or {}, kinds or {}),
        "moments": moments(judged, moment or {}),
    }
    return dict(without_nan(found))


def judge_plain(
    served: Served, target: Target, seed: int = 0, draws: int | None = None
) -> dict[str, Any]:
    """What an evaluation of the kind says of the rows."""
    columns = served.y, served.p, served.subjects
    if target.kind == CLASSES:
        return evaluate_classes(*columns, target.classes, seed=seed, draws=draws)
    if target.kind == AMOUNT:
        return evaluate_amounts(*columns, target.link, seed=seed, draws=draws)
    return evaluate(*columns, seed=seed, draws=draws)


def spreads(served: Served, seed: int = 0) -> dict[str, float]:
    """The Brier score, and intervals of what ``evaluate`` gives none for.

    By resampling subjects, 95 %. That of the ECE is no measure of its significance: a
    resampled set shows more error by chance alone. The null is.
    """
    y, p = served.y, served.p
    names, code = np.unique(served.subjects, return_inverse=True)
    each = {"log_loss": _losses(y, p), "brier": (y - p) ** 2}
    sums = {name: np.bincount(code, of, len(names)) for name, of in each.items()}
    size = np.bincount(code, minlength=len(names)).astype(np.float64)
    ranked = _Ranked.of(served, code)
    drawn: dict[str, list[float]] = {name: [] for name in (*each, *RANKED)}
    for times in SubjectDraws(len(names), draws_for(len(y)), seed):
        rows = float(times @ size)
        for name, summed in sums.items():
            drawn[name].append(float(times @ summed) / rows)
        for name, value in zip(RANKED, ranked.measured(times), strict=True):
            drawn[name].append(value)
    found = {"brier": metrics.brier(y, p)}
    for name, values in drawn.items():
        found[f"{name}_low"], found[f"{name}_high"] = interval(np.array(values))
    return found


@dataclass(frozen=True)
class _Ranked:
    """Rows from the highest score to the lowest, sorted once for all draws."""

    ranking: Ranking
    y: FloatArray
    surplus: FloatArray
    subject: IntArray
    bins: IntArray

    @classmethod
    def of(cls, served: Served, subject: IntArray) -> _Ranked:
        ranking = Ranking.of(served.p)
        order = ranking.order
        places = ece_bin(served.p)[order]
        starts = np.flatnonzero(np.diff(places, prepend=-1))
        y = served.y[order]
        return cls(ranking, y, y - served.p[order], subject[order], starts)

    def measured(self, times: FloatArray) -> tuple[float, float]:
        """Average precision and calibration error under a count of the subjects."""
        count = times[self.subject]
        positives = self.ranking.sum_runs(count * self.y)
        taken = np.cumsum(self.ranking.sum_runs(count))
        total = float(positives.sum())
        gathered = positives * np.cumsum(positives) / np.maximum(taken, 1)
        precision = float(gathered.sum()) / total if total else float("nan")
        off = np.add.reduceat(count * self.surplus, self.bins)
        return precision, float(np.abs(off).sum()) / float(taken[-1])


def _losses(y: FloatArray, p: FloatArray) -> FloatArray:
    clipped = np.clip(p, np.finfo(np.float64).eps, 1 - np.finfo(np.float64).eps)
    return -np.where(y == 1, np.log(clipped), np.log1p(-clipped))


def _firsts(served: Served, target: Target, seed: int) -> dict[str, Any] | None:
    first = served.first_of_subjects()
    if len(first) == len(served):
        return None
    found = judge_plain(first, target, seed, draws=FIRST_DRAWS)
    kept = ("n", "base_rate", "auc", "auc_low", "auc_high", "ece", "ece_null_95")
    return {name: found[name] for name in kept}


def brief(served: Served, target: Target, seed: int = 0) -> dict[str, Any]:
    """The few numbers of a day; without intervals but for a yes or no.

    Returns:
        n and subjects; of a yes or no ``judge_group``'s; of classes log_loss and
        accuracy; of amounts mean_observed, mean_predicted and rmse. Only n and
        subjects, which are 0, where there are no rows.
    """
    found: dict[str, Any] = {
        "n": len(served),
        "subjects": len(np.unique(served.subjects)),
    }
    if not len(served):
        return found
    if target.kind == BINARY:
        return dict(without_nan(judge_group(served.judged(), GROUP_DRAWS, seed)))
    y, p = served.y, served.p
    if target.kind == CLASSES:
        found["log_loss"] = class_metrics.log_loss(y, p)
        found["accuracy"] = class_metrics.accuracy(y, p)
    else:
        found["mean_observed"] = float(y.mean())
        found["mean_predicted"] = float(p.mean())
        found["rmse"] = amount_metrics.rmse(y, p)
    return dict(without_nan(found))


def judge_version(served: Served, target: Target, seed: int = 0) -> dict[str, Any]:
    """The numbers of a version, with intervals.

    Returns:
        Those of ``brief``; of a yes or no also average_precision with its interval and
        ece_null_99, what chance shows in 99 of 100 cases where all rows of a subject
        share their luck; of classes auc_mean and ece, of amounts gini and ratio, with
        intervals.
    """
    found = brief(served, target, seed)
    if not len(served):
        return found
    if target.kind == BINARY:
        found |= judge_group(served.judged(), draws_for(len(served)), seed)
        spread = spreads(served, seed)
        name = "average_precision"
        found[name] = metrics.average_precision(served.y, served.p)
        found |= {f"{name}{end}": spread[f"{name}{end}"] for end in ENDS}
        shared = metrics.ece_null(
            served.p, DRAWS, seed, subjects=served.subjects, share=0.99
        )
        return dict(without_nan({**found, "ece_null_99": shared[1]}))
    whole = judge_plain(served, target, seed)
    names = ("auc_mean",) if target.kind == CLASSES else ("gini", "ratio")
    kept = [f"{name}{end}" for name in names for end in ("", *ENDS)]
    return {**found, **{name: whole[name] for name in kept}}
