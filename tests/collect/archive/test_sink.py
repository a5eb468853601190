"""Every event once: whatever comes twice, however it is cut, wherever a kill hits."""

from __future__ import annotations

import os
import random
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import made_archived as made
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_archived import Killed, batch_of, event_of, failing, held_ids, rows_of

from tests.collect.clients.killing import PROVE
from zap.collect.archive.options import ArchiveOptions
from zap.collect.archive.sink import ArchiveSink
from zap.collect.event import BadRow
from zap.collect.record import encode_bad, encode_event
from zap.errors import CollectError

STILL = ArchiveOptions(tidy_s=0, keep_merged_s=0)
BAD = encode_bad(BadRow("no_json", "", "{"), "shop", made.NOW)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing wait for the disk: ``failing`` tells what was synced."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


EVENTS = st.builds(
    event_of,
    st.integers(0, 30).map(str),
    st.sampled_from(["shop", "a/b ü"]),
    st.integers(0, 3),
)
RECORDS = st.lists(st.one_of(EVENTS.map(encode_event), st.sampled_from([BAD, b""])))


def first_ones(records: list[bytes]) -> list[tuple[int, str, str]]:
    """By a plain loop: the first event of each source and id, with its number."""
    seen: dict[tuple[str, str], int] = {}
    for number, record in enumerate(records):
        if record[:1] == b"E":
            event = orjson.loads(record[1:])
            seen.setdefault((event["source"], event["event_id"]), number)
    return [(number, *key) for key, number in seen.items()]


def deliver(
    sink: ArchiveSink, records: list[bytes], rng: random.Random, tidy: float = 0.3
) -> None:
    """Bring records from the sink's position on, or earlier, cut somehow."""
    while (position := sink.position() or 0) < len(records):
        first = max(0, position - rng.randrange(4))
        next_ = min(position + rng.randint(1, 6), len(records))
        sink.write(batch_of(records[first:next_], first))
        if rng.random() < tidy:
            sink.tidy()


@settings(max_examples=40)
@given(records=RECORDS, seed=st.integers(0, 2**32))
def test_an_event_is_there_once_however_it_comes(
    tmp_path_factory: pytest.TempPathFactory, records: list[bytes], seed: int
) -> None:
    root, rng = tmp_path_factory.mktemp("archive"), random.Random(seed)
    expected = first_ones(records)
    for part in [*sorted(rng.choices(range(len(records) + 1), k=2)), len(records)]:
        sink = ArchiveSink(root, STILL)
        deliver(sink, records[:part], rng)
        sink.write(batch_of(records[:part]))  # and all of it again
        sink.close()
        assert held_ids(root) == [each for each in expected if each[0] < part]
    assert not list((root / ".zap" / "staged").iterdir())


def test_each_row_is_its_event(tmp_path: Path) -> None:
    more: dict[str, Any] = {
        "anonymous_id": "a",
        "user_id": "u",
        "url": "https://shop.example/",
        "referrer": "https://other.example/",
        "user_agent": "Mozilla",
        "properties": {"total": 1.5, "deep": [{"ü": None}]},
        "original_timestamp": "2024-03-01",
    }
    events = [event_of("1", **more), event_of("2", day=1), event_of("3", "other")]
    with_sink(tmp_path, batch_of(events, 7))
    rows = rows_of(tmp_path)
    assert [row["sequence"] for row in rows] == [7, 8, 9]
    for row, event in zip(rows, events, strict=True):
        rest = orjson.loads(row["data"]) if row["data"] else {}
        for name in ("timestamp", "received_at"):
            row[name] = round(row[name].timestamp() * 1_000_000)
        told = {
            k: v
            for k, v in row.items()
            if v is not None and k not in ("data", "sequence")
        }
        assert told | rest == event
    places = {os.path.relpath(path, tmp_path) for path in made.files_of(tmp_path)}
    assert places == {
        "source=shop/day=2024-03-01/000000000007-000000000010.parquet",
        "source=shop/day=2024-03-02/000000000007-000000000010.parquet",
        "source=other/day=2024-03-01/000000000007-000000000010.parquet",
    }


def with_sink(
    root: Path, *batches: Any, options: ArchiveOptions = STILL
) -> dict[str, int]:
    """Write batches with a sink of their own; its counts."""
    sink = ArchiveSink(root, options)
    try:
        for batch in batches:
            sink.write(batch)
            sink.tidy()
        return dict(sink.counts())
    finally:
        sink.close()


def test_an_id_is_known_for_some_days_and_then_stored_again(tmp_path: Path) -> None:
    options = ArchiveOptions(ids_days=3, tidy_s=0)
    days = [0, 0, 3, 4, 5, 6, 7]
    events = []
    for number, day in enumerate(days):
        events += [event_of("same", day=day), event_of(f"other {number}", day=day)]
    batches = [batch_of(events[n : n + 2], n) for n in range(0, len(events), 2)]
    counts = with_sink(tmp_path, *batches, options=options)
    # Known on days 3 to 5; the third newest day must be past the third day after.
    stored = [row for row in rows_of(tmp_path) if row["event_id"] == "same"]
    assert [row["sequence"] for row in stored] == [0, 12]
    assert counts["repeated"] == 5
    kept = sorted(path.name for path in (tmp_path / ".zap" / "ids").iterdir())
    assert kept == [f"2024-03-0{n}" for n in (4, 5, 6, 7, 8)]


def test_a_clock_that_jumps_does_not_make_ids_unknown(tmp_path: Path) -> None:
    days = [0, 1, 2, 20_000, 10_000, 3, -500]
    events = [event_of(str(day), day=day) for day in days]
    batches = [batch_of([event], number) for number, event in enumerate(events)]
    again = [batch_of([event], len(days) + n) for n, event in enumerate(events)]
    counts = with_sink(tmp_path, *batches, *again)
    assert (counts["events"], counts["repeated"]) == (len(days), len(days))


def test_the_ids_of_a_clock_that_was_set_back_are_forgotten_with_their_time(
    tmp_path: Path,
) -> None:
    """They lie under an old day, and are known as long as those that came with them."""
    options = ArchiveOptions(ids_days=3, tidy_s=0)
    days = [100, 101, 102, 103, 0, 0, *range(104, 112), 0]
    events = [event_of("back" if day == 0 else str(day), day=day) for day in days]
    batches = [batch_of([event], number) for number, event in enumerate(events)]
    counts = with_sink(tmp_path, *batches[:-1], options=options)
    assert counts["repeated"] == 1  # at once; other days are over by the same numbers
    kept = sorted(path.name for path in (tmp_path / ".zap" / "ids").iterdir())
    assert len(kept) == 6 and "2024-03-01" not in kept
    with_sink(tmp_path, batches[-1], options=options)
    stored = [row["sequence"] for row in rows_of(tmp_path) if row["event_id"] == "back"]
    assert stored == [4, len(days) - 1]


def test_what_others_put_into_an_archive_is_left_alone(tmp_path: Path) -> None:
    with_sink(tmp_path, batch_of([event_of("a")]))
    for name in (".zap/ids/.DS_Store", ".zap/ids/lost+found", "source=site/day=x"):
        (tmp_path / name).mkdir(parents=True)
    counts = with_sink(tmp_path, batch_of([event_of("a"), event_of("b")], 1))
    assert (counts["events"], counts["repeated"]) == (1, 1)


def test_an_event_without_an_id_is_kept_by_its_number(tmp_path: Path) -> None:
    nameless = {
        name: value for name, value in event_of("").items() if name != "event_id"
    }
    odd = {**nameless, "event_id": {"a": 1}}
    batch = batch_of([nameless, nameless, odd, {"event_id": 5}, {"event_id": 5}])
    with_sink(tmp_path, batch, batch)
    assert [row["sequence"] for row in rows_of(tmp_path)] == [0, 1, 2, 3]


def runs_to_the_end(root: Path, records: list[bytes], seed: int) -> None:
    rng = random.Random(seed)
    sink = ArchiveSink(root, STILL)
    try:
        deliver(sink, records, rng, tidy=0.5)
    finally:
        sink.close()


RECORDS_OF_A_RUN = [
    encode_event(event_of(str(n % 23), "ab"[n % 2], n // 12)) for n in range(36)
]


def steps_of(tmp_path: Path) -> int:
    root = tmp_path / "whole"
    with failing(root, 10**9, Killed, False) as calls:
        runs_to_the_end(root, RECORDS_OF_A_RUN, 5)
    return calls[0]


APART = (3,) if PROVE else (23,)


@pytest.mark.slow
@pytest.mark.parametrize("apart", APART)
@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("error", [Killed, OSError])
def test_a_failure_at_any_step_loses_and_doubles_nothing(
    tmp_path: Path, error: type[BaseException], done: bool, apart: int
) -> None:
    steps = steps_of(tmp_path)
    expected = first_ones(RECORDS_OF_A_RUN)
    assert steps > 200
    for step in range(random.randrange(apart), steps, apart):
        root = tmp_path / f"{step}"
        with suppress(Killed, CollectError), failing(root, step, error, done):
            runs_to_the_end(root, RECORDS_OF_A_RUN, 5)
        if root.exists():
            found = held_ids(root)
            assert [each for each in expected if each in found] == found, step
        runs_to_the_end(root, RECORDS_OF_A_RUN, step)
        assert held_ids(root) == expected, step
        shutil.rmtree(root)


def test_a_sink_goes_on_after_the_disk_was_full(tmp_path: Path) -> None:
    expected = first_ones(RECORDS_OF_A_RUN)
    for step in range(0, 60, 5):
        root = tmp_path / f"{step}"
        sink = ArchiveSink(root, STILL)
        with failing(root, step, OSError, step % 2 == 0):
            for _ in range(3):
                try:
                    for first in range(0, 36, 6):
                        sink.write(batch_of(RECORDS_OF_A_RUN[first : first + 6], first))
                    break
                except CollectError as error:
                    assert "No space left" in str(error)
        sink.close()
        assert held_ids(root) == expected, step


def test_only_one_process_writes(tmp_path: Path) -> None:
    sink = ArchiveSink(tmp_path)
    with pytest.raises(CollectError, match="no other process"):
        ArchiveSink(tmp_path)
    sink.close()
    ArchiveSink(tmp_path).close()


def test_notes_that_are_lost_are_made_again(tmp_path: Path) -> None:
    records = [encode_event(event_of(str(n), "ab"[n % 2], n // 20)) for n in range(60)]
    with_sink(tmp_path, *(batch_of(records[n : n + 6], n) for n in range(0, 60, 6)))
    before = held_ids(tmp_path)
    for lost in (".zap", ".zap/ids", ".zap/commit.json"):
        path = tmp_path / lost
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        sink = ArchiveSink(tmp_path, STILL)
        assert sink.position() == 60
        sink.write(batch_of(records, 60))  # the same ids under other numbers
        assert sink.counts()["repeated"] == 60
        sink.close()
        assert held_ids(tmp_path) == before
        (tmp_path / ".zap" / "commit.json").unlink()


@pytest.mark.parametrize(
    "days", [[0, 1, 2, 20_000], [0, 20_000], [100, 101, 0, 102, 103, 104]]
)
def test_notes_that_are_made_again_know_what_was_known(
    tmp_path: Path, days: list[int]
) -> None:
    """Whatever a wrong clock said: one day of the future is no reason to forget."""
    events = [event_of(str(day), day=day) for day in days]
    with_sink(tmp_path, *(batch_of([each], n) for n, each in enumerate(events)))
    shutil.rmtree(tmp_path / ".zap" / "ids")
    counts = with_sink(tmp_path, batch_of(events, len(events)))
    assert counts["repeated"] == len(events)


def test_notes_that_are_made_again_leave_out_what_was_over(tmp_path: Path) -> None:
    days = [*range(8), 0]
    events = [event_of("same" if d == 0 else str(d), day=d) for d in days]
    batches = [batch_of([each], n) for n, each in enumerate(events)]
    options = ArchiveOptions(ids_days=3, tidy_s=0)
    with_sink(tmp_path, *batches[:-1], options=options)
    shutil.rmtree(tmp_path / ".zap" / "ids")
    counts = with_sink(tmp_path, batches[-1], options=options)
    assert counts["events"] == 1


def test_notes_that_are_damaged_are_told_of(tmp_path: Path) -> None:
    with_sink(tmp_path, batch_of([event_of("1")]))
    (run,) = (tmp_path / ".zap" / "ids").glob("*/*.ids")
    run.write_bytes(run.read_bytes()[:-3])
    with pytest.raises(CollectError, match=r"Remove the archive's folder \.zap/ids"):
        ArchiveSink(tmp_path)
    (tmp_path / ".zap" / "commit.json").write_bytes(b'{"format": 7}')
    with pytest.raises(CollectError, match=r"commit\.json"):
        ArchiveSink(tmp_path)


def test_a_hundred_thousand_keys_make_no_column(tmp_path: Path) -> None:
    events = [
        event_of(f"{n}", properties={f"key {n} {k}": k for k in range(100)})
        for n in range(1_000)
    ]
    with_sink(tmp_path, batch_of(events[:500]), batch_of(events[500:], 500))
    rows = rows_of(tmp_path)
    assert len(rows[0]) == 12
    assert [orjson.loads(row["data"])["properties"] for row in rows] == [
        event["properties"] for event in events
    ]
