"""The ids of load jobs, by which rows are loaded once.

A job has an id that is made of what it does: the same rows, for the same place, in the
same state of the table. The service takes an id once. So of two runs that do the same
at the same time one loads and the other waits for it, and a request that is sent again
because its answer was lost starts nothing new. A later run finds the table in another
state and replaces the day again, with the same rows.

What is added to a table, rather than replaced, has ids without that state: such rows
are added once, for as long as the service knows the job (half a year).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any

from zap.bigquery.names import TableName


@dataclass(frozen=True)
class Load:
    """What a load does.

    Attributes:
        table: where the rows go.
        rows: how many there are.
        content: a digest of the rows: who loads the same has the same.
        day: the partition that is replaced; None adds the rows to the table.
    """

    table: TableName
    rows: int
    content: str
    day: date | None = None

    @property
    def destination(self) -> str:
        """The table or its partition, as a client takes it."""
        return self.table.partition(self.day) if self.day else self.table.id


def job_name(load: Load, state: str, attempt: int) -> str:
    """The id of a job: of letters, digits, _ and -.

    Args:
        load: what it does.
        state: of the table, before.
        attempt: how many such jobs have failed.
    """
    day = str(load.day) if load.day else ""
    facts = [load.table.id, day, load.content, state, load.rows]
    digest = sha256(json.dumps(facts).encode()).hexdigest()[:32]
    name = "".join(c if c.isascii() and c.isalnum() else "_" for c in load.table.table)
    return f"zap_{name[:100]}_{day.replace('-', '')}_{digest}_{attempt}"


def state_of(table: Any, load: Load) -> str:
    """The state of a table that a job's id is made of.

    It tells this table from one of its name that was removed; and, where a day is
    replaced, from what it was before and after.

    Args:
        table: the client's ``Table``.
        load: what is to be done.
    """
    told = table.to_api_repr()
    made = str(told.get("creationTime"))
    return f"{made} {told.get('lastModifiedTime')}" if load.day else made
