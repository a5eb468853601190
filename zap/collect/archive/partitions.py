"""Where the archive's events lie: a folder for each source and each day of receipt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from zap.collect.archive.rows import Numbered, archive_batch
from zap.collect.event import Event
from zap.events.archive_files import PARTITIONS
from zap.events.archive_rows import DATA, SCHEMA
from zap.times import DAY_US

_EPOCH = date(1970, 1, 1).toordinal()
_LAST = date.max.toordinal() - _EPOCH
_UNLIKE = ("event_id", DATA)
_CODED = [
    field.name
    for field in SCHEMA
    if pa.types.is_string(field.type) and field.name not in _UNLIKE
]
"""Columns that repeat their values, and are stored as codes."""


def day_number(event: Event) -> int:
    """The day since 1970, UTC, on which an event came in; else on which it was."""
    for name in ("received_at", "timestamp"):
        value = event.get(name)
        if value.__class__ is int:
            return min(max(value // DAY_US, 0), _LAST)
    return 0


def day_of(event: Event) -> date:
    """The day, UTC, of the folder that an event belongs to."""
    return date_of(day_number(event))


def date_of(number: int) -> date:
    """The date of a day since 1970."""
    return date.fromordinal(_EPOCH + number)


def folder_of(source: str, day: date) -> str:
    """The folder of a source's day, relative to the archive."""
    return f"source={quote(source, safe='')}/{day.strftime(PARTITIONS)}"


def folders(root: Path) -> Iterator[Path]:
    """The folders of an archive that hold events; others are left alone."""
    for source in sorted(root.glob("source=*")):
        yield from filter(_is_of_a_day, sorted(source.glob("day=*")))


def _is_of_a_day(folder: Path) -> bool:
    try:
        return folder.name == day_in(folder).strftime(PARTITIONS)
    except ValueError:
        return False


def day_in(folder: Path) -> date:
    """The day that a folder holds."""
    return datetime.strptime(folder.name, PARTITIONS).replace(tzinfo=UTC).date()


def writer_to(file: Any) -> pq.ParquetWriter:
    """Writes rows of the archive's schema to an open file.

    Pages carry checksums, so that ``zap backfill`` can tell a file that has rotted.
    """
    return pq.ParquetWriter(
        file,
        SCHEMA,
        compression="zstd",
        use_dictionary=_CODED,
        write_page_checksum=True,
    )


def parquet_bytes(events: Sequence[Numbered]) -> bytes:
    """The file of some events."""
    sink = pa.BufferOutputStream()
    with writer_to(sink) as to:
        to.write_batch(archive_batch(events))
    content: bytes = sink.getvalue().to_pybytes()
    return content
