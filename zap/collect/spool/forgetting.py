"""Forgetting a subject: its records become empty, and keep their numbers.

A segment is written anew beside the old one and takes its name in one step, so a crash
leaves the one or the other, and a reader sees the one or the other.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zap.collect.record import FORGOTTEN
from zap.collect.spool.blocks import Block, encode_block, split
from zap.collect.spool.closing import closed_up_to
from zap.collect.spool.locks import changing
from zap.collect.spool.segments import Segment, SegmentFile, header, segments_of
from zap.collect.spool.walking import Damage, start_of, walk
from zap.datasets.publishing import sync
from zap.errors import CollectError

_TEMPORARY = ".forgetting"

Parts = Sequence[tuple[int, Block | Damage]]


@dataclass(frozen=True)
class Forgotten:
    """What became of a spool.

    Attributes:
        records: how many are empty now.
        segments: how many were written anew.
        damaged: records that can't be read, so that nobody knows whose they are; they
            go with their segment.
    """

    records: int = 0
    segments: int = 0
    damaged: int = 0

    def __add__(self, other: Forgotten) -> Forgotten:
        return Forgotten(
            self.records + other.records,
            self.segments + other.segments,
            self.damaged + other.damaged,
        )


def forget(folder: Path | str, predicate: Callable[[bytes], bool]) -> Forgotten:
    """Empty the records that a predicate names.

    Those that come while this runs may stay. Safe beside a writer, readers, and others
    who trim or forget; what a reader was given before, it has.

    Example:
        >>> import tempfile
        >>> from zap.collect.spool import Spool, SpoolReader
        >>> with Spool(tempfile.mkdtemp()) as spool:
        ...     first = spool.append([b"E1", b"E2"])
        ...     forget(spool.folder, lambda record: b"1" in record)
        ...     SpoolReader(spool.folder).read(0).records
        Forgotten(records=1, segments=1, damaged=0)
        [b'', b'E2']

    Args:
        folder: the spool's.
        predicate: takes a record, and says whether it is to be forgotten.

    Raises:
        CollectError: the writer does not answer, or the disk refuses.
    """
    folder = Path(folder)
    if not folder.is_dir():
        return Forgotten()
    try:
        with changing(folder), closed_up_to(folder) as stop:
            for name in os.listdir(folder):
                if name.endswith(_TEMPORARY):  # of one that was killed
                    os.unlink(folder / name)
            total = Forgotten()
            segments = [s for s in segments_of(folder) if s.first < stop]
            ends = [*(each.first for each in segments[1:]), stop]
            for segment, end in zip(segments, ends[: len(segments)], strict=True):
                total += _forget(segment, end, predicate)
            return total
    except OSError as error:
        raise CollectError(
            f"Expected to write segments anew. Received: {folder}: {error}. "
            "Make room on the disk, or mend it, and forget again."
        ) from error


def _forget(
    segment: Segment, stop: int, predicate: Callable[[bytes], bool]
) -> Forgotten:
    """Empty what is to be forgotten in a segment that nobody writes to."""
    file = SegmentFile(segment)
    try:
        parts = [*walk(file, start_of(segment), stop)]
        matches, damaged = _matches(file, parts, predicate)
        if matches:
            _replace(file, parts, matches)
        return Forgotten(sum(map(len, matches.values())), bool(matches), damaged)
    finally:
        file.close()


def _matches(
    file: SegmentFile, parts: Parts, predicate: Callable[[bytes], bool]
) -> tuple[dict[int, list[int]], int]:
    """By a block's place the records in it that match; and how many are damaged."""
    matches: dict[int, list[int]] = {}
    damaged = 0
    for at, part in parts:
        if isinstance(part, Damage):
            damaged += part.next - part.first
            continue
        records = file.records(at, part)
        damaged += records.count(None)
        found = [n for n, record in enumerate(records) if record and predicate(record)]
        if found:
            matches[at] = found
    return matches, damaged


def _replace(file: SegmentFile, parts: Parts, matches: Mapping[int, list[int]]) -> None:
    """Put a file in a segment's place, without the records that match."""
    path = file.segment.path
    temporary = path.with_name(path.name + _TEMPORARY)
    ends = [at for at, _ in parts[1:]] + [file.size]
    with open(temporary, "wb", opener=_private) as new:
        new.write(header(file.segment.first, file.created_us))
        for (at, part), end in zip(parts, ends, strict=True):
            if isinstance(part, Block) and at in matches:
                new.write(_emptied(file, at, part, matches[at]))
            else:
                new.write(file.take(at, end - at))
        new.flush()
        os.fsync(new.fileno())
    there = os.stat(path)
    os.utime(temporary, ns=(there.st_atime_ns, there.st_mtime_ns))
    os.replace(temporary, path)
    sync(path.parent)


def _emptied(file: SegmentFile, at: int, block: Block, which: list[int]) -> bytes:
    """A block without some records; those that are damaged stay as they are."""
    records = split(block, file.body(at, block))
    checksums = block.checksums[:]
    for number in which:
        records[number] = FORGOTTEN
        checksums[number] = 0
    return encode_block(block.first, block.time_us, records, checksums)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o640)
