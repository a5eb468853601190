"""How often what a question names is there: a misspelt name is never there at all.

A type that no event has is no mistake to the pipeline: nothing matches it, and the
model is worse without a word. So events of each type and values of each field that a
generator names are counted as they are read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.encoding.instance import AnyType
from zap.events.coded import codes_of, encoded
from zap.histories.arrow import base_columns

PREFIX = "named."
TYPE, FIELD = f"{PREFIX}type.", f"{PREFIX}field."


@dataclass(frozen=True)
class Named:
    """The types of events, and the columns of them, that a generator names.

    Attributes:
        types: of events.
        fields: columns; of a derived field that from which it is derived.
    """

    types: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()

    @classmethod
    def of(cls, generator: Any) -> Named:
        """What the instance, the cutoff rule and the expressions name.

        Exclusions and rules about bots are left out: that they match nothing is what
        a clean site looks like.
        """
        reads, predicates = generator.instance.reads, generator.predicates()
        types: set[str] = set()
        for named in (reads.types, *(each.types for each in predicates)):
            types.update(() if isinstance(named, AnyType) else named)
        fields = {*reads.fields, *(name for it in predicates for name in it.fields())}
        fields.update(*(each.fields() for each in generator.expressions()))
        columns = base_columns(fields) - {"type"}
        return cls(tuple(sorted(types)), tuple(sorted(columns)))

    def count(self, batch: pa.RecordBatch) -> Counter[str]:
        """Events of each type and values of each field; of what is not there, none."""
        found: Counter[str] = Counter()
        for name in self.fields:
            if name in batch.schema.names:
                column = batch.column(name)
                found[FIELD + name] = len(column) - column.null_count
        if not self.types:
            return +found
        kinds = encoded(batch.column("type"))
        numbers = np.bincount(codes_of(kinds) + 1, minlength=len(kinds.dictionary) + 1)
        places = pc.index_in(pa.array(self.types, pa.string()), kinds.dictionary)
        for name, place in zip(self.types, places.to_pylist(), strict=True):
            if place is not None:
                found[TYPE + name] = int(numbers[place + 1])
        return +found

    def described(self, counts: Mapping[str, int]) -> dict[str, dict[str, int]]:
        """The sums of ``count`` for a manifest, those of nothing included."""
        return {
            "types": {name: counts.get(TYPE + name, 0) for name in self.types},
            "fields": {name: counts.get(FIELD + name, 0) for name in self.fields},
        }
