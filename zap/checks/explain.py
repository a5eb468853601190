"""A difference in plain words: what changed, for whom, and what is the likely cause."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from zap.checks.harness import Harness, Key, Made, Origin, keys_of
from zap.checks.known import NEVER_US, Known
from zap.checks.mutations import MUTATIONS
from zap.checks.rounds import BY_SUBJECT, Difference
from zap.checks.values import ChangedValue, changed_value, value_at
from zap.times import iso


@dataclass(frozen=True)
class Counterexample:
    """One cutoff that was not the same.

    Attributes:
        check: the check that it fails: "mutation" or "anticipation".
        subject: whose cutoff.
        instant: when, in UTC.
        alteration: what had been done to the rows not known yet.
        what: what was not the same.
        cause: the likely cause, and the fix.
        by_rule: whether it is the rule alone that looked ahead.
    """

    check: str
    subject: str
    instant: str
    alteration: str
    what: str
    cause: str
    by_rule: bool = False

    def __str__(self) -> str:
        return (
            f"subject {self.subject!r} at {self.instant}: {self.what}, when "
            f"{self.alteration}. {self.cause}"
        )

    def to_dict(self) -> dict[str, Any]:
        """As a JSON object."""
        return {name: value for name, value in vars(self).items() if name != "by_rule"}


DIMENSIONS = (
    "A trait comes from dimension rows without valid-from: nobody knows since when "
    "their values hold, and they are used for times before that. Give the dimension a "
    "valid-from, or leave it out of the instance, eligible and statistics."
)
LATE = (
    "A late event is used too early: it had not been received at the cutoff. Map "
    "received_at, and keep it in what prepares the events."
)


class Explainer:
    """Explains the differences of one proof.

    Args:
        harness: the generator.
        table: canonical events, as read.
        known: what of them is known when.
        before: what was made of the table as it is.
    """

    def __init__(self, harness: Harness, table: pa.Table, known: Known, before: Made):
        self.harness = harness
        self.table = table
        self.known = known
        self.before = before

    def explain(self, found: Difference, most: int = 5) -> Iterable[Counterexample]:
        """Some of what a round changed, the earliest cutoffs first."""
        for key in found.other[:most]:
            yield self._other(found, key)
        if found.gone or found.new:
            yield from self._rule(found, found.gone[:most], found.new[:most])

    def _other(self, found: Difference, key: Key) -> Counterexample:
        place, other = self.before.places[key], found.after.places[key]
        written = self._written(found)
        value = changed_value(self.before, place, found.after, other)
        if value is None and _asked_again(found.after, key) != _asked_again(
            self.before, key
        ):
            what = "eligible gave another answer once labels were computed"
            return self._case("anticipation", key, found, what, _REMEMBERS)
        what = str(value) if value else "the encoded bytes differ"
        event = value.event if value else None
        cause = (
            written
            or self._late(found, place)
            or self._dimension(found, place, event)
            or self._cause_of_value(value)
        )
        return self._case("mutation", key, found, what, cause)

    def _rule(
        self, found: Difference, gone: Iterable[Key], new: Iterable[Key]
    ) -> Iterable[Counterexample]:
        table = self._altered(found)
        everywhere = _without_eligible(self.harness)
        offered = {
            True: set(keys_of(self.harness.find(self.table, everywhere))),
            False: set(keys_of(self.harness.find(table, everywhere))),
        }
        for key in gone:
            sides = (self.before, found.after)
            yield self._moved(found, key, *sides, key in offered[False], "gone")
        for key in new:
            sides = (found.after, self.before)
            yield self._moved(found, key, *sides, key in offered[True], "new")

    def _moved(
        self,
        found: Difference,
        key: Key,
        there: Made,
        elsewhere: Made,
        offered: bool,
        how: str,
    ) -> Counterexample:
        """A cutoff that one side has and the other has not."""
        place = there.places[key]
        past, owners = there.past_events(place), elsewhere.owners()
        lost = [origin for origin in past if owners.get(origin) != key.subject]
        there_again = "did not come out again" if how == "gone" else "came out anew"
        known = self._written(found)
        if how == "gone":
            known = known or self._late(found, place)
        if lost and not offered:
            what, cause = self._lost(there, past, lost[0], owners, how)
            return self._case("mutation", key, found, what, known or cause)
        if how == "gone":
            known = known or self._dimension(found, place)
        what = f"the cutoff {there_again}"
        if offered:
            what += ": eligible gave another answer"
            cause = known or self._cause_of_eligible()
            return self._case("anticipation", key, found, what, cause)
        if known:
            return self._case("mutation", key, found, what, known)
        cause = self._cause_of_rule()
        return self._case("anticipation", key, found, what, cause, by_rule=True)

    def _lost(
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

    def _late(self, found: Difference, place: int) -> str | None:
        """That the past holds an event that had not been received."""
        for row in self._altered_past(found, place).values():
            if self.known.known_us[row] < NEVER_US:
                at, seen = self.known.time_us[row], self.known.known_us[row]
                return f"{LATE} The event of {iso(at)} was received at {iso(seen)}."
        return None

    def _dimension(
        self, found: Difference, place: int, event: int | None = None
    ) -> str | None:
        """That the past, or one event of it, is of a dimension of no time."""
        altered = self._altered_past(found, place)
        if event is not None:
            past = self.before.past_events(place)
            altered = {o: r for o, r in altered.items() if past[o] == event}
        never = [row for row in altered.values() if self.known.always[row]]
        return DIMENSIONS if never else None

    def _cause_of_value(self, value: ChangedValue | None) -> str:
        if self.harness.prepare is None:
            return (
                "It is computed from rows that come after the cutoff. Rows that fold "
                "into one event must have one timestamp; methods must only read."
            )
        name = f"{value.field!r}" if value and value.field else "It"
        if value and value.field and value.field not in self.table.schema.names:
            name = f"{value.field!r} is not in the raw rows and"
        return (
            f"{name} is computed in the preparation from rows that come later: bins "
            "or counts over all data, the time to the next event, a join without "
            "valid-from. Compute it from what was known at each event."
        )

    def _cause_of_eligible(self) -> str:
        if "eligible" in self.harness.generator.methods():
            return (
                "eligible(self, past) knows more than the past it is given: it reaches "
                "behind the view, or remembers what label saw. Decide from past alone."
            )
        return (
            "eligible reads what is computed from later rows. Compute it from what was "
            "known at each event."
        )

    def _cause_of_rule(self) -> str:
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

    def _written(self, found: Difference) -> str | None:
        written = self.before.written or found.after.written
        for method, names in written.items():
            shown = ", ".join(map(repr, names))
            return (
                f"The method {method}() writes into the events that it is shown "
                f"({shown}), so the instance holds what it knows. A method must only "
                "read."
            )
        return None

    def _altered(self, found: Difference) -> pa.Table:
        each = found.round
        return MUTATIONS[each.mutation](
            self.table,
            self.known,
            each.rows,
            each.since_us,
            self.harness.generator.subject,
            np.random.default_rng(each.seed),
        )

    def _case(
        self,
        check: str,
        key: Key,
        found: Difference,
        what: str,
        cause: str,
        by_rule: bool = False,
    ) -> Counterexample:
        each = found.round
        whose = "this subject's" if each.kind == BY_SUBJECT else "all"
        alteration = f"{whose} rows that were not known yet were {each.mutation}"
        instant = iso(key.instant_us)
        return Counterexample(
            check, key.subject, instant, alteration, what, cause, by_rule
        )


_REMEMBERS = (
    "A method keeps what label saw and uses it in eligible or is_cutoff. Keep nothing "
    "between calls."
)


def _asked_again(made: Made, key: Key) -> bool:
    """Whether a cutoff came out in the second pass too, after the labels."""
    return made.again is None or key in made.again


def anticipates(generator: Any) -> bool:
    """Whether the generator's rule says of itself that it anticipates."""
    rule = generator.rule()
    return bool(rule is not None and rule.anticipating)


def _without_eligible(harness: Harness) -> Any:
    """A copy of the generator that takes every cutoff of its rule."""
    made = copy.copy(harness.generator)
    made.eligible = None  # type: ignore[misc]
    return made
