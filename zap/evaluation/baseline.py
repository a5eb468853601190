"""The simple model that a sequence model must beat: counts, recency and waits.

A logistic regression on the few numbers that every history has (how many events, since
when, since the last, how far apart), on a logarithmic scale, with squares and products.
It sees nothing of what the events were, so the distance to it is what the sequence
model earns. Numpy alone and a few coefficients in JSON: it goes into the bundle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from zap.encoding.columns import FloatArray
from zap.errors import TrainingError
from zap.evaluation.ranking import as_floats, weights_or_ones

RIDGE = 1.0  # weak beside thousands of rows; keeps separable data finite
_STEPS = 100
_TOLERANCE = 1e-8  # of the mean gradient


@dataclass(frozen=True)
class Inputs:
    """What a baseline makes of its columns.

    Attributes:
        columns: names of the inputs, in order.
        low: least log1p of each input in training; values outside are clipped, since
            squares run away beyond the data.
        high: greatest log1p of each input in training.
        mean: mean of each term (inputs, squares, products) in training.
        scale: standard deviation of each term, 1 where it is constant.
    """

    columns: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]

    @classmethod
    def of(cls, columns: Mapping[str, ArrayLike]) -> tuple[Inputs, FloatArray]:
        """The inputs as fitted on some columns, and their design there.

        Names of columns are sorted, so that the order in which a caller holds them does
        not matter.
        """
        names = tuple(sorted(columns))
        logs = _logs(columns, names)
        terms = _terms(logs)
        mean, scale = terms.mean(axis=0), terms.std(axis=0)
        scale = np.where(scale > 1e-9 * (1 + np.abs(mean)), scale, 1.0)
        design = np.column_stack([np.ones(len(terms)), (terms - mean) / scale])
        parts = (logs.min(axis=0), logs.max(axis=0), mean, scale)
        return cls(names, *(tuple(part.tolist()) for part in parts)), design

    def terms(self, columns: Mapping[str, ArrayLike]) -> FloatArray:
        """The standardised terms; float64, shape (rows, terms)."""
        logs = np.clip(_logs(columns, self.columns), self.low, self.high)
        return as_floats((_terms(logs) - self.mean) / self.scale)


@dataclass(frozen=True)
class Baseline(Inputs):
    """A fitted logistic regression.

    Attributes:
        coefficients: the intercept, then one for each term.
    """

    described: ClassVar[str] = "logistic regression on counts, recency and waits"

    coefficients: tuple[float, ...]

    def predict(self, columns: Mapping[str, ArrayLike]) -> FloatArray:
        """Probabilities of a positive.

        Args:
            columns: the inputs by name, each of shape (rows,); others are ignored.

        Returns:
            float64 in [0, 1], shape (rows,).
        """
        terms = self.terms(columns)
        return _sigmoid(self.coefficients[0] + terms @ self.coefficients[1:])

    def to_dict(self) -> dict[str, Any]:
        """The baseline as a JSON object."""
        return {
            "kind": "logistic_regression",
            "columns": list(self.columns),
            "low": list(self.low),
            "high": list(self.high),
            "mean": list(self.mean),
            "scale": list(self.scale),
            "coefficients": list(self.coefficients),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Baseline:
        """The baseline that ``to_dict`` described."""
        names = ("columns", "low", "high", "mean", "scale", "coefficients")
        return cls(**{name: tuple(data[name]) for name in names})


def fit_baseline(
    columns: Mapping[str, ArrayLike], y: ArrayLike, weight: ArrayLike | None = None
) -> Baseline:
    """Fits the baseline by Newton's method with a ridge penalty.

    Args:
        columns: inputs by name, at least one, each of shape (rows,), zero or more.
        y: outcomes, 0 or 1; shape (rows,).
        weight: example weights; shape (rows,).

    Returns:
        The fitted baseline.

    Raises:
        TrainingError: the outcomes are all of one class.
    """
    outcomes = as_floats(y)
    if not 0 < outcomes.sum() < len(outcomes):
        raise TrainingError(
            "A baseline needs positive and negative examples. Received: "
            f"positives={int(outcomes.sum()):,} of {len(outcomes):,} examples. "
            "Look at the generator's label and at the label rate of the dataset."
        )
    inputs, design = Inputs.of(columns)
    found = _newton(design, outcomes, weights_or_ones(weight, len(outcomes)))
    return Baseline(**vars(inputs), coefficients=tuple(found.tolist()))


def _logs(columns: Mapping[str, ArrayLike], names: tuple[str, ...]) -> FloatArray:
    values = [np.maximum(as_floats(columns[name]), 0) for name in names]
    return as_floats(np.log1p(np.column_stack(values)))


def _terms(logs: FloatArray) -> FloatArray:
    """The inputs, and the products of each pair of them, squares included."""
    first, second = np.triu_indices(logs.shape[1])
    return np.column_stack([logs, logs[:, first] * logs[:, second]])


def _sigmoid(logits: FloatArray) -> FloatArray:
    small = np.exp(-np.abs(logits))
    return as_floats(np.where(logits >= 0, 1, small) / (1 + small))


def _newton(design: FloatArray, y: FloatArray, weight: FloatArray) -> FloatArray:
    """Coefficients that minimise the penalised loss; the intercept is free."""
    ridge = np.full(design.shape[1], RIDGE)
    ridge[0] = 0.0
    found = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        p = _sigmoid(design @ found)
        gradient = design.T @ (weight * (p - y)) + ridge * found
        if np.abs(gradient).max() <= _TOLERANCE * weight.sum():
            break
        curved = np.maximum(weight * p * (1 - p), 1e-12)
        hessian = (design * curved[:, None]).T @ design + np.diag(ridge)
        step = as_floats(np.linalg.solve(hessian, gradient))
        found = _downhill(design, y, weight, ridge, found, step)
    return found


def _downhill(
    design: FloatArray,
    y: FloatArray,
    weight: FloatArray,
    ridge: FloatArray,
    found: FloatArray,
    step: FloatArray,
) -> FloatArray:
    """One Newton step, halved until the loss does not grow."""

    def loss(at: FloatArray) -> float:
        logits = design @ at
        each = np.logaddexp(0, logits) - y * logits
        return float(weight @ each + 0.5 * ridge @ (at * at))

    before = loss(found)
    for _ in range(30):
        if loss(found - step) <= before:
            return found - step
        step = step / 2
    return found
