"""What holds for every file, however damaged: the checks that the fuzz tests share."""

from __future__ import annotations

import os
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from zap.errors import InputError, MappingError
from zap.events.mapping import EventMapping
from zap.events.raw import MAX_RAW_CHARS, DeadLetter
from zap.events.reading import read_source
from zap.events.sources import list_sources
from zap.events.timestamps import EARLIEST, LATEST

EXAMPLES = int(os.environ.get("ZAP_FUZZ_EXAMPLES", "0"))
MAX_MESSAGE_CHARS = 2_000

MAPPING: dict[str, Any] = {
    "timezone": "Europe/London",
    "fields": {
        "timestamp": "ts",
        "type": "kind",
        "user_id": "user",
        "received_at": {"column": "in", "unit": "ms"},
    },
    "properties": {
        "count": {"column": "n", "type": "int"},
        "price": {"column": "x", "type": "float"},
        "paid": {"column": "b", "type": "bool"},
        "since": {"column": "d", "type": "timestamp", "format": "%d/%m/%Y"},
        "total": {"product": ["n", "x"], "type": "float"},
        "leaf": "deep.leaf",
    },
    "skip": [
        {"name": "tests", "field": "user_id", "equals": "test"},
        {"name": "free", "column": "x", "matches": "^free"},
    ],
}
COLUMNS = ("ts", "kind", "user", "in", "n", "x", "b", "d", "deep.leaf")


def bounded(examples: int) -> settings:
    """Settings of a fuzz test: so many examples, or as the environment says."""
    return settings(
        max_examples=EXAMPLES or examples,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def read_or_refuse(
    path: Path, mapping: EventMapping, batch_rows: int = 65_536
) -> tuple[list[dict[str, Any]], list[DeadLetter], Counter[str], str]:
    """What a file gives until it is refused; the message is "" where it is not."""
    events: list[dict[str, Any]] = []
    dead: list[DeadLetter] = []
    counts: Counter[str] = Counter()
    try:
        for source in list_sources([str(path)], mapping):
            for batch in read_source(source, mapping, batch_rows=batch_rows):
                batch.events.validate(full=True)
                events += batch.events.to_pylist()
                dead += batch.dead
                counts.update(batch.counts)
    except (InputError, MappingError) as error:
        assert len(str(error)) < MAX_MESSAGE_CHARS, len(str(error))
        return events, dead, counts, str(error)
    return events, dead, counts, ""


def check_file(path: Path, mapping: EventMapping, lines: int) -> None:
    """Check that each row of a file is an event, a skip or a dead letter.

    Args:
        path: the file.
        mapping: its mapping.
        lines: how many lines, or rows, it has at most.
    """
    events, dead, counts, message = read_or_refuse(path, mapping)
    bad = sum(n for key, n in counts.items() if key.startswith("rows.bad."))
    skipped = sum(n for key, n in counts.items() if key.startswith("rows.skipped."))
    assert counts["rows.read"] == len(events) + bad + skipped
    assert counts["events.read"] == len(events)
    assert bad == len(dead)
    assert len({(letter.source, letter.line) for letter in dead}) == len(dead)
    if mapping.dimensions:
        return
    places = [letter.line for letter in dead]
    assert places == sorted(set(places))
    assert not places or (places[0] >= 1 and places[-1] <= lines), (places, lines)
    assert all(len(letter.raw) <= MAX_RAW_CHARS for letter in dead)
    assert all(len(letter.detail) < MAX_MESSAGE_CHARS for letter in dead)
    rows = [event["row"] for event in events]
    assert rows == sorted(set(rows))
    for event in events:
        for name in ("timestamp", "received_at", "since"):
            time = event.get(name)
            assert not isinstance(time, datetime) or EARLIEST <= time < LATEST
    few = read_or_refuse(path, mapping, batch_rows=3)
    assert bool(few[3]) == bool(message), (few[3], message)
    if not message:
        assert few[:2] == (events, dead)
        assert +few[2] == +counts


NASTY = [
    b"\x00", b"\xef\xbb\xbf", b"\r", b"\r\n", b"\n", b"\n\n", b'"', b'""', b",", b'",',
    b',"', b"\xe9", b"\xff\xfe", b"a\x00b\x00", b"\xed\xa0\x80", b"\\ud800", b"\\u0000",
    b"{", b"}", b"[", b"]", b":", b"null", b"NaN", b"Infinity", b"-1", b"1e999", b"{}",
    b"9" * 400, b"[" * 2000, b'{"a":' * 1500, b"\xf0\x9f\x98\x80", b"\\", b"'", b"\t",
]  # fmt: skip


def cut_and_patched(data: bytes, edits: list[tuple[int, str, Any]]) -> bytes:
    """Data after flips, insertions and cuts at given places."""
    for place, what, value in edits:
        at = place % (len(data) + 1)
        if what == "insert":
            data = data[:at] + value + data[at:]
        elif what == "cut":
            data = data[:at] + data[at + value :]
        elif what == "flip" and at < len(data):
            data = data[:at] + bytes([data[at] ^ value]) + data[at + 1 :]
        elif what == "truncate":
            data = data[: max(at, 1)]
    return data or b"x"


EDITS = st.lists(
    st.one_of(
        st.tuples(st.integers(0, 9999), st.just("insert"), st.sampled_from(NASTY)),
        st.tuples(st.integers(0, 9999), st.just("flip"), st.integers(1, 255)),
        st.tuples(st.integers(0, 9999), st.just("cut"), st.integers(1, 40)),
        st.tuples(st.integers(0, 9999), st.just("truncate"), st.just(0)),
    ),
    max_size=8,
)
