"""Turns columns of raw cells into typed columns, and finds the cells that won't go.

Whole columns are converted at once. Only where Arrow refuses a column is it halved
until the bad cells stand alone, so that clean data cost one kernel call, a few bad
cells cost a few more, and the result for a cell never depends on its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.encoding.columns import BoolArray
from zap.errors import MappingError
from zap.events.coded import codes_of, encoded, from_codes

MAX_CELL_BYTES = 1_000_000


@dataclass(frozen=True)
class Failure:
    """Cells that could not be converted.

    Attributes:
        mask: bool, shape (rows,): the cells.
        reason: the last part of a reason's name ("not_float").
        expected: what was expected, in words.
    """

    mask: BoolArray
    reason: str
    expected: str


@dataclass(frozen=True)
class Converted:
    """A converted column.

    Attributes:
        values: the column; null where a cell is absent or failed.
        failures: the cells that failed, most telling reason first.
    """

    values: pa.Array
    failures: tuple[Failure, ...] = ()


def note_failure(
    failures: list[Failure], mask: BoolArray, reason: str, expected: str
) -> None:
    """Add a failure if it has any cells."""
    if mask.any():
        failures.append(Failure(mask, reason, expected))


def bisect(
    cells: pa.Array, convert: Callable[[pa.Array], pa.Array], to: pa.DataType
) -> tuple[pa.Array, BoolArray]:
    """Convert a column, giving null for cells that ``convert`` refuses.

    Args:
        cells: the column.
        convert: a kernel that raises ArrowInvalid if any cell cannot be converted.
        to: the type of its result.

    Returns:
        The converted column, and a mask of the refused cells.
    """
    pieces: list[pa.Array] = []
    failed = np.zeros(len(cells), bool)
    spans = [(0, len(cells))]
    while spans:
        start, stop = spans.pop()
        try:
            pieces.append(convert(cells.slice(start, stop - start)))
        except pa.ArrowInvalid:
            if stop - start == 1:
                pieces.append(pa.nulls(1, to))
                failed[start] = True
            else:
                middle = (start + stop) // 2
                spans += [(middle, stop), (start, middle)]
    whole = pieces[0] if len(pieces) == 1 else pa.concat_arrays(pieces)
    return whole, failed


def to_text(cells: pa.Array, column: str) -> Converted:
    """Cells as texts; an empty text is an absent value.

    Whole floats and decimals are written without a fraction ("13047"), since an
    identifier with absent values often arrives as a float.

    Returns:
        Texts; codes into texts where the cells are such codes.

    Raises:
        MappingError: the column holds lists, structs or the like.
    """
    if isinstance(cells, pa.DictionaryArray) and _holds_text(cells.type.value_type):
        return _coded_text(cells, column)
    cells = plain(cells)
    kind = cells.type
    if pa.types.is_floating(kind):
        return Converted(_float_text(cells))
    if pa.types.is_decimal(kind):
        return Converted(_decimal_text(cells))
    if any(is_such(kind) for is_such in _NO_TEXT):
        raise MappingError(
            "Expected a column of texts, numbers, times or truth values. "
            f"Received: {column}={kind}. Name a leaf of it with a dotted path."
        )
    failures: tuple[Failure, ...] = ()
    if pa.types.is_string(kind):
        texts, bad = _checked_text(cells)
    else:
        texts, bad = bisect(cells, lambda part: pc.cast(part, pa.string()), pa.string())
    if bad.any():
        failures = (Failure(bad, "not_utf8", "a text in UTF-8"),)
    sizes = pc.binary_length(texts)
    if _any(pc.greater(sizes, MAX_CELL_BYTES)):
        large = mask_of(pc.greater(sizes, MAX_CELL_BYTES))
        words = f"at most {MAX_CELL_BYTES} bytes in a cell"
        failures = (Failure(large, "too_large", words), *failures)
        texts = pc.if_else(pa.array(large), pa.scalar(None, pa.string()), texts)
    if _any(pc.equal(sizes, 0)):
        texts = pc.if_else(pc.equal(sizes, 0), pa.scalar(None, pa.string()), texts)
    return Converted(texts, failures)


def _holds_text(kind: pa.DataType) -> bool:
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    return bool(text or pa.types.is_string_view(kind) or pa.types.is_binary(kind))


def _coded_text(cells: pa.DictionaryArray, column: str) -> Converted:
    """Codes into texts, each distinct one looked at once."""
    distinct = to_text(cells.dictionary, column)
    codes = codes_of(cells)
    failures = [
        replace(failure, mask=np.append(failure.mask, False)[codes])
        for failure in distinct.failures
    ]
    values = from_codes(codes, distinct.values)
    if len(pc.unique(values.dictionary)) < len(values.dictionary):
        values = encoded(values.dictionary_decode())
    return Converted(values, tuple(f for f in failures if f.mask.any()))


def _checked_text(cells: pa.Array) -> tuple[pa.Array, BoolArray]:
    """Texts whose bytes are UTF-8, which files do not warrant."""
    try:
        cells.validate(full=True)
    except pa.ArrowInvalid:
        raw = pc.cast(cells, pa.binary())
        return bisect(raw, lambda part: pc.cast(part, pa.string()), pa.string())
    return cells, np.zeros(len(cells), bool)


def plain(cells: pa.Array) -> pa.Array:
    """Cells without encodings: no dictionaries, no large or fixed-size variants.

    A UUID, which Parquet has a type of 16 bytes for, is its text of 36 characters, as
    it stands in CSV and JSON.
    """
    if isinstance(cells, pa.DictionaryArray):
        cells = cells.dictionary_decode()
    if isinstance(cells, pa.ExtensionArray):
        named = cells.type.extension_name == "arrow.uuid"
        return _uuid_text(cells.storage) if named else plain(cells.storage)
    kind = cells.type
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pc.cast(cells, pa.string())
    if any(is_such(kind) for is_such in _BYTES):
        return pc.cast(cells, pa.binary())
    return cells


_BYTES = (
    pa.types.is_large_binary,
    pa.types.is_fixed_size_binary,
    pa.types.is_binary_view,
)
_HEX = np.array([list(f"{byte:02x}".encode()) for byte in range(256)], np.uint8)
_UUID_BYTES, _UUID_DASHES = 16, [8, 12, 16, 20]


def _uuid_text(cells: pa.Array) -> pa.Array:
    """Texts of UUIDs in the canonical form, from their bytes."""
    present = cells.drop_null()
    first = present.offset * _UUID_BYTES
    raw = np.frombuffer(present.buffers()[1] or b"", np.uint8)
    raw = raw[first : first + len(present) * _UUID_BYTES]
    digits = _HEX[raw].reshape(len(present), 2 * _UUID_BYTES)
    texts = np.insert(digits, _UUID_DASHES, ord("-"), axis=1)
    distinct = pa.array(np.ascontiguousarray(texts).view("S36").ravel())
    places = pc.if_else(
        cells.is_valid(), pa.array(np.cumsum(cells.is_valid()) - 1), None
    )
    return pc.cast(distinct, pa.string()).take(places)


_NO_TEXT = (pa.types.is_nested, pa.types.is_duration, pa.types.is_interval)


def _decimal_text(cells: pa.Array) -> pa.Array:
    """Texts of decimals without zeros at their end, which only their type puts there:
    a column of ids in a type with a fraction is one of whole numbers.
    """
    texts = pc.cast(cells, pa.string())
    texts = pc.replace_substring_regex(texts, r"(\.\d*[1-9])0+$", r"\1")
    return pc.replace_substring_regex(texts, r"\.0+$", "")


def _float_text(cells: pa.Array) -> pa.Array:
    """Shortest texts of floats; NaN is absent."""
    cells = without_nan(cells)
    small = pc.less(pc.abs(cells), 2.0**53)
    whole = pc.fill_null(pc.and_(small, pc.equal(pc.floor(cells), cells)), False)
    integers = pc.cast(pc.if_else(whole, cells, 0.0), pa.int64())
    return pc.if_else(
        pc.and_(whole, pc.is_valid(cells)),
        pc.cast(integers, pa.string()),
        pc.cast(cells, pa.string()),
    )


def without_nan(cells: pa.Array) -> pa.Array:
    """Floats (float64) with null for NaN."""
    cells = pc.cast(cells, pa.float64())
    if _any(pc.is_nan(cells)):
        return pc.if_else(pc.is_nan(cells), pa.scalar(None, pa.float64()), cells)
    return cells


def to_float(cells: pa.Array) -> Converted:
    """Cells as finite float64; NaN is an absent value."""
    cells = plain(cells)
    if not is_number(cells.type) and not is_text(cells.type):
        return _none_fits(cells, pa.float64(), "not_float", "a number")
    values, bad = bisect(_trimmed(cells), _cast_float, pa.float64())
    values = without_nan(values)
    infinite = mask_of(pc.is_inf(values))
    failures = [Failure(bad, "not_float", "a number")] if bad.any() else []
    if infinite.any():
        failures.append(Failure(infinite, "not_finite", "a finite number"))
        none = pa.scalar(None, pa.float64())
        values = pc.if_else(pa.array(infinite), none, values)
    return Converted(values, tuple(failures))


def _cast_float(part: pa.Array) -> pa.Array:
    # Not safe: a large integer may lose its last digits, as it does in any float.
    return pc.cast(part, pa.float64(), safe=False)


def to_int(cells: pa.Array) -> Converted:
    """Cells as int64; a float or its text fits if it is whole."""
    cells = plain(cells)
    if not is_number(cells.type) and not is_text(cells.type):
        return _none_fits(cells, pa.int64(), "not_int", "a whole number")
    if pa.types.is_floating(cells.type):
        cells = without_nan(cells)
    try:
        return Converted(pc.cast(cells, pa.int64()))
    except pa.ArrowInvalid:
        cells = _trimmed(cells)
        if is_text(cells.type):
            cells = pc.replace_substring_regex(cells, r"^(-?\d+)\.0*$", r"\1")
        values, bad = bisect(cells, _cast_int, pa.int64())
        return Converted(values, (Failure(bad, "not_int", "a whole number"),))


def _cast_int(part: pa.Array) -> pa.Array:
    """Integers, through floats only where a cell stands alone ("1e3").

    Beyond 2**53 a float is whole whatever the cell says, and has not all its digits.
    """
    if len(part) > 1:
        return pc.cast(part, pa.int64())
    try:
        return pc.cast(part, pa.int64())
    except pa.ArrowInvalid:
        number = pc.cast(part, pa.float64())
        exact = Decimal(str(part[0]))
        if not exact.is_finite() or abs(exact) < 2**53:
            return pc.cast(number, pa.int64())
        return pc.cast(pa.array([exact]), pa.int64())


_TRUTH = {"true": True, "t": True, "yes": True, "1": True}
_TRUTH |= {"false": False, "f": False, "no": False, "0": False}


def to_bool(cells: pa.Array) -> Converted:
    """Cells as truth values: true/false, t/f, yes/no, 1/0 in any case."""
    cells = plain(cells)
    if pa.types.is_boolean(cells.type):
        return Converted(cells)
    if is_number(cells.type):
        cells = to_text(cells, "").values
    if not is_text(cells.type):
        return _none_fits(cells, pa.bool_(), "not_bool", "true or false")
    lower = pc.utf8_lower(pc.utf8_trim_whitespace(cells))
    place = pc.index_in(lower, value_set=pa.array(list(_TRUTH)))
    values = pc.take(pa.array(list(_TRUTH.values())), place)
    bad = mask_of(pc.and_(pc.is_valid(cells), pc.is_null(place)))
    return Converted(values, (Failure(bad, "not_bool", "true or false"),))


def _none_fits(
    cells: pa.Array, to: pa.DataType, reason: str, expected: str
) -> Converted:
    """The result for a column of a type that no cell can be converted from."""
    failure = Failure(mask_of(pc.is_valid(cells)), reason, expected)
    return Converted(pa.nulls(len(cells), to), (failure,))


def _trimmed(cells: pa.Array) -> pa.Array:
    return pc.utf8_trim_whitespace(cells) if is_text(cells.type) else cells


def is_text(kind: pa.DataType) -> bool:
    """True for the text type that ``plain`` and ``to_text`` give."""
    return bool(pa.types.is_string(kind))


def is_number(kind: pa.DataType) -> bool:
    """True for types whose values are numbers (truth values are none)."""
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    return bool(number or pa.types.is_decimal(kind) or pa.types.is_null(kind))


def mask_of(condition: pa.Array) -> BoolArray:
    """A condition as numpy; null is False."""
    if condition.null_count:
        condition = pc.fill_null(condition, False)
    mask: BoolArray = condition.to_numpy(zero_copy_only=False)
    return mask


def _any(condition: pa.Array) -> bool:
    return pc.any(condition, min_count=0).as_py() is True
