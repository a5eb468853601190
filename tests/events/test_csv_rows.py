"""CSV as it comes: quotes, line ends, marks, bad cells and bad lines."""

import csv
import gzip
import io
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zap.errors import InputError, MappingError
from zap.events.mapping import EventMapping
from zap.events.reading import DeadLetter, read_source
from zap.events.sources import list_sources

MAPPING: dict[str, Any] = {
    "fields": {"timestamp": "ts", "type": "event", "user_id": "user"},
    "properties": {"n": {"column": "n", "type": "int"}},
}


def read(
    path: Path, mapping: dict[str, Any] | None = None, batch_rows: int = 65_536
) -> tuple[list[dict[str, Any]], list[DeadLetter], Counter[str]]:
    checked = EventMapping.from_dict(mapping or MAPPING)
    events: list[dict[str, Any]] = []
    dead: list[DeadLetter] = []
    counts: Counter[str] = Counter()
    for source in list_sources([str(path)], checked):
        for batch in read_source(source, checked, batch_rows=batch_rows):
            events += batch.events.to_pylist()
            dead += batch.dead
            counts.update(batch.counts)
    parts = sum(n for key, n in counts.items() if key != "rows.read")
    assert counts["rows.read"] == parts
    assert counts["events.read"] == len(events)
    return events, dead, counts


def write(tmp_path: Path, data: bytes, name: str = "e.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


HEAD = b"ts,event,user,n\n"
T = b"2024-01-01T00:00:00Z"


def test_rows_become_events(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + T + b',view,"a ""b"", c",3\n' + T + b",buy,,\n")
    events, dead, _ = read(path)
    assert not dead
    assert [e["user_id"] for e in events] == ['a "b", c', None]
    assert [e["n"] for e in events] == [3, None]
    assert [e["row"] for e in events] == [0, 1]
    assert [e["type"] for e in events] == ["view", "buy"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_a_byte_order_mark(
    tmp_path: Path, end: bytes, mark: bytes
) -> None:
    rows = [b"ts,event,user,n", T + b",view,a,1", b"", T + b",view,b,x", T + b",v,c,2"]
    events, dead, _ = read(write(tmp_path, mark + end.join(rows)))
    assert [e["user_id"] for e in events] == ["a", "c"]
    assert [e["row"] for e in events] == [0, 2]
    assert [(d.line, d.reason) for d in dead] == [(4, "property.n.not_int")]
    assert dead[0].raw == (T + b",view,b,x").decode()


def test_bad_rows_keep_their_line_after_quoted_line_breaks(tmp_path: Path) -> None:
    rows = HEAD + T + b',view,"a\nb\r\nc",1\nshort,row\nnever,view,"x\ny",1\n'
    events, dead, counts = read(write(tmp_path, rows))
    assert events[0]["user_id"] == "a\nb\r\nc"
    assert [(d.line, d.reason, d.raw) for d in dead] == [
        (5, "csv.columns", "short,row"),
        (6, "timestamp.unparsable", 'never,view,"x\ny",1'),
    ]
    assert counts["rows.bad.csv.columns"] == 1
    assert "Expected 4 cells. Received: cells=2." in dead[0].detail
    assert "ts='never'" in dead[1].detail


def test_stray_and_open_quotes_cost_their_own_rows_only(tmp_path: Path) -> None:
    rows = HEAD + T + b',view,5" pipe,1\n' + T + b',view,"open,1\n' + T + b",view,z,1\n"
    events, dead, _ = read(write(tmp_path, rows))
    assert [e["user_id"] for e in events] == ['5" pipe', "z"]
    assert [(d.line, d.reason) for d in dead] == [(3, "csv.unclosed_quote")]


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".csv.zst"])
def test_compressed_files_give_the_same(tmp_path: Path, suffix: str) -> None:
    data = HEAD + b"".join(T + b",view,u%d,1\n" % i for i in range(1000))
    pack = {".csv": bytes, ".csv.gz": gzip.compress, ".csv.zst": zstandard.compress}
    path = write(tmp_path, pack[suffix](data), f"e{suffix}")
    events, _, _ = read(path, batch_rows=300)
    assert [e["user_id"] for e in events] == [f"u{i}" for i in range(1000)]
    assert [e["row"] for e in events] == list(range(1000))


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    data = gzip.compress(HEAD + bytes(range(256)) * 4000)
    path = write(tmp_path, data[: len(data) // 2], "e.csv.gz")
    with pytest.raises(InputError, match=r"e\.csv\.gz"):
        read(path)


def test_a_wrong_column_names_those_that_exist(tmp_path: Path) -> None:
    wrong = {"fields": {"timestamp": "ts", "type": "evnt"}}
    with pytest.raises(MappingError, match=r"did you mean 'event'.*'user', 'n'"):
        read(write(tmp_path, HEAD), wrong)


def test_a_column_named_twice_is_refused_only_if_it_is_mapped(tmp_path: Path) -> None:
    path = write(tmp_path, b"ts,event,user,n,x,x\n" + T + b",view,a,1,,\n")
    assert len(read(path)[0]) == 1
    with pytest.raises(MappingError, match="once"):
        read(write(tmp_path, b"ts,event,user,n,n\n"))


def test_a_file_without_a_line_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="header"):
        read(write(tmp_path, b"\n\n"))
    with pytest.raises(InputError, match="UTF-16"):
        read(write(tmp_path, "ts,event".encode("utf-16")))


@pytest.mark.parametrize(
    ("content", "like"),
    [
        (b"PAR1\x15\x04ts,event", "Parquet"),
        (gzip.compress(b"ts,event\n", mtime=0), "something compressed"),
    ],
    ids=["parquet", "gzip"],
)
def test_a_file_that_is_no_text_says_what_it_looks_like(
    content: bytes, like: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=f"begins like {like}.*format") as caught:
        read(write(tmp_path, content))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_another_separator_is_hinted_at(delimiter: str, tmp_path: Path) -> None:
    head = delimiter.join(("ts", "event", "user", "n")).encode()
    with pytest.raises(MappingError) as caught:
        read(write(tmp_path, head + b"\n"))
    assert f"Where {delimiter!r} separates columns" in str(caught.value)
    with pytest.raises(MappingError) as caught:
        read(write(tmp_path, b"ts,event\n"))
    assert "separates" not in str(caught.value)


def test_a_dialect_without_header_and_with_words_for_missing(tmp_path: Path) -> None:
    dialect = {
        "delimiter": "\t",
        "quote": "",
        "header": False,
        "columns": ["ts", "event", "user", "n"],
        "missing": ["NA"],
    }
    path = write(tmp_path, T + b'\tview\t"a\tNA\n', "e.csv")
    events, _, _ = read(path, {**MAPPING, "csv": dialect})
    assert (events[0]["user_id"], events[0]["n"]) == ('"a', None)


def test_numbers_with_a_decimal_comma(tmp_path: Path) -> None:
    """Points are refused beside it: nobody knows whether 1.234 is above a thousand."""
    mapping = {
        **MAPPING,
        "csv": {"delimiter": ";", "decimal": ","},
        "properties": {
            "price": {"column": "price", "type": "float"},
            "paid": {"product": ["n", "price"], "type": "float"},
            "n": {"column": "n", "type": "int"},
            "label": "price",
        },
    }
    cells = [b"12,5;2", b"-0,25;3,0", b" 7 ;1", b"1e3;1", b";4", b"1.234;1", b"1,2,3;1"]
    lines = [T + b";view;a,b;" + cell for cell in cells]
    head = b"ts;event;user;price;n"
    events, dead, _ = read(write(tmp_path, b"\n".join([head, *lines])), mapping)
    assert [e["price"] for e in events] == [12.5, -0.25, 7, 1000, None]
    assert [e["paid"] for e in events] == [25, -0.75, 7, 1000, None]
    assert [e["n"] for e in events] == [2, 3, 1, 1, 4]
    assert [e["label"] for e in events] == ["12,5", "-0,25", " 7 ", "1e3", None]
    assert {e["user_id"] for e in events} == {"a,b"}
    assert [letter.reason for letter in dead] == ["property.price.not_float"] * 2
    assert "price='1.234'" in dead[0].detail


def test_a_decimal_comma_is_of_csv_files_alone(tmp_path: Path) -> None:
    mapping = {
        **MAPPING,
        "csv": {"decimal": ","},
        "properties": {"price": {"column": "price", "type": "float"}},
    }
    line = b'{"ts": "%s", "event": "view", "price": 1.5}\n' % T
    events, dead, _ = read(write(tmp_path, line, "e.jsonl"), mapping)
    assert (events[0]["price"], dead) == (1.5, [])


def test_hostile_cells_are_dead_letters(tmp_path: Path) -> None:
    cells = [
        T + b",view,\xff\xfe,1",
        T + b",view," + b"x" * 1_000_001 + b",1",
        T + b",view,nul\x00byte,1",
        T + b",view,a,99999999999999999999",
        b"9999999-01-01,view,a,1",
        b"2024-01-01T00:00:00,view,a,1",
        b",view,a,1",
        T + b",,a,1",
        b"1066-10-14T00:00:00Z,view,a,1",
    ]
    events, dead, _ = read(write(tmp_path, HEAD + b"\n".join(cells)))
    assert [e["user_id"] for e in events] == ["nul\x00byte"]
    assert [(d.line, d.reason) for d in dead] == [
        (2, "not_utf8"),
        (3, "too_large"),
        (5, "property.n.not_int"),
        (6, "timestamp.unparsable"),
        (7, "timestamp.no_zone"),
        (8, "timestamp.missing"),
        (9, "type.missing"),
        (10, "timestamp.out_of_range"),
    ]
    assert "timezone" in dead[4].detail
    assert max(len(d.raw) for d in dead) == 10_000


def test_named_rules_skip_before_anything_is_bad(tmp_path: Path) -> None:
    rules = [
        {"name": "anonymous", "field": "user_id", "is": "missing"},
        {"name": "tests", "column": "user", "matches": "^test"},
        {"name": "kinds", "field": "type", "in": ["ping", "pong"]},
        {"name": "sevens", "field": "n", "equals": 7},
    ]
    body = b"bad,view,,1\nbad,ping,test1,1\nbad,ping,u,1\n"
    body += T + b",v,u,7\n" + T + b",v,test2,3\n" + T + b",v,u,1\n"
    path = write(tmp_path, HEAD + body)
    events, dead, counts = read(path, {**MAPPING, "skip": rules})
    assert not dead
    assert len(events) == 1
    assert [counts[f"rows.skipped.{rule['name']}"] for rule in rules] == [1, 2, 1, 1]


def test_a_rule_that_re2_does_not_know_is_the_mappings_fault(tmp_path: Path) -> None:
    rule = {"name": "x", "column": "user", "matches": "(?=a)"}
    with pytest.raises(MappingError, match="RE2"):
        read(write(tmp_path, HEAD + T + b",v,a,1\n"), {**MAPPING, "skip": [rule]})


def test_types_are_renamed(tmp_path: Path) -> None:
    spec = {
        "column": "event",
        "prefixes": {"C": "cancellation", "CX": "cross"},
        "values": {"C9": "nine"},
        "default": "order",
    }
    mapping = {"fields": {**MAPPING["fields"], "type": spec}}
    kinds = [b"5", b"C1", b"CX1", b"C9", b""]
    body = b"".join(T + b"," + kind + b",u,1\n" for kind in kinds)
    events, dead, _ = read(write(tmp_path, HEAD + body), mapping)
    assert [e["type"] for e in events] == ["order", "cancellation", "cross", "nine"]
    assert [d.reason for d in dead] == ["type.missing"]


def test_products_are_absent_where_a_factor_is(tmp_path: Path) -> None:
    mapping = {
        "fields": {"timestamp": "ts", "type": {"constant": "order"}},
        "properties": {
            "amount": {"product": ["q", "p"], "type": "float"},
            "whole": {"product": ["q", "q"], "type": "int"},
        },
    }
    rows = [b"2,1.5", b"-3,2", b",2", b"2,cheap", b"1,inf", b"1e200,1"]
    path = write(tmp_path, b"ts,q,p\n" + b"".join(T + b"," + r + b"\n" for r in rows))
    events, dead, _ = read(path, mapping)
    assert [e["amount"] for e in events] == [3.0, -6.0, None]
    assert [e["whole"] for e in events] == [4, 9, None]
    assert [d.reason for d in dead] == [
        "property.amount.not_float",
        "property.amount.not_finite",
        "property.whole.not_int",
    ]


def test_only_asked_properties_are_read(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + T + b",view,a,bad\n")
    mapping = EventMapping.from_dict(MAPPING)
    [source] = list_sources([str(path)], mapping)
    [batch] = read_source(source, mapping, properties=[])
    assert "n" not in batch.events.schema.names
    assert batch.events.num_rows == 1


CELLS = st.text(st.sampled_from('ab",\n\r é\x00'), max_size=6)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
    batch_rows=st.integers(1, 9),
)
def test_what_python_writes_is_read_back(
    tmp_path: Path,
    rows: list[tuple[str, str]],
    quoting: int,
    end: str,
    batch_rows: int,
) -> None:
    if quoting == csv.QUOTE_MINIMAL:  # Python leaves a lone \r bare, which ends a row
        rows = [(user.replace("\r", ""), kind.replace("\r", "")) for user, kind in rows]
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=quoting, lineterminator=end)  # type: ignore[arg-type]
    writer.writerow(["ts", "event", "user", "n"])
    for number, (user, kind) in enumerate(rows):
        writer.writerow([T.decode(), f"k{kind}", user, number])
    events, dead, _ = read(
        write(tmp_path, text.getvalue().encode()), batch_rows=batch_rows
    )
    assert not dead
    assert [(e["user_id"] or "", e["type"], e["n"]) for e in events] == [
        (user, f"k{kind}", number) for number, (user, kind) in enumerate(rows)
    ]


def test_events_have_the_canonical_types(tmp_path: Path) -> None:
    mapping = EventMapping.from_dict(MAPPING)
    [source] = list_sources([str(write(tmp_path, HEAD + T + b",v,a,1\n"))], mapping)
    [batch] = read_source(source, mapping)
    schema = batch.events.schema
    assert schema.names[:4] == ["event_id", "anonymous_id", "user_id", "timestamp"]
    assert schema.field("timestamp").type == pa.timestamp("us", "UTC")
    assert batch.events.column("source").to_pylist() == [source.digest]
    batch.events.validate(full=True)
