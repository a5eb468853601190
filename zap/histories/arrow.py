"""From Arrow's columns to the numpy columns that everything after reading works on."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.encoding.columns import MISSING, Categorical, Column, Numeric
from zap.errors import GeneratorError
from zap.events.coded import codes_of, compacted, encoded, whole
from zap.events.derived import DERIVED
from zap.events.schema import CANONICAL_NAMES
from zap.events.tables import near
from zap.histories.derived import derived_column

BOOLEANS = ("false", "true")


def base_columns(names: Iterable[str]) -> set[str]:
    """The columns of events that fields are read from: a derived field's own source."""
    return {DERIVED[name].base if name in DERIVED else name for name in names}


def to_columns(
    table: pa.Table | pa.RecordBatch, names: Collection[str]
) -> dict[str, Column]:
    """The fields ``names`` as columns, derived fields included.

    Args:
        table: canonical events.
        names: canonical fields, properties and derived fields such as ``url.host``.

    Raises:
        GeneratorError: a field is neither in the table nor derived from one in it.
    """
    columns: dict[str, Column] = {}
    coded: dict[str, pa.DictionaryArray] = {}
    for name in sorted({*names, "type"}):
        base = DERIVED[name].base if name in DERIVED else name
        if base not in table.schema.names:
            raise _no_field(name, table.schema.names)
        if name not in DERIVED:
            columns[name] = to_column(table.column(base))
            continue
        if base not in coded:
            coded[base] = compacted(encoded(whole(table.column(base))))
        columns[name] = derived_column(coded[base], name)
    return columns


def _no_field(name: str, columns: Collection[str]) -> GeneratorError:
    """Of the columns those alone are at hand that the generator reads."""
    like = near(name, {*CANONICAL_NAMES, *DERIVED, *columns})
    return GeneratorError(
        "The generator reads a field that the events do not have. Received: "
        f"field={name!r}{like}. Fields are what the mapping has under [fields] and "
        f"[properties], and {', '.join(DERIVED)} of these. Correct the name, or map "
        "it."
    )


def to_column(array: pa.Array | pa.ChunkedArray) -> Column:
    """One Arrow column as numbers or as codes.

    Booleans become the texts "false" and "true", times become seconds since 1970.
    """
    array = whole(array)
    kind = array.type
    if pa.types.is_boolean(kind):
        codes = pc.fill_null(pc.cast(array, pa.int32()), MISSING)
        return Categorical(codes.to_numpy(zero_copy_only=False), BOOLEANS)
    if pa.types.is_timestamp(kind):
        micros = pc.cast(pc.cast(array, pa.timestamp("us", kind.tz)), pa.int64())
        return Numeric(_floats(micros) / 1e6)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return Numeric(_floats(array))
    coded = compacted(encoded(array))
    return Categorical(codes_of(coded), coded.dictionary.to_pylist())


def _floats(array: pa.Array) -> np.ndarray:
    return np.asarray(
        pc.cast(array, pa.float64(), safe=False).to_numpy(zero_copy_only=False), float
    )
