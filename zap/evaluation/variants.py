"""The same model on two versions of the examples: as they are, and under a variant.

Selection and late arrival change which examples there are and what they hold. Each
version is judged on its own rows; where both hold the same example with the same
outcome, the two scores are compared in pairs, by the subjects' bootstrap.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from zap.encoding.columns import BoolArray, FloatArray, IntArray
from zap.evaluation import metrics
from zap.evaluation.bootstrap import DRAWS, auc_interval, paired_auc_difference

_DRAWN_ROWS = 100_000_000
_FEWEST_DRAWS = 200


@dataclass(frozen=True)
class Scored:
    """Examples with their scores.

    Attributes:
        y: outcomes, 0 or 1; shape (rows,).
        p: probabilities; shape (rows,).
        weight: shape (rows,).
        subject: int64, shape (rows,): the subject's hash.
        instant_us: int64, shape (rows,): with the subject, what names an example.
    """

    y: FloatArray
    p: FloatArray
    weight: FloatArray
    subject: IntArray
    instant_us: IntArray

    def __len__(self) -> int:
        return len(self.y)

    def select(self, rows: BoolArray | IntArray) -> Scored:
        """Some of the rows."""
        return Scored(
            self.y[rows],
            self.p[rows],
            self.weight[rows],
            self.subject[rows],
            self.instant_us[rows],
        )


def compare(as_is: Scored, variant: Scored, touched: IntArray) -> dict[str, Any]:
    """The numbers of both versions, on all examples and on those of touched subjects.

    Args:
        as_is: the test examples as they are.
        variant: the test examples under the variant.
        touched: hashes of the subjects that differ.

    Returns:
        ``as_is``, ``variant``, and ``touched`` with the same two, each with n,
        subjects, base_rate, auc, auc_low, auc_high, ece, ece_null_mean, ece_null_95;
        and ``paired`` on the examples that both versions hold with one outcome: n,
        auc_difference (variant less as it is) with its interval. None where a number is
        not defined.
    """
    inside = [
        version.select(np.isin(version.subject, touched))
        for version in (as_is, variant)
    ]
    result = {
        "as_is": summary(as_is),
        "variant": summary(variant),
        "touched": {"as_is": summary(inside[0]), "variant": summary(inside[1])},
        "paired": _paired(as_is, variant),
    }
    return dict(_without_nan(result))


def summary(rows: Scored) -> dict[str, Any]:
    """Size, base rate, AUC and ECE, each with what it is worth."""
    if not len(rows):
        names = ("auc", "auc_low", "auc_high", "ece", "ece_null_mean", "ece_null_95")
        return {"n": 0, "subjects": 0, "base_rate": None} | dict.fromkeys(names)
    draws = min(DRAWS, max(_FEWEST_DRAWS, _DRAWN_ROWS // len(rows)))
    auc, low, high = auc_interval(
        rows.y, rows.p, rows.subject, weights=rows.weight, draws=draws
    )
    mean, usual = metrics.ece_null(rows.p, draws, 0, rows.weight)
    return {
        "n": len(rows),
        "subjects": len(np.unique(rows.subject)),
        "base_rate": float(np.average(rows.y, weights=rows.weight)),
        "auc": auc,
        "auc_low": low,
        "auc_high": high,
        "ece": metrics.ece(rows.y, rows.p, rows.weight),
        "ece_null_mean": mean,
        "ece_null_95": usual,
    }


def _paired(as_is: Scored, variant: Scored) -> dict[str, Any]:
    """The difference in AUC on the examples that both hold, outcomes included."""
    one, two = common_rows(as_is, variant)
    a, b = as_is.select(one), variant.select(two)
    same = a.y == b.y
    a, b = a.select(same), b.select(same)
    result: dict[str, Any] = {"n": len(a)}
    names = ("auc_difference", "auc_difference_low", "auc_difference_high")
    if not len(a):
        return result | dict.fromkeys(names)
    draws = min(DRAWS, max(_FEWEST_DRAWS, _DRAWN_ROWS // len(a)))
    found = paired_auc_difference(
        a.y, b.p, a.p, a.subject, weights=a.weight, draws=draws
    )
    return result | dict(zip(names, found, strict=True))


def common_rows(one: Scored, two: Scored) -> tuple[IntArray, IntArray]:
    """Places of the examples that both hold, each with a name that is there once."""
    names = [
        np.stack([scored.subject, scored.instant_us], axis=1) for scored in (one, two)
    ]
    _, code = np.unique(np.concatenate(names), axis=0, return_inverse=True)
    code = code.reshape(-1)
    codes = code[: len(one)], code[len(one) :]
    size = int(code.max(initial=-1)) + 1
    single = np.ones(size, bool)
    places = np.full((2, size), -1)
    for row, own in enumerate(codes):
        single &= np.bincount(own, minlength=size) == 1
        places[row, own] = np.arange(len(own))
    return places[0, single], places[1, single]


def _without_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
