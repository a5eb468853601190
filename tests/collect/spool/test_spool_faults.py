"""What a torn end, damage, a full disk and a failing one leave of the spool."""

from __future__ import annotations

import errno
import os
import resource
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_disk import PAGE_BYTES, small_disk

from zap.collect.record import BadRecord, decode
from zap.collect.spool import (
    Batch,
    Spool,
    SpoolFull,
    SpoolOptions,
    SpoolReader,
    SpoolTaken,
    forget,
    trim,
)
from zap.collect.spool.blocks import MARK, encode_block
from zap.errors import CollectError


def record(number: int) -> bytes:
    """A record of forty bytes."""
    return b'E{"n":%d}' % number + b" " * (33 - len(b"%d" % number))


def read_all(folder: Path) -> list[bytes]:
    """Every record that is there."""
    reader = SpoolReader(folder)
    position, found = reader.oldest, []
    while position < reader.end:
        batch = reader.read(position)
        found += batch.records
        position = batch.next
    reader.close()
    return found


def filled(folder: Path, groups: int, **options: int) -> None:
    """A closed spool of so many groups of three records."""
    with Spool(folder, SpoolOptions(**options)) as spool:
        for group in range(groups):
            spool.append([record(3 * group + n) for n in range(3)])


def last_of(folder: Path) -> Path:
    return max(folder.glob("*.spool"))


def test_an_end_torn_at_every_byte_is_cut_off_and_counted(tmp_path: Path) -> None:
    filled(tmp_path, 2)
    path = last_of(tmp_path)
    whole = path.read_bytes()
    third = whole.index(record(3)) - 32 - 3 * 8
    for size in range(third, len(whole) + 1):
        path.write_bytes(whole[:size])
        (tmp_path / "synced").unlink(missing_ok=True)  # after a loss of power
        torn = third < size < len(whole)
        last = size == len(whole)
        wanted = [record(n) for n in range(6 if last else 3)]
        with Spool(tmp_path) as spool:
            status = spool.status()
            assert (status.end, status.torn) == (len(wanted), torn)
            assert read_all(tmp_path) == wanted
            if size in (third + 1, len(whole) - 1):  # numbers go on where they ended
                assert spool.append([record(3)]) == 3
                assert read_all(tmp_path) == [*wanted, record(3)]
                last_of(tmp_path).unlink()
        assert path.read_bytes() == whole[: third if torn else size]


@pytest.mark.parametrize("tail", [bytes(5_000), b"x" * (3 << 20)])
def test_a_long_torn_end_is_cut_off_too(tmp_path: Path, tail: bytes) -> None:
    filled(tmp_path, 1)
    path = last_of(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole + tail)
    with Spool(tmp_path) as spool:
        assert (spool.status().torn, spool.append([record(3)])) == (1, 3)
    assert path.read_bytes() == whole
    assert read_all(tmp_path) == [record(n) for n in range(4)]
    with Spool(tmp_path) as spool:
        assert spool.status().torn == 1
    assert SpoolReader(tmp_path).status().torn == 1


def test_an_end_that_was_synced_and_is_damaged_is_not_torn(tmp_path: Path) -> None:
    filled(tmp_path, 2)
    path = last_of(tmp_path)
    path.write_bytes(path.read_bytes()[:-50])
    with Spool(tmp_path) as spool:
        assert (spool.status().torn, spool.append([record(6)])) == (0, 6)
    found = read_all(tmp_path)
    assert found[:3] + found[4:] == [*map(record, range(3)), b"", b"", record(6)]
    told = decode(found[3])
    assert isinstance(told, BadRecord) and "records 3 to 5" in told.row.detail


def test_every_wrong_byte_is_found_and_told(tmp_path: Path) -> None:
    """One record, or its whole block, is lost, and never anything in silence."""
    filled(tmp_path, 3)
    path = last_of(tmp_path)
    whole = path.read_bytes()
    good = [record(n) for n in range(9)]
    header = 24
    block = (len(whole) - header) // 3
    for place in range(header + block, header + 2 * block):
        wrong = bytearray(whole)
        wrong[place] ^= 0x20
        path.write_bytes(wrong)
        found = read_all(tmp_path)
        assert found[:3] == good[:3] and found[6:] == good[6:]
        in_block = place - header - block
        if in_block < 32 + 3 * 8:
            lost = [3, 4, 5]
        else:
            lost = [3 + (in_block - 32 - 3 * 8) // 40]
        assert [n for n in range(9) if found[n] != good[n]] == lost
        told = decode(found[lost[0]])
        assert isinstance(told, BadRecord) and told.row.reason == "spool.damaged"
        assert f"records {lost[0]} to {lost[-1]}" in told.row.detail
        assert all(found[n] == b"" for n in lost[1:])
    for position in range(9):  # and by any cut the same
        batch = SpoolReader(tmp_path).read(position, most=1)
        assert batch == Batch(position, [found[position]], position + 1)


def test_a_segment_that_is_gone_is_told(tmp_path: Path) -> None:
    filled(tmp_path, 6, segment_bytes=400)
    first, second, _ = sorted(tmp_path.glob("*.spool"))
    second.unlink()
    found = read_all(tmp_path)
    good = [record(n) for n in range(18)]
    assert found[:6] == good[:6] and found[12:] == good[12:]
    assert isinstance(decode(found[6]), BadRecord) and found[7:12] == [b""] * 5
    reader = SpoolReader(tmp_path)
    assert (reader.written_us(8), reader.written_us(5) is None) == (None, False)
    assert first.exists()


def test_forgetting_leaves_what_is_damaged(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    path = last_of(tmp_path)
    wrong = bytearray(path.read_bytes())
    wrong[wrong.index(record(4))] ^= 1
    wrong[wrong.index(record(7)) - 60] ^= 1
    path.write_bytes(wrong)
    before = read_all(tmp_path)
    made = path.stat().st_mtime_ns
    forgotten = forget(tmp_path, lambda each: b":3}" in each or b":0}" in each)
    assert (forgotten.records, forgotten.segments, forgotten.damaged) == (2, 1, 4)
    after = read_all(tmp_path)
    assert [n for n in range(9) if not after[n]] == [0, 3, 7, 8]
    sound = (1, 2, 5)
    assert [after[n] for n in sound] == [before[n] for n in sound]
    assert b"spool.damaged" in after[4] and b"records 6 to 8" in after[6]
    assert record(0) not in path.read_bytes() and record(5) in path.read_bytes()
    assert path.stat().st_mtime_ns == made  # it is no younger for that


def test_a_segment_of_a_later_version_is_refused(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    path = last_of(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"ZAPSPL1\n", b"ZAPSPL2\n"))
    with pytest.raises(CollectError, match="begins with b'ZAPSPL2"):
        read_all(tmp_path)
    with pytest.raises(CollectError, match="begins with b'ZAPSPL2"):
        Spool(tmp_path)


def test_one_process_writes(tmp_path: Path) -> None:
    with Spool(tmp_path), pytest.raises(SpoolTaken, match="has a writer"):
        Spool(tmp_path)
    Spool(tmp_path).close()


def test_a_place_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CollectError, match="Expected a folder that can be written"):
        Spool(tmp_path / "file")


def test_a_full_spool_refuses_until_it_is_trimmed(tmp_path: Path) -> None:
    options = SpoolOptions(max_bytes=20_000, segment_bytes=2_000)
    kept = 0
    with Spool(tmp_path, options) as spool:
        with pytest.raises(SpoolFull, match="max_bytes=20000"):
            while True:
                spool.append([record(kept)])
                kept += 1
        assert 15_000 < spool.status().bytes <= 20_000
        assert spool.status().end == kept
        # Delivered, and young: it goes all the same, as new events come first.
        assert trim(tmp_path, {"store": kept}, keep_s=3_600) >= 8_000
        eventually(lambda: spool.append([record(kept)]) == kept)
    reader = SpoolReader(tmp_path)
    assert reader.status().bytes <= 12_000 and reader.oldest < kept
    last = reader.read(reader.oldest).records
    assert last == [record(n) for n in range(reader.oldest, kept + 1)]


def eventually(works) -> None:
    """The spool looks only now and then at what others did."""
    until = time.monotonic() + 30
    while True:
        try:
            assert works()
            return
        except SpoolFull:
            assert time.monotonic() < until
            time.sleep(0.05)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of sixteen pages."""
    with small_disk(tmp_path / "disk", 16 * PAGE_BYTES) as folder:
        yield folder


@pytest.mark.parametrize("group", [1, 7])
def test_a_full_disk_refuses_and_recovers(disk: Path, group: int) -> None:
    options = SpoolOptions(keep_free_bytes=0, segment_bytes=3 * PAGE_BYTES)
    good: list[bytes] = []
    with Spool(disk / "spool", options) as spool:
        spool.append([record(0)])
        good.append(record(0))
        filler = disk / "filler"
        filler.write_bytes(bytes(4 * PAGE_BYTES))
        with pytest.raises(SpoolFull):
            while True:
                records = [record(len(good) + n) for n in range(group)]
                assert spool.append(records) == len(good)
                good += records
        assert read_all(disk / "spool") == good
        filler.write_bytes(bytes(64))
        eventually(lambda: spool.append([record(len(good))]) == len(good))
        good.append(record(len(good)))
        assert spool.status().failing is None
    assert read_all(disk / "spool") == good
    with Spool(disk / "spool", options) as spool:
        assert (spool.status().torn, spool.status().end) == (0, len(good))


def test_room_is_left_on_the_disk(disk: Path) -> None:
    options = SpoolOptions(keep_free_bytes=6 * PAGE_BYTES, segment_bytes=PAGE_BYTES)
    with Spool(disk / "spool", options) as spool:
        with pytest.raises(SpoolFull, match="keep_free_bytes=24576"):
            for number in range(1_000):
                spool.append([record(number)])
        free = os.statvfs(disk)
        assert free.f_bavail >= 5  # as pages are not shared
        assert spool.status().failing is None


def test_a_file_that_may_not_grow_keeps_whole_groups(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Spool(tmp_path) as spool:
        spool.append([record(0), record(1)])
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, hard))
        try:
            with pytest.raises(SpoolFull, match="File too large"):
                spool.append([record(n) for n in range(2, 9)])
            assert "File too large" in (spool.status().failing or "")
            assert "File too large" in (SpoolReader(tmp_path).status().failing or "")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert spool.append([record(2)]) == 2
        assert spool.status().failing is None
    assert read_all(tmp_path) == [record(0), record(1), record(2)]


@pytest.mark.parametrize("call", ["fdatasync", "pwrite", "open"])
@pytest.mark.parametrize("groups_before", [0, 2])
@pytest.mark.parametrize("cut_fails", [False, True])
def test_a_disk_that_fails_takes_nothing_and_gives_no_number_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call, groups_before, cut_fails
) -> None:
    good = [record(n) for n in range(3 * groups_before)]
    real, done = getattr(os, call), threading.Event()

    def failing(*given):
        if done.is_set() or (call == "open" and not str(given[0]).endswith(".spool")):
            return real(*given)
        raise OSError(errno.EIO, "Input/output error")

    def no_cut(file: int, size: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with Spool(tmp_path) as spool:
        for group in range(groups_before):
            spool.append(good[3 * group : 3 * group + 3])
        with monkeypatch.context() as broken:
            broken.setattr(os, call, failing)
            if cut_fails:
                broken.setattr(os, "ftruncate", no_cut)
            if call == "open" and groups_before:
                done.set()  # nothing is opened while a segment is
            for _ in range(0 if done.is_set() else 2):
                with pytest.raises(CollectError, match="Input/output error") as raised:
                    spool.append([b"Enot kept", b"Enot kept either"])
                assert not isinstance(raised.value, SpoolFull)
            assert read_all(tmp_path) == good
        done.set()
        assert spool.append([record(len(good))]) == len(good)
        good.append(record(len(good)))
        assert read_all(tmp_path) == good
    with Spool(tmp_path) as spool:
        assert spool.status().end == len(good)
    assert read_all(tmp_path) == good


def test_a_segment_that_was_removed_is_not_written_to(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        spool.append([record(0)])
        last_of(tmp_path).unlink()
        assert spool.append([record(1)]) == 1
    assert SpoolReader(tmp_path).read(1).records == [record(1)]


def test_a_disk_that_can_not_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path, 1)
    reader = SpoolReader(tmp_path)

    def fails(*given):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "pread", fails)
    for ask in (
        lambda: reader.read(0),
        lambda: reader.end,
        lambda: reader.oldest,
        lambda: reader.written_us(0),
        lambda: reader.wait(5, 0),
        reader.status,
    ):
        with pytest.raises(CollectError, match="Expected to read the spool"):
            ask()


def test_a_damaged_notice_is_told_and_made_anew(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    (tmp_path / "synced").write_bytes(b"\x01" * 512)
    with pytest.raises(CollectError, match="Start the collector"):
        read_all(tmp_path)
    with Spool(tmp_path) as spool:
        assert spool.status().end == 3
    assert len(read_all(tmp_path)) == 3


def test_what_clients_write_does_not_slow_down_a_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A torn group may hold the mark of blocks a hundred thousand times."""
    with Spool(tmp_path) as spool:
        spool.append([record(0)])
    marks = b'E{"a":"' + MARK * 300_000 + b'"}'
    whole = encode_block(1, 0, [marks, record(1)])
    with open(last_of(tmp_path), "ab") as file:
        file.write(whole[:-1])
    reads = 0

    def counted(*given: int) -> bytes:
        nonlocal reads
        reads += 1
        return os_pread(*given)

    os_pread = os.pread
    monkeypatch.setattr(os, "pread", counted)
    with Spool(tmp_path) as spool:
        assert (spool.status().end, spool.status().torn) == (1, 1)
    assert reads < 20
    assert read_all(tmp_path) == [record(0)]
