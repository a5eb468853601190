"""A loss of power at any call: what was acknowledged is there, under its number.

The calls are recorded in this process; `test_spool_sync.py` does the same with those
that the system saw, by strace.
"""

from __future__ import annotations

import random
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from made_disk import Call, Disk, recorded

from zap.collect.spool import Spool, SpoolOptions, SpoolReader
from zap.collect.spool.control import Control, Told

SPOOL = Path("made") / "spool"
OPTIONS = SpoolOptions(segment_bytes=3_000)


def record(number: int) -> bytes:
    """Of a length such that some blocks cross sectors, and some don't."""
    return b"E%d " % number + b"x" * (number * 37 % 500)


def all_records(folder: Path) -> list[bytes]:
    """Every record, by a reader of its own."""
    reader = SpoolReader(folder)
    assert reader.oldest == 0
    found: list[bytes] = []
    while len(found) < reader.end:
        found += reader.read(len(found), most=7).records
    reader.close()
    return found


def session(disk: Path, known: list[bytes], groups: list[list[int]]) -> list[Call]:
    """Open the spool, append, and close: the calls, and what was told when.

    Args:
        disk: the spool is two folders below.
        known: what it must hold at least; grows by what it holds.
        groups: submissions, by the sizes of those that are made at once.
    """
    folder = disk / SPOOL
    with recorded(disk) as calls:
        spool = Spool(folder, OPTIONS)
        found = all_records(folder)
        assert found[: len(known)] == known
        calls.append(Call("told", data=list(found)))
        for group in groups:
            for size in group:
                given_ = [record(len(found) + n) for n in range(size)]
                found += given_
                so_far = list(found)
                spool.submit(
                    given_,
                    lambda error, so_far=so_far: calls.append(
                        Call("told", data=None if error else so_far)
                    ),
                )
            assert spool.append([record(len(found))]) == len(found)
            found.append(record(len(found)))
            calls.append(Call("told", data=list(found)))
        spool.close()
    return calls


GROUPS = st.lists(st.lists(st.integers(1, 4), max_size=3), min_size=1, max_size=4)
SESSIONS = st.lists(
    st.tuples(GROUPS, st.floats(0, 1), st.booleans()), min_size=1, max_size=4
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sessions=SESSIONS, chance=st.none() | st.randoms(use_true_random=False))
@pytest.mark.parametrize("told", [True, False])
def test_after_any_crashes_what_was_acknowledged_is_there(
    tmp_path_factory: pytest.TempPathFactory, told, sessions, chance
) -> None:
    """Several in a row, of the process or of the machine: recovery is crashed as well.

    What a process finds that was killed before its sync is not on the disk: it must not
    be counted as kept before it is synced.
    """
    root = tmp_path_factory.mktemp("crashes")
    disk = root / "0"
    disk.mkdir()
    known: list[bytes] = []
    model = Disk.of(disk)
    for number, (groups, part, power) in enumerate(sessions):
        calls = session(disk, known, groups)
        for call in calls[: round(part * len(calls))]:
            model.apply(call)
            if call.name == "told":
                assert call.data is not None and call.data[: len(known)] == known
                known = call.data
        disk = root / f"{number + 1}"
        if power:
            model.crash(disk, chance)
            leave_told(disk / SPOOL, len(known) if told else 0)
            model = Disk.of(disk)
        else:
            model = model.kill(disk)
            leave_told(disk / SPOOL, len(known))
    session(disk, known, [[1]])


def leave_told(folder: Path, end: int) -> None:
    """What the writer said last may be on the disk, or nothing of it."""
    (folder / "synced").unlink(missing_ok=True)
    if end:
        control = Control(folder)
        control.tell(Told(end=end))
        control.close()


def test_a_crash_at_every_call_of_a_run(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    model = Disk.of(disk)
    calls = session(disk, [], [[2], [1, 3], [], [4, 1, 1], [2]])
    assert {call.name for call in calls} == {"make", "open", "write", "sync", "told"}
    known: list[bytes] = []
    for number, call in enumerate(calls):
        model.apply(call)
        known = call.data if call.name == "told" else known
        for seed in range(4):
            found = tmp_path / f"{number}-{seed}"
            model.crash(found, random.Random(seed) if seed else None)
            leave_told(found / SPOOL, len(known) * (seed % 2))
            again = session(found, known, [[1]])
            assert again[-1].data is not None


def test_the_model_finds_a_spool_that_does_not_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other tests here are worth something only if this one fails without sync."""
    disk = tmp_path / "disk"
    disk.mkdir()
    model = Disk.of(disk)
    with recorded(disk) as calls:
        monkeypatch.setattr("os.fdatasync", lambda file: None)
        with Spool(disk / SPOOL, OPTIONS) as spool:
            spool.append([record(0)])
    for call in calls:
        model.apply(call)
    model.crash(tmp_path / "found")
    with Spool(tmp_path / "found" / SPOOL, OPTIONS) as spool:
        assert spool.status().end == 0
