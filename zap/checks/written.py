"""Whether a generator's own method changed the events that it was shown.

A view is no copy, so a method in plain Python can reach what lies behind it. What it
changes there before instances are encoded would end in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from zap.encoding.columns import Numeric
from zap.histories.batch import HistoryBatch


@dataclass(frozen=True)
class Marks:
    """A hash of each array of a batch of histories, by name."""

    of: dict[str, int]


def marks_of(histories: HistoryBatch) -> Marks:
    """The marks of all that a method could reach."""
    arrays: dict[str, Any] = {
        "timestamp": histories.time_us,
        "offsets": histories.offsets,
        "received_at": histories.known_us,
    }
    marks = {name: _mark(array) for name, array in arrays.items()}
    for name, column in histories.columns.items():
        if isinstance(column, Numeric):
            marks[name] = _mark(column.values)
        else:
            marks[name] = hash((_mark(column.codes), tuple(column.distinct)))
    return Marks(marks)


def changed_since(before: Marks, histories: HistoryBatch) -> list[str]:
    """Names of what is no longer as it was."""
    if not before.of:
        return []
    now = marks_of(histories).of
    return sorted(name for name in now if now[name] != before.of.get(name))


def _mark(array: np.ndarray[Any, Any]) -> int:
    return hash(array.tobytes())
