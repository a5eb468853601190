"""A forgotten subject is in no file, and stays out, while all goes on."""

from __future__ import annotations

import io
import json
import os
import random
import threading
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from made_archived import Killed, batch_of, event_of, failing, files_of, rows_of

from zap.cli.main import main
from zap.collect.archive.forgetting import forget_archived
from zap.collect.archive.options import ArchiveOptions
from zap.collect.archive.partitions import folders
from zap.collect.archive.sink import ArchiveSink
from zap.collect.bad import inbox
from zap.collect.bad.sink import BadSink
from zap.collect.checks.keyed import keyed
from zap.collect.event import BadRow
from zap.collect.forgetting import Collected, forget_collected
from zap.collect.record import decode, encode_bad, encode_event
from zap.collect.spool import Spool, SpoolReader
from zap.errors import CollectError

STILL = ArchiveOptions(tidy_s=0, keep_merged_s=3_600)
NAMES = {"anonymous_id": {"ann"}, "user_id": {"ann", "7"}}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing wait for the disk."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def made_events(count: int, seed: int = 0) -> list[dict[str, Any]]:
    rng = random.Random(seed)
    people = [None, "ann", "bob", "ann2", "7"]
    return [
        event_of(
            f"{seed}-{number}",
            rng.choice(["shop", "blog"]),
            number * 3 // count,
            anonymous_id=rng.choice(people),
            user_id=rng.choice([*people, 7]),
        )
        for number in range(count)
    ]


def is_subject(event: dict[str, Any]) -> bool:
    """By a plain look at the event."""
    return event["anonymous_id"] == "ann" or str(event["user_id"]) in ("ann", "7")


def archive_of(root: Path, events: list[dict[str, Any]], cut: int = 5) -> ArchiveSink:
    sink = ArchiveSink(root, STILL)
    for first in range(0, len(events), cut):
        sink.write(batch_of(events[first : first + cut], first))
    return sink


def ids_in(root: Path) -> list[str]:
    return [row["event_id"] for row in rows_of(root)]


def names_anywhere(root: Path) -> set[str]:
    """All ids in all files, also in those that stay for a while."""
    found: set[str] = set()
    for path in root.rglob("*.parquet"):
        with pq.ParquetFile(path) as parquet:
            for row in parquet.read().to_pylist():
                found |= {f"a:{row['anonymous_id']}", f"u:{row['user_id']}"}
    return found


def test_a_folder_of_no_day_is_left_alone(tmp_path: Path) -> None:
    for name in ("day=2026-02-28", "day=2026-02-30", "day=x", "day=2026-2-1"):
        (tmp_path / "source=shop" / name).mkdir(parents=True)
    assert [each.name for each in folders(tmp_path)] == ["day=2026-02-28"]


def test_the_archive_is_that_without_the_subject(tmp_path: Path, quick: None) -> None:
    events = made_events(120)
    sink = archive_of(tmp_path, events)
    sink.tidy()
    before = {path: Path(path).stat().st_ino for path in files_of(tmp_path)}
    groups = {path: pq.ParquetFile(path).num_row_groups for path in before}
    found = forget_archived(tmp_path, NAMES)
    gone = [event for event in events if is_subject(event)]
    others = [event["event_id"] for event in events if not is_subject(event)]
    assert found.removed == len(gone) > 30
    assert ids_in(tmp_path) == others
    linked = {str(e[n]) for e in gone for n in NAMES if e[n] is not None}
    assert found.linked == linked - {"ann", "7"} == {"bob", "ann2"}
    assert not names_anywhere(tmp_path) & {"a:ann", "u:ann", "u:7"}
    assert {p: pq.ParquetFile(p).num_row_groups for p in files_of(tmp_path)} == groups
    after = {path: Path(path).stat().st_ino for path in files_of(tmp_path)}
    assert after.keys() == before.keys()
    again = forget_archived(tmp_path, NAMES)
    assert (again.removed, again.linked) == (0, set())
    assert after == {path: Path(path).stat().st_ino for path in files_of(tmp_path)}
    # The ids are known still: what is delivered once more does not come back.
    sink.write(batch_of(gone, len(events)))
    assert sink.counts()["repeated"] == len(gone)
    sink.close()


def test_what_is_on_its_way_does_not_come(tmp_path: Path, quick: None) -> None:
    events = made_events(40)
    sink = archive_of(tmp_path, events[:20])
    on_its_way = batch_of(events[20:30], 20)  # read before it was forgotten
    forget_archived(tmp_path, NAMES, below=30)
    sink.write(on_its_way)
    assert sink.counts()["forgotten"] == sum(map(is_subject, events[20:30])) > 0
    assert not list((tmp_path / ".zap" / "forgotten").iterdir())
    sink.write(batch_of(events[30:], 30))  # who comes again is new
    sink.close()
    expected = [e for n, e in enumerate(events) if n >= 30 or not is_subject(e)]
    assert ids_in(tmp_path) == [each["event_id"] for each in expected]


def test_a_kill_at_any_step_leaves_a_whole_archive(tmp_path: Path, quick: None) -> None:
    events = made_events(60)
    others = [each["event_id"] for each in events if not is_subject(each)]
    for done in (False, True):
        step, ended = 0, False
        while not ended:
            root = tmp_path / f"{step}-{done}"
            archive_of(root, events, 12).close()
            try:
                with failing(root, step, Killed, done):
                    forget_archived(root, NAMES, below=60)
                ended = True
            except Killed:
                kept = ids_in(root)
                assert [each for each in kept if each in others] == others
                forget_archived(root, NAMES, below=60)
            assert ids_in(root) == others
            step += 7
        assert step > 40


def test_forgetting_beside_a_writer_and_merging(tmp_path: Path, quick: None) -> None:
    events = made_events(600)
    options = ArchiveOptions(tidy_s=0.01, keep_merged_s=0)
    sink = ArchiveSink(tmp_path, options)
    removed = [0]

    def forget() -> None:
        for _ in range(6):
            removed[0] += forget_archived(tmp_path, NAMES, below=600).removed

    thread = threading.Thread(target=forget)
    for first in range(0, 600, 10):
        if first == 200:
            thread.start()
        sink.write(batch_of(events[first : first + 10], first))
    thread.join()
    sink.close()
    assert removed[0] > 0
    assert ids_in(tmp_path) == [e["event_id"] for e in events if not is_subject(e)]


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CollectError, match="zap collect has written"):
        forget_archived(tmp_path, NAMES)
    archive_of(tmp_path, made_events(5)).close()
    Path(files_of(tmp_path)[0]).write_bytes(b"PAR1")
    with pytest.raises(CollectError, match="source="):
        forget_archived(tmp_path, NAMES)


BAD = [
    encode_bad(BadRow("no_type", "", {"userId": name}), "shop", 1_709_287_200_000_000)
    for name in ("ann", "bob")
]


def test_spool_archive_and_bad_rows_are_reached(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    events = made_events(60)
    key = b"0123456789abcdef0123456789abcdef"
    events[3]["user_id"] = keyed(key, "ann")
    (tmp_path / "key").write_bytes(key)
    (tmp_path / "collect.toml").write_text(
        '[sources.shop]\nprotocols = ["segment"]\nkeys = ["shop-key-0123456789"]\n'
        '[sources.shop.privacy]\nhash = ["user_id"]\nhash_key_file = "key"\n'
    )
    records = [*map(encode_event, events), *BAD]
    with Spool(tmp_path / "spool") as spool:
        spool.append(records)
        batch = SpoolReader(tmp_path / "spool").read(0)
        sink, bad = ArchiveSink(tmp_path / "archive", STILL), BadSink(tmp_path / "bad")
        sink.write(batch)
        bad.write(batch)
        for each in (sink, bad):
            each.close()
        command = ["forget", "-", "--collect", "collect.toml", "--json"]
        monkeypatch.setattr("sys.stdin", io.StringIO("ann\n"))
        assert main(command) == 0
    told = json.loads(capsys.readouterr().out)
    gone = [n for n, e in enumerate(events) if n == 3 or named_ann(e)]
    assert {each["kind"]: each["removed"] for each in told["reached"]} == {
        "spool": len(gone) + 1,
        "archive": len(gone),
        "bad rows": 1,
    }
    left = SpoolReader(tmp_path / "spool").read(0).records
    assert [n for n, record in enumerate(left) if not record] == [*gone, 60]
    assert len(rows_of(tmp_path / "archive")) == 60 - len(gone)
    assert any("besides" in text and "bob" in text for text in told["not_reached"])
    # And once more, in words: there is nothing left.
    monkeypatch.setattr("sys.stdin", io.StringIO("ann\n"))
    assert main(command[:-1]) == 0
    assert "check the name" in capsys.readouterr().out


def named_ann(event: dict[str, Any]) -> bool:
    return "ann" in (event["anonymous_id"], event["user_id"])


def test_an_archive_alone_can_be_reached(tmp_path: Path, quick: None) -> None:
    archive_of(tmp_path, made_events(30)).close()
    found = forget_collected("user:ann", Collected(archive=tmp_path))
    assert found.removed["archive"][1] > 0
    assert any("no spool is named" in text for text in found.missed)
    named = names_anywhere(tmp_path)
    assert "u:ann" not in named and "a:ann" in named  # another's device of that name
    missing = forget_collected("ann", Collected(archive=tmp_path / "none"))
    assert missing.refused and not missing.removed


def spooled(spool: Path) -> list[Any]:
    """The events of a spool, by their ids."""
    found = [decode(each) for each in SpoolReader(spool).read(0).records]
    return sorted(filter(None, found), key=lambda event: event["event_id"])


def test_what_a_replay_left_in_the_inbox_goes_too(tmp_path: Path) -> None:
    """A spool without room, or without a collector, has not taken it up yet."""
    spool, events = tmp_path / "spool", made_events(40)
    ours = [event for event in events if named_ann(event)]
    for some in (events[:30], events[30:], [{**ours[0], "event_id": "alone"}]):
        inbox.put(spool, [*map(encode_event, some)])
    found = forget_collected("ann", Collected(spool=spool))
    assert found.removed["spool"] == (str(spool), len(ours) + 1)
    assert forget_collected("ann", Collected(spool=spool)).removed["spool"][1] == 0
    with Spool(spool) as own:
        assert inbox.take(own) == len(events) - len(ours)
    others = [event for event in events if not named_ann(event)]
    assert spooled(spool) == sorted(others, key=lambda event: event["event_id"])


def test_who_forgets_waits_for_who_takes_up(tmp_path: Path) -> None:
    spool, events = tmp_path / "spool", made_events(20)
    read, go_on = threading.Event(), threading.Event()
    inbox.put(spool, [*map(encode_event, events)])
    with Spool(spool) as own:
        append = own.append

        def slow(records: Any) -> int:
            read.set()
            assert go_on.wait(60)
            return append(records)

        own.append = slow  # type: ignore[method-assign]
        collector = threading.Thread(target=inbox.take, args=[own])
        collector.start()
        assert read.wait(60)
        places = Collected(spool=spool)
        forgetting = threading.Thread(target=forget_collected, args=["ann", places])
        forgetting.start()
        forgetting.join(0.3)  # it ends at once where it does not wait
        go_on.set()
        collector.join(60)
        forgetting.join(60)
    assert spooled(spool) and not any(map(named_ann, spooled(spool)))
