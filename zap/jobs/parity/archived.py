"""One subject's archived events, beside what a log says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from zap.encoding.columns import Categorical, Cutoffs, FlatHistories
from zap.encoding.instance import Instance
from zap.encoding.recent import events_told, rows_seen
from zap.histories.chosen import ChosenHistories
from zap.serving.log.entry import event_hash


@dataclass(frozen=True)
class ArchivedSubject:
    """The archived events of a subject, in total order; none repeated.

    Attributes:
        histories: his alone.
        known_us: when each was known: received, and not before it happened.
        ids: the id of each; empty where it has none.
    """

    histories: FlatHistories
    known_us: tuple[int, ...]
    ids: tuple[str, ...]

    @classmethod
    def of(cls, chosen: ChosenHistories, place: int | None) -> ArchivedSubject:
        """The subject of that row; one without events if None."""
        batch = chosen.histories
        bounds = (0, 0) if place is None else batch.offsets[place : place + 2].tolist()
        rows = np.arange(*bounds)
        columns = {name: each.take(rows) for name, each in batch.columns.items()}
        one = FlatHistories(np.array([0, len(rows)]), batch.time_us[rows], columns)
        ids = batch.plain["event_id"][slice(*bounds)]
        known = tuple(batch.known_us[rows].tolist())
        return cls(one, known, tuple(str(name or "") for name in ids))

    @cached_property
    def times_us(self) -> list[int]:
        """When each event happened."""
        times: list[int] = self.histories.time_us.tolist()
        return times

    @cached_property
    def kinds(self) -> list[str]:
        """The type of each event."""
        column = self.histories.columns["type"]
        assert isinstance(column, Categorical)
        return [str(column.distinct[code]) for code in column.codes.tolist()]

    @cached_property
    def hashes(self) -> list[str]:
        """The hash of each event's id, as the log has it; empty where it has none."""
        return [event_hash(name) if name else "" for name in self.ids]

    @cached_property
    def places(self) -> dict[str, int]:
        """The row of each hash."""
        return {name: row for row, name in enumerate(self.hashes) if name}

    def told(self, instance: Instance, rows: Sequence[int]) -> list[dict[str, Any]]:
        """Events as a server has them, in the order of ``rows``."""
        return events_told(instance, self.histories, rows)

    def view(
        self, instance: Instance, until_us: int, instant_us: int | None
    ) -> tuple[list[int], int]:
        """The events that an instance looks at, and the instant.

        Args:
            instance: what is looked at.
            until_us: events up to that time are the past.
            instant_us: of the cutoff; None is when the last event looked at was known.
        """
        stop = int(np.searchsorted(self.histories.time_us, until_us, "right"))
        if instant_us is None:
            last = self._seen(instance, stop, until_us)
            instant_us = self.known_us[last[-1]] if last else until_us
        return self._seen(instance, stop, instant_us), instant_us

    def _seen(self, instance: Instance, stop: int, instant_us: int) -> list[int]:
        if not stop:
            return []
        cutoffs = Cutoffs(
            np.zeros(1, np.int64), np.array([stop]), np.array([instant_us])
        )
        rows: list[int] = rows_seen(instance, self.histories, cutoffs)[0].tolist()
        return rows

    def known_by(self, moment_us: int) -> ArchivedSubject:
        """The same without the events that were known later."""
        rows = [row for row, at in enumerate(self.known_us) if at <= moment_us]
        taken = np.array(rows, np.int64)
        columns = {n: c.take(taken) for n, c in self.histories.columns.items()}
        one = FlatHistories(
            np.array([0, len(rows)]), self.histories.time_us[taken], columns
        )
        known = tuple(self.known_us[row] for row in rows)
        return ArchivedSubject(one, known, tuple(self.ids[row] for row in rows))
