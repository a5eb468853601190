"""What is read of a table: all that a worker must know, as a line of text.

A source of events travels to workers of whatever runner, so it says by name what is to
be read: a table, or one stream of a read session of it. Clients are made where they
are needed.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from zap.bigquery.names import TableName


@dataclass(frozen=True)
class TableRead:
    """A table, or one stream of it, to be read.

    Attributes:
        table: its name.
        project: asks for the session, and pays.
        snapshot_us: the table is read as it was then, microseconds since 1970 UTC; 0
            for as it is.
        restriction: SQL that chooses rows; empty for all.
        most_streams: to cut the table into; 0 to choose by its size.
        rows: how many the table had; 0 where that is not known.
        leaves: all fields of the table as dotted paths, records before what is in them.
        fields: those to read for a job, with dots into records.
        stream: the name of the one stream to read; empty for the whole table.
    """

    table: TableName
    project: str
    snapshot_us: int = 0
    restriction: str = ""
    most_streams: int = 0
    rows: int = 0
    leaves: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    stream: str = ""

    @classmethod
    def of_text(cls, text: str) -> Self:
        """What ``to_text`` has written."""
        data: dict[str, Any] = json.loads(text)
        data |= {name: tuple(data[name]) for name in ("leaves", "fields")}
        return cls(**data | {"table": TableName(**data["table"])})

    def to_text(self) -> str:
        """As one line of JSON."""
        return json.dumps(asdict(self), separators=(",", ":"))

    def of_stream(self, stream: str) -> Self:
        """One stream of it, without what only opening a session needs."""
        return replace(self, stream=stream, leaves=(), fields=(), restriction="")


def narrowest(fields: tuple[str, ...]) -> list[str]:
    """Fields, each once, without those within a record that is read whole."""
    chosen = set(fields)

    def is_within(field: str) -> bool:
        parts = field.split(".")
        return any(".".join(parts[:end]) in chosen for end in range(1, len(parts)))

    return sorted(field for field in chosen if not is_within(field))
