"""A difference in plain words: what changed, for whom, and what is the likely cause."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from zap.checks.causes import REMEMBERS, Causes
from zap.checks.harness import Harness
from zap.checks.histories import Key, keys_of
from zap.checks.known import Known
from zap.checks.made import Made
from zap.checks.mutations import MUTATIONS
from zap.checks.rounds import BY_SUBJECT, Difference
from zap.checks.values import changed_value
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
        self.causes = Causes(harness, table, known, before)

    def explain(self, found: Difference, most: int = 5) -> Iterable[Counterexample]:
        """Some of what a round changed, the earliest cutoffs first."""
        for key in found.other[:most]:
            yield self._other(found, key)
        if found.gone or found.new:
            yield from self._rule(found, found.gone[:most], found.new[:most])

    def _other(self, found: Difference, key: Key) -> Counterexample:
        place, other = self.before.places[key], found.after.places[key]
        written = self.causes.written(found)
        value = changed_value(self.before, place, found.after, other)
        if value is None and _asked_again(found.after, key) != _asked_again(
            self.before, key
        ):
            what = "eligible gave another answer once labels were computed"
            return self._case("anticipation", key, found, what, REMEMBERS)
        what = str(value) if value else "the encoded bytes differ"
        event = value.event if value else None
        cause = (
            written
            or self.causes.late(found, place)
            or self.causes.dimension(found, place, event)
            or self.causes.of_value(value)
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
        known = self.causes.written(found)
        if how == "gone":
            known = known or self.causes.late(found, place)
        if lost and not offered:
            what, cause = self.causes.of_lost(there, past, lost[0], owners, how)
            return self._case("mutation", key, found, what, known or cause)
        if how == "gone":
            known = known or self.causes.dimension(found, place)
        what = f"the cutoff {there_again}"
        if offered:
            what += ": eligible gave another answer"
            cause = known or self.causes.of_eligible()
            return self._case("anticipation", key, found, what, cause)
        if known:
            return self._case("mutation", key, found, what, known)
        cause = self.causes.of_rule()
        return self._case("anticipation", key, found, what, cause, by_rule=True)

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


def _asked_again(made: Made, key: Key) -> bool:
    """Whether a cutoff came out in the second pass too, after the labels."""
    return made.again is None or key in made.again


def _without_eligible(harness: Harness) -> Any:
    """A copy of the generator that takes every cutoff of its rule."""
    made = copy.copy(harness.generator)
    made.eligible = None  # type: ignore[misc]
    return made
