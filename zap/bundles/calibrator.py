"""Matrix scaling as it is applied: a linear map of the logits before the softmax.

Only numpy, because serving applies it; how it is fitted is in ``zap.training``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zap.errors import BundleError

_KIND = "matrix_scaling"


@dataclass(frozen=True)
class MatrixScaling:
    """q = softmax(W z + b) on the logits z (paper, section 7.1, equation 8).

    Attributes:
        weights: W, two rows of two numbers; the identity changes nothing.
        bias: b, two numbers.
    """

    outputs: ClassVar[int] = 2

    weights: tuple[tuple[float, float], tuple[float, float]] = ((1.0, 0.0), (0.0, 1.0))
    bias: tuple[float, float] = (0.0, 0.0)

    def apply(self, logits: ArrayLike) -> NDArray[np.float64]:
        """Probabilities of the positive class.

        Written out term by term: a matrix product may add up in another order for
        another number of rows, and a score must not depend on its neighbours.

        Args:
            logits: shape (n, 2).

        Returns:
            float64, shape (n,), in [0, 1].
        """
        z = np.asarray(logits, np.float64)
        (w00, w01), (w10, w11) = self.weights
        margin = (
            (w10 - w00) * z[:, 0]
            + (w11 - w01) * z[:, 1]
            + (self.bias[1] - self.bias[0])
        )
        shrunk = np.exp(-np.abs(margin))
        return np.where(margin >= 0, 1.0, shrunk) / (1.0 + shrunk)

    def one(self, logits: Sequence[float]) -> float:
        """``apply`` to a single row, for a server: the same to the bit.

        The exponential is numpy's here too; Python's may differ in the last bit.
        """
        (w00, w01), (w10, w11) = self.weights
        first, second = logits
        margin = (
            (w10 - w00) * first + (w11 - w01) * second + (self.bias[1] - self.bias[0])
        )
        shrunk = float(np.exp(-abs(margin)))
        return (1.0 if margin >= 0 else shrunk) / (1.0 + shrunk)

    @property
    def is_identity(self) -> bool:
        """Whether the calibration changes nothing."""
        return self == MatrixScaling()

    @property
    def uncalibrated(self) -> MatrixScaling:
        """What the model said before calibration."""
        return MatrixScaling()

    def to_dict(self) -> dict[str, Any]:
        """The numbers as a JSON object."""
        weights = [list(row) for row in self.weights]
        return {"kind": _KIND, "weights": weights, "bias": list(self.bias)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> MatrixScaling:
        """The calibration of a JSON object.

        Raises:
            BundleError: it is not a matrix scaling of two logits.
        """
        try:
            weights = np.asarray(data["weights"], np.float64)
            bias = np.asarray(data["bias"], np.float64)
        except (KeyError, TypeError, ValueError):
            weights, bias = np.zeros(0), np.zeros(0)
        fits = weights.shape == (2, 2) and bias.shape == (2,)
        if data.get("kind") != _KIND or not fits:
            raise BundleError(
                f"Expected a calibration of kind {_KIND!r} with 2 x 2 weights and 2 "
                f"biases. Received: {str(dict(data))[:200]}. Train the model again."
            )
        (w00, w01), (w10, w11) = weights.tolist()
        first, second = bias.tolist()
        return cls(((w00, w01), (w10, w11)), (first, second))
