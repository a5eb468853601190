"""What a kill, a full disk, a slow disk and damage leave of the log."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from made_disk import PAGE_BYTES, small_disk
from made_entries import entry, opened

from zap.errors import LogError
from zap.serving.log import read_log
from zap.serving.log.entry import line_of
from zap.serving.log.writer import Writer

SITES = Path(__file__).parents[1] / "sites"
LINE_BYTES = len(line_of(entry(1)))


def numbers(folder: Path, counts: Counter[str] | None = None) -> list[int]:
    """The numbers of the entries in a log."""
    there = {} if counts is None else counts
    return [int(each.id, 16) for each in read_log(folder, "shop", counts=there)]


def only_file(folder: Path) -> Path:
    (path,) = (folder / "shop").iterdir()
    return path


def test_a_line_torn_at_every_byte_is_cut_off_and_counted(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.append_all([entry(1), entry(2), entry(3)])
    log.close()
    path = only_file(tmp_path)
    whole = path.read_bytes()
    start = whole.rindex(b"\n", 0, -1) + 1
    for size in range(start, len(whole) + 1):
        path.write_bytes(whole[:size])
        torn = start < size < len(whole)
        seen: Counter[str] = Counter()
        wanted = [1, 2] + [3] * (size == len(whole))
        assert numbers(tmp_path, seen) == wanted
        assert seen == Counter({"lines.torn": 1} if torn else {})
        log = opened(tmp_path)
        log.close()
        assert log.counts.repaired == torn
        assert path.read_bytes() == whole[: start if torn else size]


@pytest.mark.parametrize("tail", [bytes(5_000), b"x" * (3 << 20)])
def test_a_long_torn_end_is_cut_off_too(tmp_path: Path, tail: bytes) -> None:
    """Of zeros, as a loss of power leaves it, and longer than any line."""
    for whole in (b"", line_of(entry(1))):
        folder = tmp_path / str(len(whole))
        (folder / "shop").mkdir(parents=True)
        path = folder / "shop" / "20260115T100000-1-0.jsonl"
        path.write_bytes(whole + tail)
        seen: Counter[str] = Counter()
        assert numbers(folder, seen) == [1] * bool(whole)
        assert seen == {"lines.torn": 1}
        opened(folder).close()
        assert path.read_bytes() == whole


def test_damage_in_the_middle_is_skipped_and_counted(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.append_all([entry(number) for number in range(6)])
    log.close()
    path = only_file(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b'"shop"', b'"ship"')
    lines[2] = b"no JSON\n"
    lines[3] = b"y" * (2 << 20) + b"\n"
    lines[4] = line_of(entry(4)).replace(b'"format":1', b'"format":9')
    path.write_bytes(b"".join(lines))
    seen: Counter[str] = Counter()
    assert numbers(tmp_path, seen) == [0, 5]
    assert seen == {"lines.damaged": 4}
    log = opened(tmp_path)  # a whole line is never cut off
    log.close()
    assert log.counts.repaired == 0 and path.read_bytes() == b"".join(lines)


WORK = r"""
import os, sys
sys.path.insert(0, sys.argv[2])
from threading import Thread
from made_entries import entry, opened
log = opened(sys.argv[1], max_bytes=20_000)
def work(thread):
    for number in range(thread, 10**9, 4):
        log.append(entry(number))
        os.write(1, b"%d\n" % number)
for thread in range(4):
    Thread(target=work, args=(thread,)).start()
"""


def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    acknowledged: Counter[int] = Counter()
    for lines in (1, 2, 5, 10, 20, 50, 100, 200, 300, 400) * 2:
        command = [sys.executable, "-c", WORK, str(tmp_path), str(SITES)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            told = [process.stdout.readline() for _ in range(lines)]
            process.kill()
            told += process.stdout.readlines()
        acknowledged.update(int(line) for line in told if line.endswith("\n"))
    seen: Counter[str] = Counter()
    there = Counter(numbers(tmp_path, seen))
    assert sum(acknowledged.values()) >= 2_176
    assert not acknowledged - there
    assert set(seen) <= {"lines.torn"}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of eight pages."""
    with small_disk(tmp_path / "disk", 8 * PAGE_BYTES) as folder:
        yield folder


@pytest.mark.parametrize("group", [1, 7])
def test_a_full_disk_refuses_and_recovers(disk: Path, group: int) -> None:
    log = opened(disk / "log")
    log.append(entry(0))
    filler = disk / "filler"
    filler.write_bytes(bytes(3 * PAGE_BYTES))
    good, number = [0], 1
    while True:
        entries = [entry(number + k) for k in range(group)]
        try:
            log.append_all(entries)
        except LogError as error:
            assert "No space left" in str(error) or "no more room" in str(error)
            break
        good += range(number, number + group)
        number += group
    assert log.failing is not None
    with pytest.raises(LogError, match="No space left on device"):
        log.check()
    path = only_file(disk / "log")
    assert path.read_bytes().endswith(b"\n")
    there = numbers(disk / "log")
    assert there[: len(good)] == good and len(there) < len(good) + group
    filler.unlink()
    log.check()
    log.append(entry(10_000))
    log.close()
    assert log.failing is None
    assert numbers(disk / "log") == [*there, 10_000]
    assert log.counts.written == len(there) + 1
    assert log.counts.refused == len(good) + group - len(there)
    assert only_file(disk / "log") == path


def test_a_full_disk_is_gone_on_with_and_counted(disk: Path) -> None:
    log = opened(disk, on_failure="go_on")
    total = 9 * PAGE_BYTES // LINE_BYTES
    for number in range(total):
        log.append(entry(number))
    log.close()
    there = numbers(disk)
    assert there == [*range(len(there))] and 0 < len(there) < total
    assert (log.counts.written, log.counts.lost) == (len(there), total - len(there))
    assert log.counts.refused == 0


def test_a_file_that_may_not_grow_keeps_whole_lines(tmp_path: Path) -> None:
    """Without a file system of one's own: no file of the process may pass a size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    log = opened(tmp_path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5 * LINE_BYTES // 2, hard))
    try:
        with pytest.raises(LogError, match="no more room"):
            log.append_all([entry(number) for number in range(4)])
        with pytest.raises(LogError, match="File too large"):
            log.append(entry(4))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    log.append(entry(5))
    log.close()
    assert numbers(tmp_path) == [0, 1, 5]
    assert (log.counts.written, log.counts.refused) == (3, 3)


def stalled(
    monkeypatch: pytest.MonkeyPatch, begun: threading.Event, go_on: threading.Event
) -> None:
    """Let the disk take its time: each group waits."""
    write: Callable[..., int] = Writer.write

    def slow(self: Writer, *given) -> int:
        begun.set()
        assert go_on.wait(60)
        return write(self, *given)

    monkeypatch.setattr(Writer, "write", slow)


@pytest.mark.parametrize("on_failure", ["refuse", "go_on"])
def test_a_slow_disk_holds_no_request_and_no_more_than_the_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_failure
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    stalled(monkeypatch, begun, go_on)
    log = opened(tmp_path, queue=5, wait_ms=10, on_failure=on_failure)
    said = []
    for number in range(8):
        try:
            log.append(entry(number))
        except LogError as error:
            said.append(str(error))
        assert begun.wait(60)
    go_on.set()
    log.close()
    if on_failure == "go_on":
        assert numbers(tmp_path) == [0, 1, 2, 3, 4] and not said
        assert (log.counts.written, log.counts.lost) == (5, 3)
        return
    assert numbers(tmp_path) == [0]  # it was being written when its time was up
    assert sum("within 10 ms" in each for each in said) == 5
    assert sum("5 entries wait already" in each for each in said) == 3
    assert log.counts.refused == 8


def test_a_file_that_is_removed_is_not_written_to(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.append(entry(1))
    only_file(tmp_path).unlink()
    log.append(entry(2))
    os.rename(tmp_path / "shop", tmp_path / "archived")
    log.append(entry(3))
    log.close()
    assert numbers(tmp_path) == [3]
    archived = [*(tmp_path / "archived").iterdir()]
    assert [json.loads(path.read_text())["id"] for path in archived] == [entry(2).id]


def test_two_logs_in_one_folder_write_their_own_files(tmp_path: Path) -> None:
    logs = [opened(tmp_path) for _ in range(3)]
    for number in range(30):
        logs[number % 3].append(entry(number))
    opened(tmp_path).close()  # repairs nothing of those being written
    for log in logs:
        log.close()
    assert len([*(tmp_path / "shop").iterdir()]) == 3
    assert sorted(numbers(tmp_path)) == [*range(30)]


def test_synced_lines_are_there_as_well(tmp_path: Path) -> None:
    log = opened(tmp_path, sync="batch")
    for number in range(5):
        log.append(entry(number))
    log.close()
    assert numbers(tmp_path) == [0, 1, 2, 3, 4]
