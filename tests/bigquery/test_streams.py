"""Streams of rows: whole through failures, whatever the connection does."""

from __future__ import annotations

from dataclasses import replace

import grpc
import pyarrow as pa
import pytest
from bigquery_gaps import Fault, Gaps
from bigquery_server import BigQueryServer
from bigquery_tables import make_table

from zap.bigquery.names import parse_table
from zap.bigquery.reads import TableRead, narrowest
from zap.bigquery.sessions import MOST_STREAMS, open_session, stream_count
from zap.bigquery.streams import TRIES, gathered, read_stream
from zap.errors import BigQueryError

ROWS = 30_000
LONG = "x" * 40  # a table below a megabyte is never cut into streams


@pytest.fixture(scope="module")
def table(bigquery_server: BigQueryServer) -> str:
    rows = pa.table({"n": range(ROWS), "text": [f"{LONG}{n}" for n in range(ROWS)]})
    return make_table(bigquery_server, bigquery_server.new_dataset() + ".rows", rows)


def read_of(table: str, *fields: str) -> TableRead:
    name = parse_table(table)
    return TableRead(name, name.project, fields=fields or ("n", "text"))


def numbers(stream: str, waits: list[float] | None = None) -> list[int]:
    waits = [] if waits is None else waits
    return [
        number
        for batch in read_stream(stream, sleep=waits.append)
        for number in batch.column("n").to_pylist()
    ]


@pytest.mark.parametrize("most", [1, 3, 8])
def test_all_streams_together_hold_each_row_once(
    gaps: Gaps, table: str, most: int
) -> None:
    session = open_session(read_of(table), most)
    assert len(session.streams) == most
    found = [number for name in session.streams for number in numbers(name)]
    assert sorted(found) == list(range(ROWS))
    assert session.bytes > ROWS * len(LONG)


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
    ],
)
def test_a_broken_connection_loses_and_repeats_nothing(
    gaps: Gaps, table: str, code: grpc.StatusCode
) -> None:
    (stream,) = open_session(read_of(table)).streams
    gaps.faults = [Fault(code), Fault(code, after=4_000), Fault(code, after=11_000)]
    assert numbers(stream) == list(range(ROWS))
    assert [offset for _, offset in gaps.reads] == [0, 0, 4_000, 15_000]


def test_only_internal_errors_of_a_closed_connection_are_tried_again(
    gaps: Gaps, table: str
) -> None:
    (stream,) = open_session(read_of(table)).streams
    closed = Fault(grpc.StatusCode.INTERNAL, "received RST_STREAM with code 2", 5_000)
    gaps.faults = [closed]
    assert numbers(stream) == list(range(ROWS))
    gaps.faults = [replace(closed, words="a defect")]
    with pytest.raises(BigQueryError, match="a defect"):
        numbers(stream)


def test_a_connection_that_brings_nothing_is_given_up(gaps: Gaps, table: str) -> None:
    (stream,) = open_session(read_of(table)).streams
    fault = Fault(grpc.StatusCode.UNAVAILABLE)
    gaps.faults = [fault] * TRIES
    waits: list[float] = []
    with pytest.raises(BigQueryError, match="give the rows"):
        numbers(stream, waits)
    assert waits == [0.5 * 2**step for step in range(TRIES - 1)]
    # What brings rows counts as no failure in a row.
    gaps.faults = [replace(fault, after=1_000)] * (TRIES + 2)
    assert numbers(stream) == list(range(ROWS))


def test_it_waits_as_long_as_the_service_asks(gaps: Gaps, table: str) -> None:
    (stream,) = open_session(read_of(table)).streams
    fault = Fault(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many", 2_000, delay_s=7.25)
    gaps.faults = [fault]
    waits: list[float] = []
    assert numbers(stream, waits) == list(range(ROWS))
    assert waits == [7.25]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(
            grpc.StatusCode.FAILED_PRECONDITION,
            "there was an error operating on the stream: session expired at 2024-03-01",
            3_000,
        ),
        Fault(grpc.StatusCode.NOT_FOUND, "Stream not found"),
    ],
)
def test_an_expired_session_is_told(gaps: Gaps, table: str, fault: Fault) -> None:
    (stream,) = open_session(read_of(table)).streams
    gaps.faults = [fault]
    with pytest.raises(BigQueryError, match=r"six hours.*Run the job again"):
        numbers(stream)
    assert len(gaps.reads) == 1


def test_a_session_asks_for_what_is_wanted_of_one_instant(
    gaps: Gaps, table: str
) -> None:
    read = replace(
        read_of(table, "n"), snapshot_us=1_709_294_400_000_001, restriction="n < 10"
    )
    (stream,) = open_session(read, 5).streams
    (asked,) = gaps.sessions
    assert asked.parent == "projects/zap-test" and asked.max_stream_count == 5
    instant = asked.read_session.table_modifiers.snapshot_time
    assert instant.isoformat() == "2024-03-01T12:00:00.000001+00:00"
    assert list(asked.read_session.read_options.selected_fields) == ["n"]
    (batch,) = read_stream(stream)
    assert batch.to_pydict() == {"n": list(range(10))}


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (grpc.StatusCode.PERMISSION_DENIED, "roles"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "fewer at once"),
    ],
)
def test_a_refusal_says_what_to_do(
    gaps: Gaps, table: str, code: grpc.StatusCode, words: str
) -> None:
    gaps.refusal = Fault(code, "no bigquery.readsessions.create")
    with pytest.raises(BigQueryError, match=rf"rows.*readsessions.*{words}"):
        open_session(read_of(table))


def test_a_table_that_is_not_there_is_told(gaps: Gaps, table: str) -> None:
    with pytest.raises(BigQueryError, match=r"nowhere.*Check the name"):
        open_session(read_of(table.replace(".rows", ".nowhere")))


def test_a_table_without_rows_has_no_stream(
    gaps: Gaps, bigquery: BigQueryServer
) -> None:
    empty = pa.table({"n": pa.array([], pa.int64()), "text": pa.array([], pa.string())})
    name = make_table(bigquery, bigquery.new_dataset() + ".empty", empty)
    assert open_session(read_of(name), 4).streams == ()


def test_what_is_read_travels_as_text() -> None:
    read = replace(
        read_of("bigquery://zap-test.d.t", "a", "b.c"),
        snapshot_us=5,
        restriction="`a` > 'ü'",
        most_streams=3,
        leaves=("a", "b", "b.c"),
    )
    assert TableRead.of_text(read.to_text()) == read
    stream = read.of_stream("projects/p/locations/l/sessions/s/streams/t")
    assert TableRead.of_text(stream.to_text()) == stream
    assert len(stream.to_text()) < 400


def test_a_record_that_is_read_whole_takes_its_fields_along() -> None:
    assert narrowest(("b.c", "a", "b", "a", "bc", "d.e.f", "d.e")) == [
        "a",
        "b",
        "bc",
        "d.e",
    ]


@pytest.mark.parametrize(
    ("size", "asked", "streams"),
    [(0, 0, 1), (64 * 2**20, 0, 1), (64 * 2**20 + 1, 0, 2), (2**50, 0, MOST_STREAMS)],
)
def test_a_table_is_cut_by_its_size(size: int, asked: int, streams: int) -> None:
    assert stream_count(size, asked) == streams
    assert stream_count(size, 7) == 7


@pytest.mark.parametrize("rows", [1, 4, 7, 100])
def test_batches_are_put_together_and_cut(rows: int) -> None:
    sizes = [3, 0, 1, 9, 2, 0, 5]
    column = pa.array(range(sum(sizes)))
    ends = [sum(sizes[:place]) for place in range(len(sizes))]
    batches = [
        pa.record_batch({"n": column.slice(end, size)})
        for end, size in zip(ends, sizes, strict=True)
    ]
    found = list(gathered(iter(batches), rows))
    assert [n for each in found for n in each.column("n").to_pylist()] == list(
        range(sum(sizes))
    )
    assert all(0 < each.num_rows <= rows for each in found)
    assert len(list(gathered(iter(batches), 1_000, most_bytes=8))) == 5
