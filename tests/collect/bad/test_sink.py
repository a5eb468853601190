"""Bad rows are there once each, however they are delivered and whenever it is killed.

The oracle is what was sent: a list in memory, against the lines of the files as the
json module reads them.
"""

from __future__ import annotations

import errno
import json
import os
import random
import signal
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zap.collect.bad.sink import BadSink
from zap.collect.event import BadRow
from zap.collect.record import encode_bad, encode_event
from zap.collect.spool import Batch
from zap.errors import CollectError

DAY_US = 86_400_000_000
Row = tuple[str, int, str]


def record_of(source: str, received_us: int, payload: str) -> bytes:
    return encode_bad(
        BadRow("segment.type", "Expected a type.", payload), source, received_us
    )


def lines_under(folder: Path) -> list[tuple[str, str, dict[str, Any]]]:
    """All lines, with the source and the day of their files."""
    return [
        (path.parent.name, path.stem, json.loads(line))
        for path in sorted(folder.glob("*/*.jsonl"))
        for line in path.read_text(encoding="utf-8").split("\n")[:-1]
    ]


def expected(records: Sequence[Row | None]) -> list[tuple[str, str, dict[str, Any]]]:
    """What is to be there of records, sorted by file and number."""
    rows = []
    for number, row in enumerate(records):
        if row is None:
            continue
        source, received_us, payload = row
        day = datetime.fromtimestamp(received_us / 1e6, UTC).strftime("%Y-%m-%d")
        fields = {
            "number": number,
            "received_at": received_us,
            "source": source,
            "reason": "segment.type",
            "detail": "Expected a type.",
            "payload": payload,
        }
        rows.append((f"source={source}", day, fields))
    return sorted(rows, key=lambda row: (row[0], row[1], row[2]["number"]))


def batch_of(records: Sequence[Row | None], first: int, until: int) -> Batch:
    """Numbers [first, until); a None is an event."""
    found = [
        encode_event({"event_id": "e"}) if row is None else record_of(*row)
        for row in records[first:until]
    ]
    return Batch(first, found, until)


rows_or_events = st.lists(
    st.none()
    | st.tuples(
        st.sampled_from(["shop", "blog"]),
        st.sampled_from([0, 5, DAY_US - 1, DAY_US]),
        st.sampled_from(["a", "b\n", "\u2028", "ü"]),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=80)
@given(records=rows_or_events, cuts=st.data())
def test_batches_that_come_again_cut_otherwise_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, records: list[Row | None], cuts: Any
) -> None:
    folder = tmp_path_factory.mktemp("bad")
    sink = BadSink(folder)
    position = 0
    for _ in range(6):
        first = cuts.draw(st.integers(0, position))
        until = cuts.draw(st.integers(first, len(records)))
        if cuts.draw(st.booleans()):
            sink = BadSink(folder)  # another process
        sink.write(batch_of(records, first, until))
        position = max(position, until)
    BadSink(folder).write(batch_of(records, 0, len(records)))
    assert lines_under(folder) == expected(records)


def test_it_is_counted(tmp_path: Path) -> None:
    records: list[Row | None] = [("shop", 5, "a"), None, ("shop", 5, "b")]
    sink = BadSink(tmp_path)
    sink.write(batch_of(records, 0, 2))
    sink.write(batch_of(records, 0, 3))
    assert sink.counts() == {"written": 2, "repeated": 1}
    assert sink.position() is None and sink.name == "bad"


def test_a_spool_begun_anew_is_not_taken_for_the_old_one(tmp_path: Path) -> None:
    BadSink(tmp_path).write(batch_of([("shop", 5, "a"), ("shop", 5, "b")], 0, 2))
    BadSink(tmp_path).write(batch_of([("shop", 5, "c"), ("shop", 5, "b")], 0, 2))
    payloads = [line["payload"] for _, _, line in lines_under(tmp_path)]
    assert payloads == ["a", "b", "c"]


def test_a_batch_without_bad_rows_makes_nothing(tmp_path: Path) -> None:
    BadSink(tmp_path / "bad").write(batch_of([None, None], 0, 2))
    assert not (tmp_path / "bad").exists()


def test_a_folder_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "bad").write_text("a file")
    with pytest.raises(CollectError, match="Received: path="):
        BadSink(tmp_path / "bad").write(batch_of([("shop", 5, "a")], 0, 1))


# Kills and failing disks: each call that changes the disk is, in turn, the last.

CALLS = ("mkdir", "open", "pwrite", "ftruncate", "fsync")
RECORDS: list[Row | None] = [
    ("shop", 5, "a" * 50),
    None,
    ("shop", 7, "b" * 50),
    ("blog", DAY_US, "c" * 50),
    ("shop", 9, "d" * 50),
]


def deliver(folder: Path, seed: int) -> None:
    """Deliver all records in batches, as a seed cuts them."""
    sink = BadSink(folder)
    random_ = random.Random(seed)
    position = 0
    while position < len(RECORDS):
        until = min(len(RECORDS), position + random_.randint(1, 3))
        sink.write(batch_of(RECORDS, position, until))
        position = until


def hooked(patch: pytest.MonkeyPatch, before: Callable[[str], bool]) -> None:
    """Have each call ask first; of a write only half is made where it says so."""
    for name in CALLS:
        real = getattr(os, name)

        def call(*args: Any, _real: Any = real, _name: str = name, **named: Any) -> Any:
            if before(_name) and _name == "pwrite":
                args = (args[0], bytes(args[1])[: len(args[1]) // 2], *args[2:])
                _real(*args)
                before("half")
            return _real(*args, **named)

        patch.setattr(os, name, call)


def killed_at(folder: Path, step: int, half: bool) -> bool:
    """Deliver in a child that is killed at a step; whether it came so far."""
    pid = os.fork()
    if pid == 0:  # the child: no exit handlers, no coverage, no pytest
        steps = iter(range(step))

        def before(name: str) -> bool:
            if name == "half":
                os.kill(os.getpid(), signal.SIGKILL)
            if next(steps, None) is None:
                if half and name == "pwrite":
                    return True
                os.kill(os.getpid(), signal.SIGKILL)
            return False

        try:
            hooked(pytest.MonkeyPatch(), before)
            deliver(folder, step)
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status)


@pytest.mark.slow
@pytest.mark.parametrize("half", [False, True])
def test_a_kill_at_any_step_loses_and_doubles_nothing(
    tmp_path: Path, half: bool
) -> None:
    step = 0
    while killed_at(folder := tmp_path / str(step), step, half):
        deliver(folder, step + 1)
        assert lines_under(folder) == expected(RECORDS), f"killed at step {step}"
        step += 1
    assert step > 20, "every call was a step"


@pytest.fixture
def failing_disk() -> Iterator[Callable[[int], pytest.MonkeyPatch]]:
    """Has one call of the disk fail, the given one; half of a write is made."""
    patch = pytest.MonkeyPatch()

    def fail_at(step: int) -> pytest.MonkeyPatch:
        steps = iter(range(step))
        done = iter([True])

        def before(name: str) -> bool:
            if name == "half":
                raise OSError(errno.ENOSPC, "No space left on device")
            if next(steps, None) is None and next(done, False):
                if name == "pwrite":
                    return True
                raise OSError(errno.EIO, "Input/output error")
            return False

        hooked(patch, before)
        return patch

    yield fail_at
    patch.undo()


def test_a_disk_that_fails_once_loses_and_doubles_nothing(
    tmp_path: Path, failing_disk: Callable[[int], pytest.MonkeyPatch]
) -> None:
    for step in range(100):
        folder = tmp_path / str(step)
        sink = BadSink(folder)
        patch = failing_disk(step)
        failed = False
        try:
            sink.write(batch_of(RECORDS, 0, 5))
        except CollectError:
            failed = True
        patch.undo()
        sink.write(batch_of(RECORDS, 0, 5))  # the same one, as delivery does
        assert lines_under(folder) == expected(RECORDS), f"failed at step {step}"
        if not failed:
            break
    assert 8 < step < 100


def test_what_could_not_be_synced_is_not_taken_as_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = BadSink(tmp_path)
    sink.write(batch_of(RECORDS, 0, 1))

    def fail(file: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(CollectError):
            sink.write(batch_of(RECORDS, 2, 3))
    assert lines_under(tmp_path) == expected(RECORDS[:1])
