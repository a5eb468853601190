"""Matrix scaling of K logits as it is applied: a linear map before the softmax.

The form for classes; that for a yes or no, with one probability a row, is in
``zap.bundles.calibrator``. Only numpy, because serving applies it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zap.errors import BundleError


@dataclass(frozen=True)
class ClassScaling:
    """q = softmax(W z + b) on the logits z of K classes (paper, 7.1, equation 8).

    Attributes:
        classes: names of the classes by number; K of them.
        weights: W, K rows of K numbers; the identity changes nothing.
        bias: b, K numbers.
    """

    kind: ClassVar[str] = "class_matrix_scaling"

    classes: tuple[str, ...]
    weights: tuple[tuple[float, ...], ...]
    bias: tuple[float, ...]

    def __post_init__(self) -> None:
        size = len(self.classes)
        square = len(self.weights) == size and all(len(w) == size for w in self.weights)
        if size < 2 or not square or len(self.bias) != size:
            raise BundleError(
                f"Expected {size} x {size} weights and {size} biases for the classes "
                f"{', '.join(self.classes)}. Received: weights={self.weights!r:.200}, "
                f"bias={self.bias!r:.200}. Train the model again."
            )

    @classmethod
    def identity(cls, classes: Sequence[str]) -> ClassScaling:
        """The scaling that changes nothing: the plain softmax."""
        rows = np.eye(len(classes)).tolist()
        return cls(tuple(classes), tuple(map(tuple, rows)), (0.0,) * len(classes))

    @property
    def outputs(self) -> int:
        """Number of logits that it takes."""
        return len(self.classes)

    @property
    def is_identity(self) -> bool:
        """Whether the calibration changes nothing."""
        return self == self.uncalibrated

    @property
    def uncalibrated(self) -> ClassScaling:
        """What the model said before calibration."""
        return ClassScaling.identity(self.classes)

    def apply(self, logits: ArrayLike) -> NDArray[np.float64]:
        """Probabilities of the classes.

        Written out term by term, since a score must not depend on its neighbours (see
        ``MatrixScaling.apply``).

        Args:
            logits: shape (n, K).

        Returns:
            float64, shape (n, K), in [0, 1]; a row sums to 1.
        """
        z = np.asarray(logits, np.float64)
        scaled = [
            _added_up([w * z[:, j] for j, w in enumerate(row)]) + bias
            for row, bias in zip(self.weights, self.bias, strict=True)
        ]
        highest = scaled[0]
        for each in scaled[1:]:
            highest = np.maximum(highest, each)
        shares = [np.exp(each - highest) for each in scaled]
        total = _added_up(shares)
        return np.stack([share / total for share in shares], axis=1)

    def one(self, logits: Sequence[float]) -> tuple[float, ...]:
        """``apply`` to a single row."""
        return tuple(self.apply([logits])[0].tolist())

    def to_dict(self) -> dict[str, Any]:
        """The numbers as a JSON object."""
        return {
            "kind": self.kind,
            "classes": list(self.classes),
            "weights": [list(row) for row in self.weights],
            "bias": list(self.bias),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ClassScaling:
        """The calibration of a JSON object.

        Raises:
            BundleError: it is not a matrix scaling of classes.
        """
        try:
            weights = np.asarray(data["weights"], np.float64).tolist()
            bias = np.asarray(data["bias"], np.float64).tolist()
            classes = tuple(str(name) for name in data["classes"])
            return cls(classes, tuple(tuple(row) for row in weights), tuple(bias))
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(
                f"Expected a calibration of kind {cls.kind!r} with classes, weights "
                f"and bias. Received: {str(dict(data))[:200]}. Train the model again."
            ) from error


def _added_up(parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The sum of the parts, from the first to the last."""
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
