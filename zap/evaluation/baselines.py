"""The simple baseline of each kind of label, and how one is read from a bundle.

A yes or no has a logistic regression (``zap.evaluation.baseline``), classes have one of
these each, normalised; amounts have a generalised linear model with the link of the
sequence model. All see the same few columns: counts, recency and waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from zap.bundles.target import AMOUNT, CLASSES, Target
from zap.encoding.columns import FloatArray
from zap.evaluation.amount_baseline import AmountBaseline, fit_amount_baseline
from zap.evaluation.baseline import Baseline, fit_baseline
from zap.evaluation.ranking import as_floats


@dataclass(frozen=True)
class ClassBaseline:
    """One logistic regression for each class against all others.

    Attributes:
        each: the regressions, by the number of their class.
    """

    kind: ClassVar[str] = "one_vs_rest"
    described: ClassVar[str] = (
        "set of logistic regressions, one for each class, on counts, recency and waits"
    )

    each: tuple[Baseline, ...]

    def predict(self, columns: Mapping[str, ArrayLike]) -> FloatArray:
        """Probabilities of the classes.

        Args:
            columns: the inputs by name, each of shape (rows,).

        Returns:
            float64, shape (rows, K); a row sums to 1.
        """
        found = np.stack([one.predict(columns) for one in self.each], axis=1)
        total = found.sum(axis=1, keepdims=True)
        even = np.full_like(found, 1 / len(self.each))
        return as_floats(np.divide(found, total, out=even, where=total > 0))

    def to_dict(self) -> dict[str, Any]:
        """The baseline as a JSON object."""
        return {"kind": self.kind, "each": [one.to_dict() for one in self.each]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ClassBaseline:
        """The baseline that ``to_dict`` described."""
        return cls(tuple(Baseline.from_dict(one) for one in data["each"]))


AnyBaseline = Baseline | ClassBaseline | AmountBaseline


def fit_target_baseline(
    target: Target,
    columns: Mapping[str, ArrayLike],
    y: ArrayLike,
    weight: ArrayLike | None = None,
) -> AnyBaseline:
    """Fits the baseline of a kind of label.

    Args:
        target: what the labels are.
        columns: inputs by name, each of shape (rows,), zero or more.
        y: labels; shape (rows,).
        weight: example weights; shape (rows,).

    Raises:
        TrainingError: a class does not occur.
    """
    if target.kind == AMOUNT:
        return fit_amount_baseline(target, columns, y, weight)
    if target.kind == CLASSES:
        number = np.asarray(y)
        return ClassBaseline(
            tuple(
                fit_baseline(columns, number == own, weight)
                for own in range(target.outputs)
            )
        )
    return fit_baseline(columns, y, weight)


def baseline_from_dict(data: Mapping[str, Any]) -> AnyBaseline:
    """The baseline of a JSON object, whatever its kind."""
    if data["kind"] == ClassBaseline.kind:
        return ClassBaseline.from_dict(data)
    if data["kind"] == AmountBaseline.kind:
        return AmountBaseline.from_dict(data)
    return Baseline.from_dict(data)
