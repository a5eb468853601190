"""Which fifth of all a prediction belongs to: the five segments of the report.

A bundle's metrics say with which prediction each of the five parts of the judging set
ends; a prediction is of the first part, from the top, whose end it reaches. The bounds
are those of the report and are not moved by what is served, so that "very high" means
the same on every day of a version's life.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Segments:
    """The bounds of the segments, from the lowest.

    Attributes:
        names: of all segments.
        lowest: the smallest prediction of each but the first, ascending.
    """

    names: tuple[str, ...]
    lowest: tuple[float, ...]

    def __post_init__(self) -> None:
        assert len(self.names) == len(self.lowest) + 1, self
        assert list(self.lowest) == sorted(self.lowest), self

    @classmethod
    def of_metrics(cls, metrics: Mapping[str, Any]) -> Segments | None:
        """The segments that ``metrics.json`` tells of, or None if it has no bounds.

        Classes have no order and so no segments; bundles of older versions of Zap tell
        no bounds.
        """
        parts = metrics.get("segments") or []
        bounds = [part.get("lowest_prediction") for part in parts]
        if not parts or not all(_is_number(bound) for bound in bounds):
            return None
        names = tuple(part["name"] for part in reversed(parts))
        return cls(names, tuple(reversed(bounds[:-1])))

    def of(self, value: float) -> str:
        """The name of the segment of a prediction."""
        return self.names[bisect_right(self.lowest, value)]


def _is_number(bound: Any) -> bool:
    return isinstance(bound, (int, float)) and math.isfinite(bound)
