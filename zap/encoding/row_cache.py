"""Rows of known events, bounded, found without a lock.

Events of a site resemble each other: a page is seen by many, and every request brings
the last events of a subject again. What a row holds is a pure function of the values
of the fields that an instance reads, so it is kept under the tuple of them.

Python's keys are not ours: ``1 == True == 1.0`` and all three are one key, though they
encode as two texts. So a key holds numbers and booleans beside their exact types. Which
fields have such values is learned: the first one in a field empties the cache and
lengthens all keys to come. Keys of texts alone, the usual case, stay as short as can
be. Values of other types (datetimes: two moments an hour apart are equal where a clock
is set back; what numpy and others bring along) are never part of a key; whoever keeps
rows replaces them by plain ones before.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import itemgetter
from sys import getsizeof
from typing import Any, Generic, TypeAlias, TypeVar

from zap.errors import EncodingError

Key: TypeAlias = tuple[Any, ...]
R = TypeVar("R")

TEXTS = {str, type(None), tuple}
TYPED = {bool, int, float}
_ROW_BYTES = 700  # a key's and a row's objects without their texts


@dataclass(frozen=True)
class CacheLimits:
    """How much an encoder keeps of the events that it has seen.

    Attributes:
        rows: most rows; 0 for no cache.
        max_bytes: most memory of keys and rows, as estimated by the last of each few.
    """

    rows: int = 32_768
    max_bytes: int = 64 << 20

    def __post_init__(self) -> None:
        for name in ("rows", "max_bytes"):
            given = getattr(self, name)
            if not isinstance(given, int) or given < 0:
                raise EncodingError(
                    "Limits of a cache are whole numbers of at least 0. "
                    f"Received: {name}={given!r}."
                )


DEFAULT_LIMITS = CacheLimits()


class Generation(Generic[R]):
    """The rows learned since the last change of generations, and those before.

    Attributes:
        rows: by key.
        marked: by the mark of an event, which stands for all that it holds.
        older: rows that go at the next change, unless they are asked for before.
        typed: places of an event's values that have their types in the key, ascending.
    """

    __slots__ = ("marked", "older", "rows", "typed")

    def __init__(self, typed: tuple[int, ...], older: dict[Key, R]):
        self.rows: dict[Key, R] = {}
        self.marked: dict[str, R] = {}
        self.older = older
        self.typed = typed

    def keys(self, values: Sequence[Key]) -> Sequence[Key]:
        """The keys of some events' values."""
        if not self.typed:
            return values
        types = [map(type, map(itemgetter(place), values)) for place in self.typed]
        return list(zip(values, *types, strict=True))


class RowCache(Generic[R]):
    """Two generations of rows: what was not asked for in a whole one is dropped.

    Readers take ``generation`` once and look its dicts up, which needs no lock: a
    change puts another object in its place and leaves the old one whole. Writers, who
    have just computed rows, take the lock.

    Args:
        limits: see ``CacheLimits``; a generation has half of each.
        typed: places of values that are numbers as a rule.

    Attributes:
        generation: the present one.
    """

    def __init__(self, limits: CacheLimits, typed: Iterable[int] = ()):
        self.limits = limits
        self.generation: Generation[R] = Generation(tuple(sorted(typed)), {})
        self._bytes = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Number of rows kept; one that is in both generations counts twice."""
        now = self.generation
        return len(now.rows) + len(now.older)

    def find(self, values: Sequence[Key]) -> list[R | None]:
        """The rows of some events' values, where they are known.

        Raises:
            TypeError: a value is not hashable.
        """
        now = self.generation
        keys = now.keys(values)
        found = list(map(now.rows.get, keys))
        if now.older:
            old = [
                None if row else now.older.get(key)
                for row, key in zip(found, keys, strict=True)
            ]
            if any(old):
                again = list(compress(values, old))
                self.keep(again, [row for row in old if row], typed=())
                found = [a or b for a, b in zip(found, old, strict=True)]
        return found

    def keep(
        self, values: Sequence[Key], rows: Sequence[R], typed: Iterable[int]
    ) -> None:
        """Remember the rows of some events' values.

        Args:
            values: of each event; texts, tuples, None, and numbers at ``typed``.
            rows: the row of each.
            typed: places where there are numbers or booleans.
        """
        if not rows or not self.limits.rows:
            return
        size = len(rows) * (_ROW_BYTES + sum(map(_text_bytes, values[-1])))
        with self._lock:
            now = self.generation
            if not set(typed) <= set(now.typed):
                self._begin(tuple(sorted({*now.typed, *typed})), {})
            elif (
                2 * (len(now.rows) + len(rows)) > self.limits.rows
                or 2 * (self._bytes + size) > self.limits.max_bytes
            ):
                self._begin(now.typed, now.rows)
            now = self.generation
            now.rows.update(zip(now.keys(values), rows, strict=True))
            self._bytes += size

    def mark(self, marks: Sequence[str], rows: Sequence[R]) -> None:
        """Remember the rows of some events' marks, until the next generation.

        An event may hold more than the fields that an instance reads, so there may be
        more marks than rows: they are no more than a generation has rows, or all go.
        """
        most = self.limits.rows // 2
        if len(marks) > most:
            return
        with self._lock:
            now = self.generation
            if len(now.marked) + len(marks) > most:
                now.marked = {}
            now.marked.update(zip(marks, rows, strict=True))

    def _begin(self, typed: tuple[int, ...], older: dict[Key, R]) -> None:
        self.generation, self._bytes = Generation(typed, older), 0


def _text_bytes(value: Any) -> int:
    if type(value) is tuple:
        return getsizeof(value) + sum(map(getsizeof, value))
    return 0 if value is None else getsizeof(value)
