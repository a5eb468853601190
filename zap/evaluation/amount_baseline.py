"""The simple model of amounts: a generalised linear model on counts and recency.

Its terms are those of the logistic regression (``zap.evaluation.baseline``), its link
and its loss those of the sequence model that it is held against.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from zap.bundles.mean_scaling import MeanScaling
from zap.bundles.target import LOG, Target
from zap.encoding.columns import FloatArray
from zap.evaluation.baseline import RIDGE, Inputs
from zap.evaluation.ranking import as_floats, weights_or_ones

_STEPS = 100
_TOLERANCE = 1e-8  # of the mean gradient
_NAMES = {LOG: "Poisson regression", "identity": "linear regression"}


@dataclass(frozen=True)
class AmountBaseline(Inputs):
    """A fitted regression of amounts.

    Attributes:
        coefficients: the intercept, then one for each term.
        link: "log" or "identity".
        unit: what an amount was divided by.
        centre: what was taken from an amount first.
    """

    kind: ClassVar[str] = "amount_regression"

    coefficients: tuple[float, ...]
    link: str
    unit: float
    centre: float

    @property
    def described(self) -> str:
        """What it is, in words."""
        return f"{_NAMES[self.link]} on counts, recency and waits"

    def predict(self, columns: Mapping[str, ArrayLike]) -> FloatArray:
        """Mean amounts.

        Args:
            columns: the inputs by name, each of shape (rows,); others are ignored.

        Returns:
            float64, shape (rows,).
        """
        terms = self.terms(columns)
        sums = self.coefficients[0] + terms @ self.coefficients[1:]
        return MeanScaling(self.link, self.unit, self.centre).apply(sums[:, None])

    def to_dict(self) -> dict[str, Any]:
        """The baseline as a JSON object."""
        numbers = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in vars(self).items()
        }
        return {"kind": self.kind, **numbers}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> AmountBaseline:
        """The baseline that ``to_dict`` described."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in data.items()
            if name != "kind"
        }
        return cls(**values)


def fit_amount_baseline(
    target: Target,
    columns: Mapping[str, ArrayLike],
    y: ArrayLike,
    weight: ArrayLike | None = None,
) -> AmountBaseline:
    """Fits the regression by Newton's method with a ridge penalty.

    The intercept is free, so that the predicted total is the observed one.

    Args:
        target: of amounts; its link, scale, centre and dispersion are used.
        columns: inputs by name, at least one, each of shape (rows,), zero or more.
        y: amounts; shape (rows,).
        weight: example weights; shape (rows,).
    """
    inputs, design = Inputs.of(columns)
    amounts = (as_floats(y) - target.centre) / target.scale
    weights = weights_or_ones(weight, len(amounts)) / target.dispersion
    mean = _exponential if target.link == LOG else _same
    found = _newton(design, amounts, weights, mean)
    return AmountBaseline(
        **vars(inputs),
        coefficients=tuple(found.tolist()),
        link=target.link,
        unit=target.scale,
        centre=target.centre,
    )


# Mean, its derivative and its integral by the sum of the terms.
_Mean = Callable[[FloatArray], tuple[FloatArray, FloatArray, FloatArray]]


def _exponential(sums: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    mean = np.exp(np.minimum(sums, 80))
    return mean, mean, mean


def _same(sums: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    return sums, np.ones_like(sums), sums**2 / 2


def _newton(
    design: FloatArray, y: FloatArray, weight: FloatArray, mean_of: _Mean
) -> FloatArray:
    """Coefficients that minimise the penalised loss; the intercept is free."""
    ridge = np.full(design.shape[1], RIDGE)
    ridge[0] = 0.0

    def loss(at: FloatArray) -> float:
        sums = design @ at
        return float(weight @ (mean_of(sums)[2] - y * sums) + 0.5 * ridge @ (at * at))

    found = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        mean, slope, _ = mean_of(design @ found)
        gradient = design.T @ (weight * (mean - y)) + ridge * found
        if np.abs(gradient).max() <= _TOLERANCE * weight.sum():
            break
        curved = np.maximum(weight * slope, 1e-12)
        hessian = (design * curved[:, None]).T @ design + np.diag(ridge)
        found = _downhill(loss, found, as_floats(np.linalg.solve(hessian, gradient)))
    return found


def _downhill(
    loss: Callable[[FloatArray], float], found: FloatArray, step: FloatArray
) -> FloatArray:
    """One Newton step, halved until the loss does not grow."""
    before = loss(found)
    for _ in range(30):
        if loss(found - step) <= before:
            return found - step
        step = step / 2
    return found
