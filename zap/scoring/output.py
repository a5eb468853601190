"""Where predictions go: one small interface over folders, object stores and tables.

Workers write parts, which nobody sees; one call at the end shows a day's parts as that
day's predictions, all at once. So a run that is killed shows nothing, and whoever runs
again replaces the day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Protocol

import pyarrow as pa


class Output(Protocol):
    """A place for rows of ``zap.scoring.rows.SCHEMA``; workers get copies of it.

    Attributes:
        folder: a path that fsspec knows, of this run alone: all that steps leave on
            their way lies below it, on a local disk in folders that are there.
    """

    folder: str

    def begin(self, application: str, days: Sequence[date]) -> None:
        """Make ready, before anything is read. Called once, not in a worker.

        Raises:
            InputError: the days can't be written here, such as those of another
                application.
        """

    def part(self, name: str, batches: Iterable[pa.RecordBatch]) -> Mapping[str, Any]:
        """Write one part of a day. Called in workers.

        It may be called again for a name, also at once: the rows are the same, and
        one of the answers counts.

        Args:
            name: of the part: letters, digits and ``-``; parts sorted by name are
                sorted by the hash of their subjects.
            batches: the rows; may be none.

        Returns:
            What ``publish`` needs to find it, as JSON.
        """

    def publish(
        self, day: date, parts: Sequence[Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        """Show parts as a day's predictions, in place of those that were there.

        Readers see the former rows or these, at every moment. Called once for each day,
        not in a worker; called again it changes nothing.

        Args:
            day: whose rows they are.
            parts: what ``part`` returned for each, in the order of the names.

        Returns:
            ``day``, ``rows`` and where they are, as JSON.
        """

    def keep_letters(self, day: date) -> str | None:
        """Keep the rows that could not be read, in place of those of a former run.

        They are the files of ``folder``/dead_letters.

        Returns:
            The folder where they are now; None if there are none.
        """

    def end(self) -> None:
        """Remove what this run left on its way. Called once, whatever happened."""
