"""Ragged columns as serialized tf.Examples, a whole batch at a time.

A record is the message ``Example { features { repeated entry } }``; an entry holds a
name and a packed list. Protocol Buffers leave the order of a map's entries open, and
libraries write it as a hash table happens to give it; here entries stand in the order
given, so that equal examples are equal bytes.

Nothing is done record by record. A column's values become bytes at once. What stands
before them depends on their number alone, so it is made once for each number that
occurs. Arrow's kernel then joins the pieces of all records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from zap.encoding.columns import IntArray

Bytes: TypeAlias = NDArray[np.uint8]
Ragged: TypeAlias = tuple[NDArray[Any], IntArray]
Distinct: TypeAlias = tuple[IntArray, IntArray]

MOST_VALUES = 4_000_000  # joined at once: at most 40 MB, far below what Arrow can index
_FLOATS, _INTS = b"\x12", b"\x1a"  # the tags of a float list and of an int64 list
_LIST, _VALUE, _ENTRY = b"\x0a", b"\x12", b"\x0a"


def serialize(columns: Mapping[str, Ragged]) -> list[bytes]:
    """A serialized tf.Example for each row.

    Args:
        columns: features in the order wanted; each with its values, int64 or float32,
            and offsets, int64, shape (rows + 1,), into them.
    """
    offsets = [ends for _, ends in columns.values()]
    rows = len(offsets[0]) - 1
    total = np.sum(offsets, axis=0)
    records: list[bytes] = []
    first = 0
    while first < rows:
        most = total[first] + MOST_VALUES
        last = max(first + 1, int(np.searchsorted(total, most, "right")) - 1)
        records += _joined(_part(columns, first, last), last - first)
        first = last
    return records


def varints(values: IntArray) -> tuple[Bytes, IntArray | int]:
    """Integers in the variable-length form of Protocol Buffers.

    Args:
        values: int64, shape (n,).

    Returns:
        Their bytes after one another, and how many each has: one number where all have
        as many, else shape (n,).
    """
    bits = np.ascontiguousarray(values, np.int64).view(np.uint64)
    most = int(bits.max(initial=0))
    for kind in (np.uint8, np.uint16, np.uint32):
        if most <= np.iinfo(kind).max:
            bits = bits.astype(kind)
            break
    widest = max(1, -(-most.bit_length() // 7))
    if widest == 1:
        return bits.astype(np.uint8), 1
    sizes = np.ones(len(bits), np.int64)
    for place in range(1, widest):
        sizes += bits >= bits.dtype.type(1 << 7 * place)
    parts = np.empty((len(bits), widest), np.uint8)
    for place in range(widest):
        parts[:, place] = bits >> bits.dtype.type(7 * place) & bits.dtype.type(0x7F)
        parts[:, place] |= (sizes > place + 1).astype(np.uint8) << 7
    if int(sizes.min()) == widest:
        return parts.reshape(-1), widest
    return parts[np.arange(widest) < sizes[:, None]], sizes


def _part(columns: Mapping[str, Ragged], first: int, last: int) -> dict[str, Ragged]:
    """Some rows of all columns; those that share their offsets still do."""
    offsets = {id(ends): ends[first : last + 1] for _, ends in columns.values()}
    shifted = {key: ends - ends[0] for key, ends in offsets.items()}
    return {
        name: (values[offsets[id(ends)][0] : offsets[id(ends)][-1]], shifted[id(ends)])
        for name, (values, ends) in columns.items()
    }


def _joined(columns: Mapping[str, Ragged], rows: int) -> list[bytes]:
    """The records of some rows."""
    pieces: list[pa.Array] = []
    length = np.zeros(rows, np.int64)
    of_floats: dict[int, Distinct] = {}
    for name, column in columns.items():
        content, sizes = _content(column)
        whole = column[0].dtype.kind == "i"
        key = id(column[1])
        if whole or key not in of_floats:
            distinct = np.unique(sizes, return_inverse=True)
            if not whole:
                of_floats[key] = distinct
        else:
            distinct = of_floats[key]
        header_of = partial(_entry_header, name.encode(), whole)
        before, header = _headers(distinct, header_of)
        pieces += [header, content]
        length += sizes + before
    _, header = _headers(np.unique(length, return_inverse=True), _record_header)
    joined = pc.binary_join_element_wise(header, *pieces, pa.scalar(b"", pa.binary()))
    records: list[bytes] = joined.to_pylist()
    return records


def _content(column: Ragged) -> tuple[pa.Array, IntArray]:
    """The packed values of each row, and how many bytes they are."""
    values, offsets = column
    if values.dtype.kind == "i":
        data, each = varints(values)
        if isinstance(each, int):
            offsets = offsets * each
        else:
            offsets = np.concatenate(([0], np.cumsum(each)))[offsets]
    else:
        data = np.ascontiguousarray(values, "<f4").view(np.uint8)
        offsets = offsets * 4
    places = pa.py_buffer(offsets.astype(np.int32))
    content = pa.Array.from_buffers(
        pa.binary(), len(offsets) - 1, [None, places, pa.py_buffer(data)]
    )
    return content, np.diff(offsets)


def _headers(
    sizes: Distinct, header_of: Callable[[int], bytes]
) -> tuple[IntArray, pa.Array]:
    """The length and the bytes of each row's header, which follow from a size.

    Args:
        sizes: the distinct sizes, and the place among them of each row's.
        header_of: the header of a size.
    """
    distinct, place = sizes
    headers = [header_of(size) for size in distinct.tolist()]
    lengths = np.array([len(header) for header in headers], np.int64)
    return lengths[place], pa.array(headers, pa.binary()).take(pa.array(place))


@lru_cache(maxsize=65_536)
def _entry_header(name: bytes, whole: bool, size: int) -> bytes:
    """What stands before the values of a feature that take up ``size`` bytes."""
    # The codec of TensorFlow writes a list without values as an empty message.
    packed = _LIST + _varint(size) if size else b""
    listed = (_INTS if whole else _FLOATS) + _varint(len(packed) + size) + packed
    value = _VALUE + _varint(len(listed) + size) + listed
    named = _ENTRY + _varint(len(name)) + name + value
    return _ENTRY + _varint(len(named) + size) + named


def _record_header(size: int) -> bytes:
    return _ENTRY + _varint(size)


def _varint(number: int) -> bytes:
    found = bytearray()
    while number >= 0x80:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])
