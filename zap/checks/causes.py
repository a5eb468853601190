"""Likely causes of a difference, and the fix, in plain words.

A cause that can be told from the rows comes first: a late event or a dimension's row of
no time in a past, an event that changed hands. What is left is told by where a
generator can look ahead at all: its own methods, its rule, a site's own preparation.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from zap.checks.harness import Harness
from zap.checks.known import NEVER_US, Known
from zap.checks.made import Made, Origin
from zap.checks.rounds import Difference
from zap.checks.values import ChangedValue, value_at
from zap.times import iso

DIMENSIONS = (
    "A trait comes from dimension rows without valid-from: nobody knows since when "
    "their values hold, and they are used for times before that. Give the dimension a "
    "valid-from, or leave it out of the instance, eligible and statistics."
)
LATE = (
    "A late event is used too early: it had not been received at the cutoff. Map "
    "received_at, and keep it in what prepares the events."
)


REMEMBERS = (
    "A method keeps what label saw and uses it in eligible or is_cutoff. Keep nothing "
    "between calls."
)


def anticipates(generator: Any) -> bool:
    """Whether the generator's rule says of itself that it anticipates."""
    rule = generator.rule()
    return bool(rule is not None and rule.anticipating)


class Causes:
    """Finds causes; see `Explainer` for the arguments."""

    def __init__(self, harness: Harness, table: pa.Table, known: Known, before: Made):
        self.harness = harness
        self.table = table
        self.known = known
        self.before = before

    def of_lost(
        self,
        there: Made,
        past: dict[Origin, int],
        origin: Origin,
        owners: dict[Origin, str],
        how: str,
    ) -> tuple[str, str]:
        """An event that only one side has in the subject's history."""
        event = past[origin]
        kind = value_at(there.histories.columns["type"], event)
        when = iso(int(there.histories.time_us[event]))
        told = "is no longer in the past" if how == "gone" else "is now in the past"
        what = f"the event {kind!r} of {when} {told}"
        column = self.harness.generator.subject
        if origin in owners:
            return what, (
                f"It now belongs to another subject: {column} is filled in from rows "
                "that come later (backward stitching). Fill it in from links that were "
                "received before each event."
            )
        raw = self.known.places.get(origin)
        named = column in self.table.schema.names
        if raw is not None and named and not self.table.column(column)[raw].is_valid:
            return what, (
                f"The raw row has no {column}: it is filled in from rows that come "
                "later (backward stitching). Fill it in from links that were received "
                "before each event."
            )
        return what, (
            "Whether the event is kept is decided from rows that come later: a filter "
            "on all data, or on a whole visit. Decide it from what was known by then."
        )

    def _altered_past(self, found: Difference, place: int) -> dict[Origin, int]:
        """Rows of the past, as raw rows, that were altered: nobody knew them yet."""
        rows = {o: self.known.places.get(o) for o in self.before.past_events(place)}
        altered = found.round.rows
        return {o: r for o, r in rows.items() if r is not None and altered[r]}

    def late(self, found: Difference, place: int) -> str | None:
        """That the past holds an event that had not been received."""
        for row in self._altered_past(found, place).values():
            if self.known.known_us[row] < NEVER_US:
                at, seen = self.known.time_us[row], self.known.known_us[row]
                return f"{LATE} The event of {iso(at)} was received at {iso(seen)}."
        return None

    def dimension(
        self, found: Difference, place: int, event: int | None = None
    ) -> str | None:
        """That the past, or one event of it, is of a dimension of no time."""
        altered = self._altered_past(found, place)
        if event is not None:
            past = self.before.past_events(place)
            altered = {o: r for o, r in altered.items() if past[o] == event}
        never = [row for row in altered.values() if self.known.always[row]]
        return DIMENSIONS if never else None

    def of_value(self, value: ChangedValue | None) -> str:
        if self.harness.prepare is None:
            return (
                "It is computed from rows that come after the cutoff; methods must "
                "only read."
            )
        name = f"{value.field!r}" if value and value.field else "It"
        if value and value.field and value.field not in self.table.schema.names:
            name = f"{value.field!r} is not in the raw rows and"
        return (
            f"{name} is computed in the preparation from rows that come later: bins "
            "or counts over all data, the time to the next event, a join without "
            "valid-from. Compute it from what was known at each event."
        )

    def of_eligible(self) -> str:
        if "eligible" in self.harness.generator.methods():
            return (
                "eligible(self, past) knows more than the past it is given: it reaches "
                "behind the view, or remembers what label saw. Decide from past alone."
            )
        return (
            "eligible reads what is computed from later rows. Compute it from what was "
            "known at each event."
        )

    def of_rule(self) -> str:
        generator = self.harness.generator
        if "is_cutoff" in generator.methods():
            return (
                "is_cutoff(self, past) knows more than the past it is given: it "
                "reaches behind the view, or remembers. Decide from past alone."
            )
        rule = type(generator.cutoffs).__name__
        if self.harness.prepare is not None and not anticipates(generator):
            return (
                f"The rule {rule} reads what the preparation computes from later rows."
            )
        return (
            f"The rule {rule} anticipates: it must see past a cutoff to put it there, "
            "so that where cutoffs lie tells about the label. Use each, nth, or "
            "cutoffs at times."
        )

    def written(self, found: Difference) -> str | None:
        written = self.before.written or found.after.written
        for method, names in written.items():
            shown = ", ".join(map(repr, names))
            return (
                f"The method {method}() writes into the events that it is shown "
                f"({shown}), so the instance holds what it knows. A method must only "
                "read."
            )
        return None
