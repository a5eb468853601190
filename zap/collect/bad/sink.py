"""The sink of bad rows: each is written once, however often it is delivered.

Files need no note of how far delivery came: which rows they hold is written in them. A
row that comes again is found there by its number and checksum, so batches may be cut
anew, and positions lost, without a row doubled or missed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from zap.collect.bad.files import append, lines_in, path_of, writing
from zap.collect.bad.rows import Identity, identity_of, line_of, number_in
from zap.collect.record import BAD, BadRecord, decode

if TYPE_CHECKING:
    from zap.collect.spool.reader import Batch

_MOST_KNOWN = 1_000


class _Known(NamedTuple):
    """What is known of a file without reading it.

    Attributes:
        size: in bytes, when that was so.
        last: the highest number in it.
    """

    size: int
    last: int


class BadSink:
    """Takes bad rows to a folder of JSON Lines; events pass it by.

    Args:
        folder: is made with the first row.
    """

    name = "bad"
    linger_s = 1.0

    def __init__(self, folder: Path | str):
        self._folder = Path(folder)
        self._known: dict[Path, _Known] = {}
        self._counts: Counter[str] = Counter()

    def write(self, batch: Batch) -> None:
        """Write the bad rows of a batch that are not there yet, synced.

        Raises:
            CollectError: the disk refuses; what was written is found next time.
        """
        found: dict[Path, list[bytes]] = defaultdict(list)
        for number, record in enumerate(batch.records, batch.first):
            if record.startswith(BAD):
                bad = decode(record)
                assert isinstance(bad, BadRecord)
                path = path_of(self._folder, bad.source, bad.received_us)
                found[path].append(line_of(number, bad))
        if not found:
            return
        with writing(self._folder):
            for path, lines in found.items():
                self._write(path, lines)

    def position(self) -> int | None:
        """None: the delivery knows, and need not know exactly."""
        return None

    def counts(self) -> Mapping[str, int]:
        """Rows written, and rows that were there, since the start."""
        return dict(self._counts)

    def close(self) -> None:
        """Nothing is held."""

    def _write(self, path: Path, lines: Sequence[bytes]) -> None:
        first, last = number_in(lines[0]), number_in(lines[-1])
        known = self._known.pop(path, None)
        if known is None or known.size != _size(path) or known.last >= first:
            there, highest = _read(path, first, last)
        else:
            there, highest = set(), known.last
        new = [line for line in lines if not there or identity_of(line) not in there]
        if new:
            append(path, new)
        self._counts["written"] += len(new)
        self._counts["repeated"] += len(lines) - len(new)
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[path] = _Known(_size(path), max(highest, last))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _read(path: Path, first: int, last: int) -> tuple[set[Identity], int]:
    """The rows of a file with numbers in a range, and the highest number of all."""
    there: set[Identity] = set()
    highest = -1
    for line in lines_in(path):
        try:
            number = number_in(line)
            if first <= number <= last:
                there.add(identity_of(line))
        except ValueError:
            continue  # damaged: no row that is known
        highest = max(highest, number)
    return there, highest
