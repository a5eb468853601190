"""Finds the states of a table in files, and reads them one after the other.

A state that is said to be of a day may have been taken at any time of it, so it counts
from the day's end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa
import pyarrow.compute as pc

from zap.errors import InputError
from zap.events.coded import whole
from zap.events.observed import partition_day
from zap.events.snapshot_rows import ANY_FILE, read_rows, state_schema, unreadable
from zap.events.sources import Source, list_sources
from zap.events.timestamps import to_micros


@dataclass(frozen=True)
class SnapshotOptions:
    """How the states of a table are read and told apart.

    Of ``day``, ``column`` and ``times`` exactly one says when states were taken. A day
    without a time counts from its end.

    Attributes:
        key: the column whose value names a row.
        columns: those that are compared; empty: all that the files have.
        name: of the table; events are of the types ``name.created`` and so on.
        day: the strptime form of a part of the paths, such as ``users_%Y-%m-%d.csv``.
        column: the column that says it in each row.
        times: a time for each input, ISO 8601.
        timezone: of days, and of times without an offset.
        max_deleted_share: of a state's rows that may be gone in the next one.
    """

    key: str
    columns: tuple[str, ...] = ()
    name: str = "row"
    day: str | None = None
    column: str | None = None
    times: tuple[str, ...] = ()
    timezone: str = "UTC"
    max_deleted_share: float = 0.5

    def __post_init__(self) -> None:
        given = (self.day is not None, self.column is not None, bool(self.times))
        if sum(given) != 1:
            raise InputError(
                "Expected one way to tell when the states were taken. Received: "
                f"day={self.day!r}, column={self.column!r}, times={self.times!r}. Give "
                "--day with the form of the files' names, --day-column, or --at for "
                "each input."
            )
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise InputError(
                "Expected a time zone of the IANA list. Received: "
                f"timezone={self.timezone!r}. Write one like 'Europe/London'."
            ) from error
        if not 0 <= self.max_deleted_share <= 1:
            raise InputError(
                "Expected a share from 0 to 1. Received: "
                f"max_deleted_share={self.max_deleted_share}."
            )


@dataclass(frozen=True)
class State:
    """One state of a table.

    Attributes:
        at_us: when it was taken at the latest, microseconds since 1970, UTC.
        where: what it is called in messages.
        rows: the key and the compared columns, in the order of the files.
    """

    at_us: int
    where: str
    rows: pa.Table


def states(inputs: Sequence[str], options: SnapshotOptions) -> Iterator[State]:
    """The states in the order of their times.

    Args:
        inputs: files, globs or directories.
        options: how they are read and told apart.

    Raises:
        InputError: a file cannot be read whole, or tells no time.
        MappingError: a column is missing, or is nested.
    """
    dated = _dated(inputs, options)
    sources = [source for group in dated.values() for source in group]
    needed = [name for name in (options.key, options.column) if name is not None]
    schema = state_schema(sources, needed, options.columns)
    if options.column is not None:
        yield from _by_column(sources, schema, options)
        return
    for at_us in sorted(dated):
        where = ", ".join(source.path for source in dated[at_us])
        yield State(at_us, where, read_rows(dated[at_us], schema))


def _dated(inputs: Sequence[str], options: SnapshotOptions) -> dict[int, list[Source]]:
    """The files of each state; under 0 where a column tells it."""
    if options.times and len(options.times) != len(inputs):
        raise InputError(
            "Expected a time for each input. Received: "
            f"{len(options.times)} times for {len(inputs)} inputs. Give --at once for "
            "each, in the same order."
        )
    dated: dict[int, list[Source]] = {}
    for place, pattern in enumerate(inputs):
        for source in list_sources([pattern], ANY_FILE):
            at_us = 0
            if options.day is not None:
                day = partition_day(source.path, options.day)
                at_us = _at_us(day, "%H" not in options.day, options)
            elif options.times:
                at_us = _text_us(options.times[place], options)
            dated.setdefault(at_us, []).append(source)
    return dated


def _at_us(time: datetime, is_day: bool, options: SnapshotOptions) -> int:
    return to_micros(time + timedelta(days=1) if is_day else time, options.timezone)


def _text_us(text: str, options: SnapshotOptions) -> int:
    """The instant of a text; a day alone is its end."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            "Expected a day or a time in ISO 8601, such as 2024-05-17. Received: "
            f"{text!r:.100}. Write it so."
        ) from error
    return _at_us(time, len(text.strip()) <= len("2024-05-17"), options)


def _by_column(
    sources: Sequence[Source], schema: pa.Schema, options: SnapshotOptions
) -> Iterator[State]:
    """The states that a column of the rows tells apart."""
    assert options.column is not None
    rows = read_rows(sources, schema)
    days = rows.column(options.column)
    if days.null_count:
        raise unreadable(options.column, "missing", "a day or a time in every row")
    at = {value: _value_us(value, options) for value in pc.unique(days).to_pylist()}
    coded = pc.index_in(whole(days), value_set=pa.array([*at], days.type))
    rows = rows.drop_columns([options.column])
    by_time: dict[int, list[int]] = {}
    for place, at_us in enumerate(at.values()):
        by_time.setdefault(at_us, []).append(place)
    for at_us in sorted(by_time):
        here = pc.is_in(coded, value_set=pa.array(by_time[at_us], pa.int32()))
        where = f"{options.column}={[*at][by_time[at_us][0]]}"
        yield State(at_us, where, rows.filter(here))


def _value_us(value: object, options: SnapshotOptions) -> int:
    if isinstance(value, datetime):
        return to_micros(value, options.timezone)
    return _text_us(
        value.isoformat() if isinstance(value, date) else str(value), options
    )
