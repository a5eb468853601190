"""Whether a new model may take the place of those before it, on rows none has seen.

All models score the same rows, so differences are paired, and draws take whole
subjects. A candidate must not rank worse than a margin (a non-inferiority test: the
one-sided lower 95 % bound counts, so little data can't prove it), must not be worse
calibrated, and must not be far worse for any slice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zap.encoding.columns import BoolArray, FloatArray, IntArray
from zap.evaluation.bands import check_threshold
from zap.evaluation.bootstrap import SubjectDraws, auc_draws, interval
from zap.evaluation.metrics import auc, ece, ece_bin, ece_null
from zap.evaluation.slices import slice_edges

ECE_BINS = 15
_LEAST = {
    "margin": None,
    "slice_margin": None,
    "slice_outcomes": 1,
    "first_ece": 0,
    "draws": 1,
}


@dataclass(frozen=True)
class ModelThresholds:
    """What a candidate must reach.

    Attributes:
        margin: AUC by which it may be worse than a reference, as the lower bound of
            the difference.
        slice_margin: AUC by which no slice may be surely worse: the whole 95 %
            interval below it fails.
        slice_outcomes: fewest positives, and negatives, of a slice that is judged.
        first_ece: calibration error that a first version may have though it is above
            chance.
        draws: of each bootstrap.

    Raises:
        InputError: one is no number, or too small.
    """

    margin: float = 0.005
    slice_margin: float = 0.03
    slice_outcomes: int = 50
    first_ece: float = 0.05
    draws: int = 1000

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            check_threshold(f"quality.{name}", getattr(self, name), least)


@dataclass(frozen=True)
class Rows:
    """Held-out examples.

    Attributes:
        y: float64, shape (rows,): outcomes, 0 or 1.
        subjects: int64, shape (rows,): whose row it is.
        weight: float64, shape (rows,): example weights.
        statistics: columns by name, each of shape (rows,), to slice by.
    """

    y: FloatArray
    subjects: IntArray
    weight: FloatArray
    statistics: Mapping[str, NDArray[Any]]

    def take(self, rows: BoolArray) -> Rows:
        """The rows where ``rows`` is true, without statistics."""
        return Rows(self.y[rows], self.subjects[rows], self.weight[rows], {})


def compare(
    rows: Rows, new: FloatArray, old: FloatArray, limits: ModelThresholds
) -> dict[str, Any]:
    """Ranking of a candidate less that of a reference, on the same rows.

    Args:
        rows: the examples.
        new: the candidate's probabilities; shape (rows,).
        old: the reference's probabilities; shape (rows,).
        limits: what must be reached.

    Returns:
        auc_new, auc, difference, low, high (95 %, two-sided), bound (lower 95 %,
        one-sided), margin, passed.
    """
    drawn = auc_draws(
        rows.y, [new, old], rows.subjects, weights=rows.weight, draws=limits.draws
    )
    gains = drawn[:, 0] - drawn[:, 1]
    low, high = interval(gains)
    known = gains[~np.isnan(gains)]
    bound = float(np.quantile(known, 0.05)) if len(known) else float("nan")
    one, other = (auc(rows.y, p, rows.weight) for p in (new, old))
    return {
        "auc_new": one,
        "auc": other,
        "difference": one - other,
        "low": low,
        "high": high,
        "bound": bound,
        "margin": -limits.margin,
        "passed": bool(bound > -limits.margin),
    }


def check_calibration(
    rows: Rows, new: FloatArray, old: FloatArray | None, limits: ModelThresholds
) -> dict[str, Any]:
    """Whether a candidate's calibration error is chance, or no worse than before.

    Args:
        rows: the examples.
        new: the candidate's probabilities; shape (rows,).
        old: those of the live model; None if there is none.
        limits: what must be reached.

    Returns:
        ece, null_95 (a subject's rows drawn together), ece_live, worse_low and
        worse_high (95 % of ECE less the live model's), passed.
    """
    found = ece(rows.y, new, rows.weight)
    null = ece_null(new, limits.draws, 0, rows.weight, rows.subjects)[1]
    numbers: dict[str, Any] = {"ece": found, "null_95": null, "ece_live": None}
    if old is None:
        most = max(null, limits.first_ece)
        return numbers | {"most": most, "passed": bool(found <= most)}
    drawn = ece_draws(rows, new, limits.draws) - ece_draws(rows, old, limits.draws)
    low, high = interval(drawn)
    live = ece(rows.y, old, rows.weight)
    return numbers | {
        "ece_live": live,
        "worse_low": low,
        "worse_high": high,
        "passed": bool(found <= null or found <= live or low <= 0),
    }


def ece_draws(rows: Rows, p: FloatArray, draws: int) -> FloatArray:
    """The calibration error in each bootstrap draw of the subjects; shape (draws,)."""
    names, code = np.unique(rows.subjects, return_inverse=True)
    # Sums of each subject in each bin once; a draw is then a product.
    cell = code * ECE_BINS + ece_bin(p, ECE_BINS)
    size = len(names) * ECE_BINS
    surplus = np.bincount(cell, rows.weight * (rows.y - p), size)
    surplus = surplus.reshape(len(names), ECE_BINS)
    weight = np.bincount(code, rows.weight, len(names))
    return np.array(
        [
            np.abs(times @ surplus).sum() / (times @ weight)
            for times in SubjectDraws(len(names), draws)
        ]
    )


def check_slices(
    rows: Rows,
    new: FloatArray,
    old: FloatArray,
    kinds: Mapping[str, str],
    limits: ModelThresholds,
) -> list[dict[str, Any]]:
    """Each slice that is large enough, with `compare` and whether it is far worse."""
    found = []
    for name, column in sorted(rows.statistics.items()):
        for label, chosen in groups_of(column, kinds.get(name) == "bool"):
            part = rows.take(chosen)
            positives = int(part.y.sum())
            if min(positives, len(part.y) - positives) < limits.slice_outcomes:
                continue
            held = compare(part, new[chosen], old[chosen], limits)
            worse = held["high"] < -limits.slice_margin
            found.append(
                {
                    "statistic": name,
                    "group": label,
                    "n": len(part.y),
                    **held,
                    "margin": -limits.slice_margin,
                    "passed": not worse,
                }
            )
    return found


def groups_of(column: NDArray[Any], is_bool: bool) -> Sequence[tuple[str, BoolArray]]:
    """The groups of a statistic: yes and no, or up to three ranges at round numbers."""
    values = np.asarray(column, np.float64)
    if is_bool:
        return [("yes", values == 1), ("no", values == 0)]
    known = ~np.isnan(values)
    edges = slice_edges(values[known])
    bounds = [-np.inf, *edges, np.inf]
    groups = []
    for low, high in pairwise(bounds):
        label = f"below {high:g}" if low == -np.inf else f"{low:g} or more"
        if np.isfinite(low) and np.isfinite(high):
            label = f"{low:g} to below {high:g}"
        below = values < high if np.isfinite(high) else known
        groups.append((label, known & (values >= low) & below))
    return groups if edges else []
