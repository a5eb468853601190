"""Records against a state machine that walks byte by byte."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import csv as arrow_csv

from zap.events import records
from zap.events.records import FAULTS, Dialect, split_records

Found = tuple[bytes, int, str]


def walk(data: bytes) -> list[Found] | None:
    """Records with their lines by the rules of a CSV cell; None with an open quote."""
    found, line, start, place = [], 1, 0, 0
    state, first = "start", 1
    while place <= len(data):
        code = data[place : place + 1]
        if state == "quoted":
            if not code:
                return None
            if code == b'"':
                state = "after"
            line += code == b"\n" or (
                code == b"\r" and data[place + 1 : place + 2] != b"\n"
            )
        elif state == "after" and code == b'"':
            state = "quoted"
        elif code in (b"\n", b"\r", b""):
            if place > start:
                found.append((data[start:place], first, ""))
            if code == b"\r" and data[place + 1 : place + 2] == b"\n":
                place += 1
            line += 1
            start, state, first = place + 1, "start", line
        elif code == b",":
            state = "start"
        elif state == "start" and code == b'"':
            state = "quoted"
        else:
            state = "plain"
        place += 1
    return found


def split(data: bytes, sizes: list[int], dialect: Dialect) -> list[Found]:
    chunks, place = [], 0
    for size in sizes:
        chunks.append(data[place : place + size])
        place += size
    chunks.append(data[place:])
    return [
        (block.text(i), int(block.line[i]), FAULTS[block.fault[i]])
        for block in split_records(chunks, dialect)
        for i in range(len(block))
    ]


TEXTS = st.lists(
    st.sampled_from([b"a", b'"', b'""', b",", b"\n", b"\r\n", b"\r", b'"x"', b' "']),
    max_size=25,
).map(b"".join)


@given(data=TEXTS, sizes=st.lists(st.integers(0, 9), max_size=8))
def test_records_are_those_of_a_cell_by_cell_walk(
    data: bytes, sizes: list[int]
) -> None:
    expected = walk(data)
    if expected is not None:
        assert split(data, sizes, Dialect()) == expected


@given(data=TEXTS, sizes=st.lists(st.integers(0, 9), max_size=8))
def test_an_open_quote_costs_one_line(data: bytes, sizes: list[int]) -> None:
    if walk(data) is None:
        found = split(data, sizes, Dialect())
        faulty = [raw for raw, _, fault in found if fault == "csv.unclosed_quote"]
        assert faulty
        assert all(b"\n" not in raw for raw in faulty)
        lines = [line for _, line, _ in found]
        assert lines == sorted(set(lines))


@given(data=TEXTS)
def test_arrow_finds_the_same_records(data: bytes) -> None:
    expected = walk(data)
    if not expected:
        return
    widths: list[int] = []

    def note(row: arrow_csv.InvalidRow) -> str:
        widths.append(row.actual_columns)
        return "skip"

    table = arrow_csv.read_csv(
        pa.BufferReader(data),
        arrow_csv.ReadOptions(
            use_threads=False, column_names=["only"], block_size=len(data) + 1
        ),
        arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
        arrow_csv.ConvertOptions(column_types={"only": pa.binary()}),
    )
    assert table.num_rows + len(widths) == len(expected)


@given(data=TEXTS, sizes=st.lists(st.integers(0, 9), max_size=8))
def test_without_quotes_a_line_is_a_record(data: bytes, sizes: list[int]) -> None:
    lines = data.split(b"\n")
    expected = [
        (text, number, "")
        for number, line in enumerate(lines, 1)
        if (text := line.removesuffix(b"\r") if number < len(lines) else line)
    ]
    assert split(data, sizes, Dialect(quote=None, lone_cr=False)) == expected


def test_a_line_beyond_the_limit_is_cut_and_the_next_is_found(monkeypatch) -> None:
    monkeypatch.setattr(records, "MAX_RECORD_BYTES", 10)
    data = b"a\n" + b"b" * 50 + b"\nc\n"
    found = split(data, [7] * 7, Dialect())
    assert [(line, fault) for _, line, fault in found] == [
        (1, ""),
        (2, "too_large"),
        (3, ""),
    ]
    assert found[2][0] == b"c"


def test_blocks_hold_the_bytes_of_their_records() -> None:
    blocks = list(split_records([b"a,b\n\n1,2\n"], Dialect()))
    assert len(blocks) == 1
    assert blocks[0].start.tolist() == [0, 5]
    assert np.array_equal(blocks[0].line, [1, 3])
