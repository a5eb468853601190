"""The spool against a plain list: any order of appends, reopenings, trims and reads."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from zap.collect.spool import (
    Batch,
    Positions,
    Spool,
    SpoolOptions,
    SpoolReader,
    forget,
    trim,
)
from zap.errors import CollectError

RECORDS = st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=9)


class SpoolIsAList(RuleBasedStateMachine):
    """The model is the list of all records ever; `oldest` says what is still there."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.options = SpoolOptions(segment_bytes=400)
        self.records: list[bytes] = []
        self.spool = Spool(self.folder, self.options)
        self.reader = SpoolReader(self.folder)
        self.oldest = 0
        self.position = 0

    def teardown(self) -> None:
        self.reader.close()
        self.spool.close()
        shutil.rmtree(self.folder)

    @rule(records=RECORDS)
    def append(self, records: list[bytes]) -> None:
        assert self.spool.append(records) == len(self.records)
        self.records += records

    @rule(groups=st.lists(RECORDS, min_size=2, max_size=5))
    def submit(self, groups: list[list[bytes]]) -> None:
        done: list[CollectError | None] = []
        for records in groups:
            self.spool.submit(records, done.append)
            self.records += records
        self.append([b"last"])
        assert done == [None] * len(groups)

    @rule()
    def reopen(self) -> None:
        self.spool.close()
        self.spool = Spool(self.folder, self.options)

    @rule(
        ahead=st.integers(0, 30),
        most=st.integers(1, 40),
        most_bytes=st.integers(1, 300),
    )
    def read(self, ahead: int, most: int, most_bytes: int) -> None:
        """From where the last read ended, or a little further on."""
        start = min(max(self.position, self.oldest) + ahead, len(self.records))
        batch = self.reader.read(start, most, most_bytes)
        self.check(batch, start, most, most_bytes)
        self.position = batch.next

    @precondition(lambda self: self.records)
    @rule(data=st.data(), most=st.integers(1, 40))
    def read_anywhere(self, data: st.DataObject, most: int) -> None:
        start = data.draw(st.integers(self.oldest, len(self.records)))
        self.check(self.reader.read(start, most), start, most, 1 << 20)

    def check(self, batch: Batch, start: int, most: int, most_bytes: int) -> None:
        """By a plain loop over the list."""
        wanted: list[bytes] = []
        for record in self.records[start : start + most]:
            if wanted and sum(map(len, wanted)) + len(record) > most_bytes:
                break
            wanted.append(record)
        assert batch == Batch(start, wanted, start + len(wanted))

    @rule(taken=st.integers(0, 200))
    def trim(self, taken: int) -> None:
        """Whole segments go, and none that holds a record that is not taken."""
        trim(self.folder, {"store": taken, "archive": taken + 1}, keep_s=0)
        oldest = self.reader.oldest
        assert self.oldest <= oldest <= max(self.oldest, taken)
        if taken >= len(self.records) > 0:
            assert len([*self.folder.glob("*.spool")]) == 1
        self.oldest = oldest

    @rule(byte=st.integers(0, 255))
    def forget(self, byte: int) -> None:
        def named(record: bytes) -> bool:
            return byte in record

        wanted = sum(map(named, self.records[self.oldest :]))
        assert forget(self.folder, named).records == wanted
        kept = [b"" if named(record) else record for record in self.records]
        self.records[self.oldest :] = kept[self.oldest :]

    @precondition(lambda self: self.oldest)
    @rule()
    def what_was_removed_is_refused(self) -> None:
        with pytest.raises(CollectError, match=f"from {self.oldest} to"):
            self.reader.read(self.oldest - 1)

    @invariant()
    def ends_agree(self) -> None:
        end = len(self.records)
        assert self.reader.end == self.spool.status().end == end
        assert self.reader.oldest == self.oldest
        assert self.reader.written_us(end) is None
        assert not self.reader.wait(end, 0)
        assert not end or self.reader.wait(end - 1, 0)


TestSpoolIsAList = SpoolIsAList.TestCase
TestSpoolIsAList.settings = settings(max_examples=25, stateful_step_count=25)


def test_positions_survive_and_are_checked(tmp_path: Path) -> None:
    positions = Positions(tmp_path)
    assert (positions.get("store"), positions.all()) == (0, {})
    positions.set("store", 7)
    positions.set("archive", 1 << 60)
    positions.set("store", 3)  # a backfill goes back
    assert Positions(tmp_path).all() == {"archive": 1 << 60, "store": 3}
    for name in ("", "../store", "Store", "a" * 65, ".tmp"):
        with pytest.raises(CollectError, match="Expected a sink's name"):
            positions.set(name, 1)
    for wrong in (-1, 1.5, True):
        with pytest.raises(CollectError, match="whole number of at least 0"):
            positions.set("store", wrong)  # type: ignore[arg-type]
    (tmp_path / "positions" / "store").write_text("seven")
    with pytest.raises(CollectError, match="Expected a number in"):
        positions.get("store")
