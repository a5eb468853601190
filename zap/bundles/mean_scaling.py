"""From a model's one output to a mean amount, with two numbers of recalibration.

Only numpy, because serving applies it; how it is fitted is in ``zap.training``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zap.bundles.target import IDENTITY, LOG
from zap.errors import BundleError

_HIGHEST = 80.0  # exp of it is beyond any amount, and still finite


@dataclass(frozen=True)
class MeanScaling:
    """mean = scale * exp(slope * z + offset), or centre + scale * (slope * z + offset).

    Attributes:
        link: "log" for the first form, "identity" for the second.
        scale: the unit of amounts, above 0.
        centre: of the identity link, the amount where the sum in brackets is 0.
        slope: 1 changes nothing.
        offset: 0 changes nothing.
    """

    kind: ClassVar[str] = "mean_scaling"
    outputs: ClassVar[int] = 1

    link: str = IDENTITY
    scale: float = 1.0
    centre: float = 0.0
    slope: float = 1.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        numbers = (self.scale, self.centre, self.slope, self.offset)
        right = all(math.isfinite(number) for number in numbers) and self.scale > 0
        if self.link not in (LOG, IDENTITY) or not right:
            raise BundleError(
                f"Expected the link {LOG!r} or {IDENTITY!r}, a scale above 0 and "
                f"finite numbers. Received: {asdict(self)}. Train the model again."
            )

    @property
    def is_identity(self) -> bool:
        """Whether the recalibration changes nothing."""
        return self == self.uncalibrated

    @property
    def uncalibrated(self) -> MeanScaling:
        """What the model said before recalibration."""
        return replace(self, slope=1.0, offset=0.0)

    def apply(self, outputs: ArrayLike) -> NDArray[np.float64]:
        """Mean amounts.

        Args:
            outputs: shape (n, 1), of the frozen model.

        Returns:
            float64, shape (n,).
        """
        z = self.slope * np.asarray(outputs, np.float64)[:, 0] + self.offset
        if self.link == LOG:
            means: NDArray[np.float64] = self.scale * np.exp(np.minimum(z, _HIGHEST))
            return means
        return self.centre + self.scale * z

    def one(self, outputs: Sequence[float]) -> float:
        """``apply`` to a single row, for a server: the same to the bit."""
        (output,) = outputs
        z = self.slope * output + self.offset
        if self.link == LOG:
            return self.scale * float(np.exp(min(z, _HIGHEST)))
        return self.centre + self.scale * z

    def to_dict(self) -> dict[str, Any]:
        """The numbers as a JSON object."""
        return {"kind": self.kind, **asdict(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> MeanScaling:
        """The recalibration of a JSON object.

        Raises:
            BundleError: it is not a recalibration of means.
        """
        names = ("scale", "centre", "slope", "offset")
        try:
            return cls(str(data["link"]), *(float(data[name]) for name in names))
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(
                f"Expected a calibration of kind {cls.kind!r} with link, "
                f"{', '.join(names)}. Received: {str(dict(data))[:200]}. Train the "
                "model again."
            ) from error
