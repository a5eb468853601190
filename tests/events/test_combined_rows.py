"""Access logs: columns held against a plain loop, and lines that are none."""

from __future__ import annotations

import gzip
import hashlib
import re
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zap.errors import MappingError
from zap.events import combined_rows
from zap.events.bots import is_crawler
from zap.events.combined_columns import COLUMNS, KINDS
from zap.events.mapping import EventMapping
from zap.events.patterns import format_of
from zap.events.reading import read_source
from zap.events.sources import list_sources

MAPPING = EventMapping.from_dict(
    {
        "format": "combined",
        "fields": {
            "timestamp": "time",
            "type": "kind",
            "anonymous_id": "visitor",
            "user_agent": "user_agent",
        },
    }
)
GOOD = (
    '10.0.0.1 - ann [17/May/2015:10:05:03 +0200] "GET /a/b?x=1 HTTP/1.1" 200 123 '
    '"http://from.example/" "Mozilla/5.0 (X11)"'
)


def rows_of(path: Path, columns=COLUMNS, batch_rows: int = 65_536):
    """All cells by column, as texts or None; the lines; the dead letters."""
    (source,) = list_sources([str(path)], MAPPING)
    cells: dict[str, list] = {name: [] for name in columns}
    lines, bad = [], []
    for rows in combined_rows.read_combined(source, MAPPING, columns, batch_rows):
        for name in columns:
            found = rows.columns[name].to_pylist()
            cells[name] += [f if f is None else f.decode() for f in found]
        lines += rows.lines.tolist()
        bad += rows.bad
    return cells, lines, bad


def one(tmp_path: Path, line: str | bytes) -> dict[str, str | None]:
    """The cells of a log of one line."""
    path = tmp_path / "one.log"
    path.write_bytes(line if isinstance(line, bytes) else line.encode())
    cells, _, bad = rows_of(path)
    assert not bad
    return {name: found[0] for name, found in cells.items()}


PLAIN = re.compile(
    r'(\S+) (\S+) (\S+) \[(.+?)\] "(.*?)(?<!\\)" (\d+) (\d+|-) "(.*?)(?<!\\)" "(.*)"$'
)


def by_hand(line: str) -> dict[str, str | None] | None:
    """The columns of a line, by Python's re and datetime."""
    found = PLAIN.match(line)
    if found is None:
        return None
    cells = [None if cell in ("-", "") else cell for cell in found.groups()]
    names = [
        "host",
        "ident",
        "user",
        "stamp",
        "request",
        "status",
        "bytes",
        "referrer",
        "user_agent",
    ]
    row = dict(zip(names, cells, strict=True))
    time = datetime.strptime(row.pop("stamp") or "", "%d/%b/%Y:%H:%M:%S %z")
    row["time"] = time.isoformat()
    row["hour"] = time.replace(minute=0, second=0).isoformat()
    row["method"], row["target"], row["protocol"] = (row["request"] or "").split(" ")
    row["path"] = row["target"].split("?")[0].split("#")[0]
    both = f"{row['host']} {row['user_agent'] or '-'}".encode()
    row["visitor"] = hashlib.blake2b(both, digest_size=12).hexdigest()
    return row


def test_the_columns_of_the_real_log_are_those_of_a_plain_loop(
    shared_data: Path,
) -> None:
    path = shared_data / "access_log" / "access.log.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        expected = [by_hand(line.rstrip("\n")) for line in file]
    cells, lines, bad = rows_of(path, batch_rows=999)
    assert len(expected) == 10_000 == len(lines) + len(bad)
    for place, line in enumerate(lines):
        row = expected[line - 1]
        assert row is not None
        assert {name: cells[name][place] for name in row} == row
    (cut,) = bad
    assert (cut.line, cut.reason) == (8899, "log.shape")
    assert expected[8898] is None and cut.raw.endswith("/bot.html")


def test_the_share_of_crawlers_is_the_known_one(shared_data: Path) -> None:
    path = shared_data / "access_log" / "access.log.gz"
    agents = rows_of(path, ["user_agent"])[0]["user_agent"]
    flagged = sum(agent is not None and is_crawler(agent) for agent in agents)
    # The line that is cut off within its agent was sent by a crawler, too.
    assert flagged + 1 == pytest.approx(1_960, abs=10)


def test_a_log_becomes_events_whose_times_cast_as_they_are(shared_data: Path) -> None:
    path = shared_data / "access_log" / "access.log.gz"
    (source,) = list_sources([str(path)], MAPPING)
    batches = list(read_source(source, MAPPING))
    assert sum(batch.events.num_rows for batch in batches) == 9_999
    assert sum(batch.counts.get("rows.bad.log.shape", 0) for batch in batches) == 1
    first = batches[0].events.to_pylist()[0]
    assert first["timestamp"].isoformat() == "2015-05-17T10:05:03+00:00"


def test_a_line_in_parts(tmp_path: Path) -> None:
    row = one(tmp_path, GOOD)
    assert row["user"] == "ann" and row["ident"] is None
    assert row["time"] == "2015-05-17T10:05:03+02:00"
    assert (row["target"], row["path"], row["kind"]) == (
        "/a/b?x=1",
        "/a/b",
        "page_view",
    )


def test_the_common_format_has_no_referrer_and_no_agent(tmp_path: Path) -> None:
    row = one(tmp_path, GOOD[: GOOD.index(' "http')])
    assert row["referrer"] is None and row["user_agent"] is None
    assert (row["status"], row["bytes"]) == ("200", "123")


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("10.0.0.1", "2001:db8::1", {"host": "2001:db8::1"}),
        ("Mozilla/5.0 (X11)", r"a \"b\" c", {"user_agent": r"a \"b\" c"}),
        ("GET /a/b?x=1 HTTP/1.1", r"\x16\x03\x01", {"method": None, "kind": "other"}),
        ("GET /a/b?x=1 HTTP/1.1", "-", {"request": None, "path": None}),
        ("GET /a/b?x=1 HTTP/1.1", "GET /a b", {"path": "/a b", "protocol": None}),
        ("/a/b?x=1", "http://shop.example/c?d", {"path": "/c"}),
        ("200 123", "304 -", {"bytes": None, "kind": "page_view"}),
        ("200 123", "206 7", {"kind": "page_view"}),
        ("200 123", "301 7", {"kind": "other"}),
        ("200 123", "404 7", {"kind": "error"}),
        ("GET", "POST", {"kind": "other"}),
        ("/a/b?x=1", "/a/B.PNG?v=2", {"kind": "asset"}),
        ("/a/b?x=1", "/a/b.tar.gz", {"kind": "download"}),
        ("/a/b?x=1", "/?flav=rss20", {"kind": "feed"}),
        ("/a/b?x=1", "/blog/feed/", {"kind": "feed"}),
        ("/a/b?x=1", "/feedback", {"kind": "page_view"}),
        ("/a/b?x=1", "/robots.txt", {"kind": "other"}),
        ("(X11)", "(X11) ü", {"user_agent": "Mozilla/5.0 (X11) ü"}),
        (" - ann ", " - ann lee ", {"user": "ann lee"}),
        ('(X11)"', '(X11)" "9.9.9.9" 0.01', {"user_agent": "Mozilla/5.0 (X11)"}),
    ],
)
def test_lines_that_servers_write(tmp_path: Path, old, new, wanted) -> None:
    row = one(tmp_path, GOOD.replace(old, new))
    assert {name: row[name] for name in wanted} == wanted


def test_a_visitor_is_a_host_and_an_agent(tmp_path: Path) -> None:
    other = GOOD.replace("(X11)", "(Mac)"), GOOD.replace("10.0.0.1", "10.0.0.2")
    path = tmp_path / "a.log"
    path.write_text("\n".join([GOOD, *other, GOOD.replace("/a/b", "/c")]))
    visitors = rows_of(path)[0]["visitor"]
    assert visitors[0] == visitors[3] and len(set(visitors)) == 3


def test_what_is_no_line_is_a_dead_letter_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    time = GOOD.replace("17/May", "31/Feb")
    other = GOOD.replace("17/May/2015:10:05:03 +0200", "yesterday")
    path.write_text(f"{GOOD}\n\nnonsense\n{GOOD[:-3]}\n{time}\n{other}\n{GOOD}\n")
    (source,) = list_sources([str(path)], MAPPING)
    (batch,) = read_source(source, MAPPING)
    assert batch.events.num_rows == 2
    assert [(letter.line, letter.reason) for letter in batch.dead] == [
        (3, "log.shape"),
        (4, "log.shape"),
        (5, "timestamp.unparsable"),
        (6, "timestamp.unparsable"),
    ]
    assert batch.counts["rows.read"] == 6


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_any_bytes_are_events_or_dead_letters(tmp_path_factory, lines) -> None:
    path = tmp_path_factory.mktemp("log") / "any.log"
    lines = [line.replace(b"\n", b"").replace(b"\r", b"") for line in lines]
    good = GOOD.encode()
    mixed = [good.replace(b"/a/b", b"/" + line.replace(b'"', b"")) for line in lines]
    path.write_bytes(b"\n".join([good, *lines, *mixed]))
    (source,) = list_sources([str(path)], MAPPING)
    read = events = dead = 0
    for batch in read_source(source, MAPPING, batch_rows=3):
        read += batch.counts["rows.read"]
        events += batch.events.num_rows
        dead += len(batch.dead)
        assert set(batch.events.column("type").to_pylist()) <= set(KINDS)
    assert read == events + dead == 1 + sum(bool(line) for line in lines) + len(mixed)


def test_names_of_logs_are_known() -> None:
    names = ["access.log", "access.log.gz", "a/b.log.zst", "access_log"]
    assert [format_of(name) for name in names] == ["combined"] * 3 + [None]


def test_a_column_that_no_log_has_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text(GOOD)
    with pytest.raises(MappingError, match=r"did you mean 'user_agent'"):
        rows_of(path, ["useragent"])


def test_lines_are_found_without_a_loop(tmp_path: Path) -> None:
    block = combined_rows.Block(
        b"ab\r\ncde\n\nf",
        *(pa.array(v).to_numpy() for v in ([0, 4, 9], [2, 7, 10], [1, 2, 4])),
        pa.array([0, 0, 0], pa.int8()).to_numpy(),
    )
    assert combined_rows._lines(block).to_pylist() == [b"ab", b"cde", b"f"]
