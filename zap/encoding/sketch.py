"""Small mergeable summaries of values, from which features are fitted.

Counts are whole numbers on fixed grids, so that merging shards in any order, however
the data were split, gives the same sketch and hence the same encoder.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import mmh3
import numpy as np

from zap.encoding.columns import FloatArray, IntArray

CELLS = 64  # a doubling; whole numbers up to 128 have cells of their own
MOST_TEXTS = 4096
LARGEST = 1e100

_SHIFT = 1100  # makes every exponent of a float64 positive


@dataclass(frozen=True)
class Numbers:
    """How often numbers occurred, on a logarithmic grid.

    Attributes:
        cells: count by cell; 0 is the number 0, the sign is that of the numbers, and
            the order is theirs.
        whole: True when all were whole numbers.
    """

    cells: Mapping[int, int]
    whole: bool = True

    @classmethod
    def of(cls, values: FloatArray) -> Numbers:
        """The sketch of some numbers; NaN and infinities are left out.

        Numbers beyond ``LARGEST`` count as it, and those nearer to 0 than its inverse
        count as 0, so that edges between any two of them can be computed.
        """
        finite = np.clip(values[np.isfinite(values)], -LARGEST, LARGEST)
        finite = np.where(np.abs(finite) < 1 / LARGEST, 0.0, finite)
        cells, counts = np.unique(_cells(finite), return_counts=True)
        whole = bool((finite == np.floor(finite)).all())
        return cls(dict(zip(cells.tolist(), counts.tolist(), strict=True)), whole)

    def merge(self, other: Numbers) -> Numbers:
        """The sketch of both sets of numbers together."""
        cells = Counter(self.cells)
        cells.update(other.cells)
        return Numbers(dict(cells), self.whole and other.whole)

    @property
    def count(self) -> int:
        """How many numbers."""
        return sum(self.cells.values())

    @property
    def negative(self) -> bool:
        """True when a number was below 0."""
        return any(cell < 0 for cell in self.cells)

    def positive(self) -> Numbers:
        """The numbers above 0 alone."""
        kept = {cell: n for cell, n in self.cells.items() if cell > 0}
        return Numbers(kept, self.whole)

    def sizes(self) -> Numbers:
        """The numbers without their signs and without zeros."""
        kept: Counter[int] = Counter()
        for cell, count in self.cells.items():
            kept[abs(cell)] += count
        del kept[0]
        return Numbers(dict(kept), self.whole)

    def quantile(self, per_mille: int) -> float:
        """The number with this share of them at or below it, to its cell's inner edge.

        Args:
            per_mille: the share in thousandths.

        Returns:
            within 1/64 of the true quantile; 0 where there are no numbers.
        """
        rank = max(1, -(-self.count * per_mille // 1000))
        for cell in sorted(self.cells):
            rank -= self.cells[cell]
            if rank <= 0:
                return _edge(cell)
        return 0.0

    def to_dict(self) -> dict[str, Any]:
        """The sketch as a JSON object."""
        cells = {str(cell): self.cells[cell] for cell in sorted(self.cells)}
        return {"cells": cells, "whole": self.whole}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Numbers:
        """The sketch that ``to_dict`` described."""
        cells = {int(cell): count for cell, count in data["cells"].items()}
        return cls(cells, data["whole"])


def _cells(values: FloatArray) -> IntArray:
    """The cell of each number: exact, since only its bits are taken apart."""
    fraction, exponent = np.frexp(np.abs(values))
    within = np.floor((fraction - 0.5) * (2 * CELLS)).astype(np.int64)
    size = (exponent.astype(np.int64) + _SHIFT) * CELLS + within
    return np.where(values == 0, 0, np.where(values < 0, -size, size))


def _edge(cell: int) -> float:
    if cell == 0:
        return 0.0
    exponent, within = divmod(abs(cell), CELLS)
    size = float(np.ldexp(0.5 + within / (2 * CELLS), exponent - _SHIFT))
    return size if cell > 0 else -size


@dataclass(frozen=True)
class Texts:
    """How often texts occurred: all of them, or a fixed sample of the distinct ones.

    Kept are the ``MOST_TEXTS`` texts with the smallest hashes. Such a text is among the
    smallest in every part of the data too, so that its count is exact and no order of
    merging matters.

    Attributes:
        counts: count by text.
        cut: True when there were more distinct texts.
    """

    counts: Mapping[str, int]
    cut: bool = False

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> Texts:
        """The sketch of counted texts."""
        return cls({}).merge(cls(counts))

    def merge(self, other: Texts) -> Texts:
        """The sketch of both sets of texts together."""
        joined = Counter(self.counts)
        joined.update(other.counts)
        cut = self.cut or other.cut
        if len(joined) > MOST_TEXTS:
            kept = heapq.nsmallest(MOST_TEXTS, joined, key=_rank)
            return Texts({text: joined[text] for text in kept}, True)
        return Texts(dict(joined), cut)

    def most_common(self, most: int) -> tuple[str, ...]:
        """The ``most`` commonest texts, ties by the alphabet, ascending."""
        ranked = sorted(self.counts, key=lambda text: (-self.counts[text], text))
        return tuple(sorted(ranked[:most]))

    def to_dict(self) -> dict[str, Any]:
        """The sketch as a JSON object."""
        return {"counts": dict(sorted(self.counts.items())), "cut": self.cut}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Texts:
        """The sketch that ``to_dict`` described."""
        return cls(data["counts"], data["cut"])


def _rank(text: str) -> tuple[int, str]:
    return mmh3.hash64(text.encode("utf-8", "surrogatepass"))[0], text


def merged(
    left: Mapping[str, Any], right: Mapping[str, Any], names: Iterable[str]
) -> dict[str, Any]:
    """Sketches by name, those of both sides merged."""
    return {
        name: left[name].merge(right[name])
        if name in left and name in right
        else left.get(name, right.get(name))
        for name in sorted(names)
    }
