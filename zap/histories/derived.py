"""Derived fields of whole columns, each distinct text computed once in a process.

A site has some thousand addresses, and every batch and shard brings most of them again.
So what was computed is kept, as arrays in which Arrow finds many texts at once; only
texts that are new are looked at in Python.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.encoding.columns import MISSING, Categorical, Int32Array
from zap.events.coded import codes_of
from zap.events.derived import DERIVED

MOST_KEPT = 50_000  # texts of a field; of a site with more, hardly one comes again


class Known:
    """The values of one derived field that have been computed.

    Args:
        name: one of ``DERIVED``.
    """

    def __init__(self, name: str):
        self._compute = DERIVED[name].compute
        self._lock = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self._texts = pa.array([], pa.string())
        self._codes = np.zeros(0, np.int32)
        self._values: list[Any] = []
        self._places: dict[Any, int] = {}

    def values(self, texts: pa.Array) -> tuple[Int32Array, list[Any]]:
        """A code for each text, ``MISSING`` where it has no value, and the values.

        Args:
            texts: distinct texts, none of them absent.
        """
        with self._lock:  # a worker of Beam may have several threads
            return self._found(texts)

    def _found(self, texts: pa.Array) -> tuple[Int32Array, list[Any]]:
        place = pc.index_in(texts, value_set=self._texts)
        if place.null_count:
            new = texts.filter(place.is_null())
            if len(self._texts) + len(new) > MOST_KEPT:
                self._forget()
                new = texts
            self._learn(new)
            place = pc.index_in(texts, value_set=self._texts)
        return self._codes[place.to_numpy()], self._values

    def _learn(self, texts: pa.Array) -> None:
        codes = []
        for text in texts.to_pylist():
            value, code = self._compute(text), MISSING
            if value is not None:
                code = self._places.setdefault(value, len(self._values))
                if code == len(self._values):
                    self._values.append(value)
            codes.append(code)
        self._texts = pa.concat_arrays([self._texts, texts])
        self._codes = np.concatenate((self._codes, np.array(codes, np.int32)))


_KNOWN: dict[str, Known] = {}


def derived_column(column: pa.DictionaryArray, name: str) -> Categorical:
    """A derived field of a column of codes.

    Args:
        column: of the base field, without distinct texts that do not occur.
        name: one of ``DERIVED``.
    """
    known = _KNOWN.setdefault(name, Known(name))
    values_of, values = known.values(column.dictionary)
    found = np.append(values_of, np.int32(MISSING))[codes_of(column)]
    occurs = np.zeros(len(values) + 1, bool)
    occurs[found] = True
    occurs[-1] = False
    rank = np.cumsum(occurs, dtype=np.int32) - np.int32(1)
    rank[-1] = MISSING
    return Categorical(rank[found], [values[code] for code in np.flatnonzero(occurs)])
