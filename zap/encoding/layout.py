"""Where each feature's places lie in a vector, and how columns fill them.

First the hash buckets, which all hashed features share, then a block for each other
feature in declared order. Changing this order changes the meaning of every stored
dataset and model: raise the encoder's ``FORMAT`` with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from zap.encoding.columns import Column, Int32Array, IntArray, SparseRows
from zap.encoding.entries import Entries, stacked, united, united_sources
from zap.encoding.features import Feature, Hash
from zap.encoding.hashing import hashes_of
from zap.encoding.values import as_categorical, used_codes

LAST_SOURCE = 62  # the highest bit of an int64; features from here on share it


class Layout:
    """The places of a vector.

    Args:
        features: the features in declared order, fitted.
        buckets: number of hash buckets; no matter where nothing is hashed.
        seed: seed of the hash.
        further: sizes of blocks after the features', filled by the caller.

    Attributes:
        size: length of the vector.
        most: most entries that a vector can have.
    """

    def __init__(
        self,
        features: Sequence[Feature],
        buckets: int | None,
        seed: int,
        further: Sequence[int] = (),
    ):
        hashed = [feature for feature in features if isinstance(feature, Hash)]
        own = [feature for feature in features if not isinstance(feature, Hash)]
        self.buckets = buckets if hashed and buckets is not None else 0
        self._seed = seed
        sizes = [self.buckets, *(feature.size for feature in own), *further]
        self._starts = [0, *accumulate(sizes)][:-1]
        self.size = sum(sizes)
        ones = min(sum(feature.most for feature in hashed), self.buckets)
        self.most = ones + sum(feature.most for feature in own) + sum(further)

    def fill(
        self,
        columns: Sequence[tuple[Feature, Column]],
        rows: int,
        further: Sequence[Entries] = (),
        with_sources: bool = False,
    ) -> SparseRows:
        """Sparse rows of the features' columns.

        Args:
            columns: each feature, in declared order, with its column of ``rows`` rows.
            rows: number of rows.
            further: the entries of the further blocks.
            with_sources: whether each entry is to say which features made it; bit i
                for the i-th feature, the further blocks after them.
        """
        slots = [(f, self._slots(f, c)) for f, c in columns if isinstance(f, Hash)]
        hashed = [slot for _, own in slots for slot in own]
        own = [f.entries(c) for f, c in columns if not isinstance(f, Hash)]
        blocks = [united(hashed, self.buckets), *own, *further]
        sources = None
        if with_sources:
            sources = self._sources([f for f, _ in columns], slots, blocks)
        return stacked(blocks, self._starts, rows, sources)

    def _sources(
        self,
        features: Sequence[Feature],
        slots: Sequence[tuple[Feature, Sequence[Int32Array]]],
        blocks: Sequence[Entries],
    ) -> list[IntArray]:
        """What made the entries of each block."""
        count = len(features) + len(blocks)
        bits = [1 << min(place, LAST_SOURCE) for place in range(count)]
        named = list(zip(bits, features, strict=False))
        shared = [bit for bit, feature in named if isinstance(feature, Hash)]
        own = [bit for bit, feature in named if not isinstance(feature, Hash)]
        own += bits[len(features) :]
        hashed = [slot for _, found in slots for slot in found]
        made = [
            bit for bit, (_, found) in zip(shared, slots, strict=True) for _ in found
        ]
        first = united_sources(hashed, made, self.buckets)
        rest = zip(blocks[1:], own, strict=False)
        return [first, *(np.full(len(block), bit, np.int64) for block, bit in rest)]

    def _slots(self, feature: Hash, column: Column) -> list[Int32Array]:
        """The places of a feature's strings: the first of each row, the second, ...

        Each distinct value is hashed once. A place may come twice in a row; ``united``
        takes it once.
        """
        texts = as_categorical(column)
        codes = used_codes(texts)
        values: Sequence[Any] = texts.distinct
        if len(codes) < len(values):
            values = [values[code] for code in codes.tolist()]
        hashes, counts = self._hashes(feature, values)
        slots, rows, width = np.zeros(1, np.int64), codes, 1
        if counts is not None:
            firsts = np.cumsum(counts) - counts
            slots = np.arange(len(hashes)) - np.repeat(firsts, counts)
            rows, width = np.repeat(codes, counts), int(counts.max(initial=0))
        table = np.full((width, len(texts.distinct) + 1), self.buckets, np.int32)
        table[slots, rows] = hashes % self.buckets
        return [row[texts.codes] for row in table]

    def _hashes(
        self, feature: Hash, values: Sequence[Any]
    ) -> tuple[IntArray, IntArray | None]:
        """The hashes of values one after the other, and how many each has.

        Whether there are any with several strings shows where they are joined to the
        field's name: looking at the type of each first costs a quarter of its hash.

        Returns:
            the counts are None where each is one text.
        """
        counts = None
        try:
            found = hashes_of(feature.field, [values], self._seed)
        except TypeError:
            most = feature.most
            groups = [v[:most] if isinstance(v, tuple) else (v,) for v in values]
            counts = np.fromiter(map(len, groups), np.int64, len(groups))
            found = hashes_of(feature.field, groups, self._seed)
        return np.fromiter(found, np.int64, len(found)), counts
