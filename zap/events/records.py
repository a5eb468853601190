"""Cuts text files into records and knows each record's line.

Arrow's CSV reader is fast but tells neither lines nor raw text, and a dead letter is
worth little without them. So records are found first, with numpy over whole blocks:
line breaks inside quotes are those with an odd number of quotes before them. That holds
where each quote opens or closes a cell; a block with other quotes is walked cell by
cell instead, by the rules of Arrow's parser: a quote means something only at the start
of a cell, and until the quote that ends it. A test holds both against Arrow.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from zap.encoding.columns import BoolArray, IntArray

MAX_RECORD_BYTES = 16 << 20
_LF, _CR = 10, 13

Bytes: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True)
class Dialect:
    """How records are told apart.

    Attributes:
        delimiter: the byte between cells; only its place beside quotes matters here.
        quote: the quoting character, or None where quotes mean nothing.
        lone_cr: True if a carriage return alone ends a line.
    """

    delimiter: bytes = b","
    quote: bytes | None = b'"'
    lone_cr: bool = True


# What may be wrong with a record; its place here is the record's fault.
FAULTS = ("", "csv.unclosed_quote", "too_large")
_UNCLOSED, _TOO_LARGE = 1, 2


@dataclass(frozen=True)
class Block:
    """Whole records of a file; empty lines are none.

    Attributes:
        data: bytes that hold the records.
        start: int64, shape (records,): where in ``data`` a record begins.
        stop: int64, shape (records,): where it ends, its line break not included.
        line: int64, shape (records,): its first line in the file, from 1.
        fault: int8, shape (records,): place in ``FAULTS``, 0 if nothing is wrong.
    """

    data: bytes
    start: IntArray
    stop: IntArray
    line: IntArray
    fault: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.start)

    def text(self, record: int) -> bytes:
        """Raw bytes of a record."""
        return self.data[self.start[record] : self.stop[record]]

    def select(self, keep: BoolArray | slice) -> Block:
        """The block with some of its records."""
        return Block(
            self.data,
            self.start[keep],
            self.stop[keep],
            self.line[keep],
            self.fault[keep],
        )


def split_records(chunks: Iterable[bytes], dialect: Dialect) -> Iterator[Block]:
    """Cut a file into blocks of records.

    Args:
        chunks: the bytes of the file, in pieces of any size.
        dialect: how records are told apart.

    Yields:
        Blocks in order, with at least one record each. Of a line that is longer than
        ``MAX_RECORD_BYTES`` only the beginning comes out, marked too large.
    """
    rest, line, skipping = b"", 1, False
    for chunk in chunks:
        if skipping:
            rest, found = _after_break(rest + chunk, dialect)
            line, skipping, chunk = line + found, not found, b""
            if skipping:
                continue
        block, used, breaks = _cut(rest + chunk, line, dialect, final=False)
        if len(block):
            yield block
        rest, line = block.data[used:], line + breaks
        if len(rest) > MAX_RECORD_BYTES:
            yield _one_faulty(rest[:MAX_RECORD_BYTES], line, _TOO_LARGE)
            rest, skipping = b"", True
    if skipping:
        rest = b""
    block, _, _ = _cut(rest, line, dialect, final=True)
    if len(block):
        yield block


def _after_break(data: bytes, dialect: Dialect) -> tuple[bytes, bool]:
    """What follows the first line break; without one, what may be half of it."""
    breaks = _line_breaks(np.frombuffer(data, np.uint8), dialect, final=False)
    if len(breaks):
        return data[int(breaks[0]) + 1 :], True
    return (b"\r" if dialect.lone_cr and data.endswith(b"\r") else b""), False


def _one_faulty(data: bytes, line: int, fault: int) -> Block:
    stop, lines = np.array([len(data)], np.int64), np.array([line], np.int64)
    return Block(data, np.zeros(1, np.int64), stop, lines, np.array([fault], np.int8))


def _cut(
    data: bytes, line: int, dialect: Dialect, *, final: bool
) -> tuple[Block, int, int]:
    """The whole records of ``data``, the bytes used, and the line breaks in them."""
    codes = np.frombuffer(data, np.uint8)
    breaks = _line_breaks(codes, dialect, final)
    ends, faulty = breaks, np.zeros(0, np.int64)
    quotes = _quotes(codes, dialect)
    if len(quotes):
        ends = breaks[np.searchsorted(quotes, breaks) % 2 == 0]
        left = len(data) - (int(ends[-1]) + 1 if len(ends) else 0)
        unclosed = len(quotes) % 2 == 1 and (final or left > MAX_RECORD_BYTES)
        if unclosed or not _at_edges(codes, quotes, dialect):
            ends, faulty = _walk(data, breaks, dialect, final)
    if final and len(data) and not (len(ends) and ends[-1] >= len(data) - 1):
        ends = np.append(ends, len(data))
    starts = np.concatenate(([0], ends[:-1] + 1)).astype(np.int64)[: len(ends)]
    used = min(int(ends[-1]) + 1, len(data)) if len(ends) else 0
    stops = ends - _carriage_returns(codes, starts, ends)
    block = Block(
        data,
        starts,
        stops,
        line + np.searchsorted(breaks, starts),
        np.isin(starts, faulty).astype(np.int8) * np.int8(_UNCLOSED),
    )
    return block.select(stops > starts), used, int(np.searchsorted(breaks, used))


def _line_breaks(codes: Bytes, dialect: Dialect, final: bool) -> IntArray:
    """Where lines end: at a line feed, or a carriage return that none follows."""
    newline = codes == _LF
    if dialect.lone_cr and _CR in codes:
        lone = codes == _CR
        lone[:-1] &= ~newline[1:]
        # The last byte's line feed may still come with the next chunk.
        lone[-1] &= final
        newline |= lone
    return np.flatnonzero(newline)


def _carriage_returns(codes: Bytes, starts: IntArray, ends: IntArray) -> IntArray:
    """1 for records that end with CR and LF."""
    if not len(codes):
        return np.zeros(len(ends), np.int64)
    last = codes[np.minimum(ends, len(codes) - 1)]
    both = (last == _LF) & (ends > starts) & (codes[ends - 1] == _CR)
    return np.asarray(both, np.int64)


def _quotes(codes: Bytes, dialect: Dialect) -> IntArray:
    if dialect.quote is None:
        return np.zeros(0, np.int64)
    return np.flatnonzero(codes == dialect.quote[0])


def _at_edges(codes: Bytes, quotes: IntArray, dialect: Dialect) -> bool:
    """True if each quote that opens begins a cell, and each that closes ends one.

    Two quotes in a row inside a cell close and open it, which changes nothing.
    """
    assert dialect.quote is not None
    edges = np.frombuffer(dialect.delimiter + dialect.quote + b"\r\n", np.uint8)
    opening, closing = quotes[::2], quotes[1::2]
    before = codes[np.maximum(opening - 1, 0)]
    after = codes[np.minimum(closing + 1, len(codes) - 1)]
    opens = np.isin(before, edges) | (opening == 0)
    closes = np.isin(after, edges) | (closing == len(codes) - 1)
    return bool(opens.all() and closes.all())


def _walk(
    data: bytes, breaks: IntArray, dialect: Dialect, final: bool
) -> tuple[IntArray, IntArray]:
    """Ends of records found cell by cell, and starts of those with an open quote."""
    record = _record_pattern(dialect)
    ends: list[int] = []
    faulty: list[int] = []
    position = 0
    while position < len(data):
        match = record.match(data, position)
        if match is not None and (match.end() < len(data) or final):
            end = match.end()
            end += data[end : end + 2] == b"\r\n"
        elif final or len(data) - position > MAX_RECORD_BYTES:
            # The quote is never closed: give up this line, not all that follows.
            place = int(np.searchsorted(breaks, position))
            end = int(breaks[place]) if place < len(breaks) else len(data)
            faulty.append(position)
        else:
            break
        if not final and end == len(data) - 1 and data[end] == _CR:
            break
        ends.append(end)
        position = end + 1
    return np.array(ends, np.int64), np.array(faulty, np.int64)


@functools.cache
def _record_pattern(dialect: Dialect) -> re.Pattern[bytes]:
    """Matches a record up to its line break, if all its quotes are closed."""
    assert dialect.quote is not None
    quote, delimiter = re.escape(dialect.quote), re.escape(dialect.delimiter)
    plain = b"[^" + delimiter + b"\\r\\n]*+"
    quoted = quote + b"(?:[^" + quote + b"]++|" + quote + quote + b")*+" + quote
    cell = b"(?:" + quoted + plain + b"|(?!" + quote + b")" + plain + b")"
    return re.compile(
        cell + b"(?:" + delimiter + cell + b")*+(?=\\r|\\n|\\Z)", re.DOTALL
    )
