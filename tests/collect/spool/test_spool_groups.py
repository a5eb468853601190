"""Many who write at once: groups, who hears of them, and what may wait."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from zap.collect.spool import (
    Spool,
    SpoolFull,
    SpoolOptions,
    SpoolReader,
    forget,
    trim,
)
from zap.errors import CollectError


def test_readers_see_nothing_before_it_is_synced(tmp_path: Path, slow_disk) -> None:
    begun, go_on = slow_disk
    done: list[CollectError | None] = []
    reader = SpoolReader(tmp_path)
    assert (reader.end, reader.oldest, reader.read(0).records) == (0, 0, [])
    with Spool(tmp_path) as spool:
        spool.submit([b"E0"], done.append)
        assert begun.wait(60)
        assert (reader.end, reader.wait(0, 0.01), done) == (0, False, [])
        assert os.stat(tmp_path / f"{0:020d}.spool").st_size > 32  # it is written
        threading.Timer(0.05, go_on.set).start()
        assert reader.wait(0, 60)
        assert reader.read(0).records == [b"E0"]
    assert done == [None]


def test_what_may_wait_is_bounded(tmp_path: Path, slow_disk) -> None:
    begun, go_on = slow_disk
    done: list[CollectError | None] = []
    with Spool(tmp_path, SpoolOptions(queue_bytes=10_000)) as spool:
        spool.submit([b"E" * 500], done.append)
        assert begun.wait(60)
        taken = 0
        with pytest.raises(SpoolFull, match="queue_bytes=10000"):
            while True:
                spool.submit([b"E" * 500], done.append)
                taken += 1
        assert 15 <= taken <= 18
        go_on.set()
        while len(done) <= taken:
            time.sleep(0.001)
        assert spool.append([b"E" * 500]) == taken + 1
    assert done == [None] * (taken + 1)
    assert SpoolReader(tmp_path).end == taken + 2


def test_a_close_brings_what_waits_to_the_disk(tmp_path: Path, slow_disk) -> None:
    begun, go_on = slow_disk
    done: list[CollectError | None] = []
    spool = Spool(tmp_path)
    for number in range(20):
        spool.submit([b"E%d" % number], done.append)
    assert begun.wait(60)
    threading.Timer(0.05, go_on.set).start()
    spool.close()
    spool.close()
    assert done == [None] * 20
    assert SpoolReader(tmp_path).read(0).records == [b"E%d" % n for n in range(20)]
    with pytest.raises(CollectError, match="which is closed"):
        spool.append([b"E"])


@pytest.mark.parametrize("records", [[], [b""], [b"E", b"", b"E"]])
def test_what_is_no_record_is_refused(tmp_path: Path, records: list[bytes]) -> None:
    with Spool(tmp_path) as spool, pytest.raises(CollectError, match="that is empty"):
        spool.append(records)


def test_a_receiver_that_raises_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[str] = []
    monkeypatch.setattr(
        threading, "excepthook", lambda args: reported.append(str(args.exc_value))
    )

    def raises(error: CollectError | None) -> None:
        raise ValueError("a defect of the caller")

    done: list[CollectError | None] = []
    with Spool(tmp_path) as spool:
        spool.submit([b"E0"], raises)
        spool.submit([b"E1"], done.append)
        assert spool.append([b"E2"]) == 2
    assert (done, reported) == ([None], ["a defect of the caller"])


def test_a_defect_in_the_thread_leaves_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[str] = []
    monkeypatch.setattr(
        threading, "excepthook", lambda args: reported.append(str(args.exc_value))
    )

    def defect(file: int) -> None:
        raise RuntimeError("a defect of ours")

    spool = Spool(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", defect)
        with pytest.raises(CollectError, match="a defect of Zap"):
            spool.append([b"E0"])
    with pytest.raises(CollectError, match="which is closed"):
        spool.append([b"E1"])
    failing = spool.status().failing
    spool.close()
    assert reported == ["a defect of ours"]
    assert failing is not None and "a defect of Zap" in failing
    with Spool(tmp_path) as again:
        assert again.append([b"E2"]) in (0, 1)  # it was written, and never synced


def test_all_at_once_beside_readers_trimmers_and_forgetters(tmp_path: Path) -> None:
    """Every record is read once, in the order of each thread, and none is damaged."""
    threads, turns = 4, 150
    options = SpoolOptions(segment_bytes=3_000)
    found: list[bytes] = []
    over = threading.Event()

    def write(name: int) -> None:
        for turn in range(turns):
            spool.append([b"E%d %d." % (name, turn), b"Esecret %d" % name])

    def tidy() -> None:
        while not over.is_set():
            forget(tmp_path, lambda record: b"secret" in record)
            trim(tmp_path, {"reader": len(found)}, keep_s=0)

    with Spool(tmp_path, options) as spool:
        writers = [threading.Thread(target=write, args=(n,)) for n in range(threads)]
        tidying = threading.Thread(target=tidy)
        for thread in (*writers, tidying):
            thread.start()
        reader = SpoolReader(tmp_path)
        while len(found) < 2 * threads * turns:
            assert reader.wait(len(found), 60)
            found += reader.read(len(found), most=17).records
        over.set()
        for thread in (*writers, tidying):
            thread.join()
    assert set(found[1::2]) <= {b"", *(b"Esecret %d" % n for n in range(threads))}
    for name in range(threads):
        mine = [each for each in found[::2] if each.startswith(b"E%d " % name)]
        assert mine == [b"E%d %d." % (name, turn) for turn in range(turns)]
    forget(tmp_path, lambda record: b"secret" in record)
    left = b"".join(path.read_bytes() for path in tmp_path.glob("*.spool"))
    assert b"secret" not in left
