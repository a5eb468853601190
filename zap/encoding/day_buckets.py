"""Day buckets: what a store keeps of a subject instead of its older events.

Windows of whole days are sums of days. So of each day, UTC, there is kept how many
events there were, exact sums, the outermost values, hashes of the distinct ones, and
the first and the last time: the sum of the gaps of a window is its last time minus the
last one before it. Events may arrive in any order, and buckets of one subject may be
merged in any order; late events change their own day. What is older than the longest
window is dropped, but for the last time of each group, from which the next gap counts.

Distinct values are told apart by 64 bits of a hash: two of a window's are taken for one
in one of 3e13 windows of 1,000 values.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import mmh3

from zap.encoding.aggregates import DAY_US
from zap.encoding.bucket_plan import BucketPlan
from zap.encoding.day_partial import DayPartial, NumberPart, joined
from zap.encoding.hashing import HASH_SEED, canonical_text
from zap.encoding.instance import Instance
from zap.encoding.single import column_of, microseconds, plain_value
from zap.encoding.values import numbers_of
from zap.encoding.windows import LARGEST_NUMBER, LARGEST_SUMMAND
from zap.errors import EncodingError

FORMAT = 1


class DayBuckets:
    """The events of one subject by day.

    Args:
        plan: what to keep: ``instance.reads.buckets``.

    Attributes:
        plan: the same.
        first_day: days since 1970; older ones are dropped. None: nothing is.
        days: for each day a partial of each group; see ``BucketPlan.group``.
        before: the last time before ``first_day``, by group, in microseconds.

    Example:
        >>> from zap.encoding.aggregates import windows
        >>> from zap.encoding.instance import Instance
        >>> week = windows([7], of=["count", "amount"], whole_days=True)
        >>> buckets = DayBuckets.of(Instance(types=["buy"], aggregates=week))
        >>> buckets.add({"timestamp": 0, "type": "buy", "amount": 2.5})
        True
        >>> buckets.to_dict()["days"]
        {'0': {'0': [1, 0, 0, [[1, 2500000, 2.5, 2.5]], []]}}
    """

    def __init__(self, plan: BucketPlan):
        self.plan = plan
        self.first_day: int | None = None
        self.days: dict[int, dict[int, DayPartial]] = {}
        self.before: dict[int, int] = {}

    @classmethod
    def of(cls, instance: Instance) -> DayBuckets:
        """Empty buckets for an instance, fitted if its windows are split by type.

        Raises:
            EncodingError: no window of the instance is of whole days.
        """
        plan = instance.reads.buckets
        if plan is None:
            raise EncodingError(
                "Day buckets serve windows(..., whole_days=True). Received: an "
                "instance without any. Its windows are made of events; keep those."
            )
        return cls(plan)

    def add(self, event: Mapping[str, Any]) -> bool:
        """Count an event in, whatever came before.

        Args:
            event: as ``Encoder.encode_instance`` takes it. Whoever adds one twice has
                it twice: repeated ids are the store's to remove.

        Returns:
            Whether the event is of a type that counts.

        Raises:
            EncodingError: it has no timestamp or type, or a value does not fit.
        """
        kind = event.get("type")
        if not isinstance(kind, str):
            raise EncodingError(
                f"An event needs a type, a text. Received: type={kind!r}. Add the type."
            )
        group = self.plan.group(kind)
        time_us = microseconds(event.get("timestamp"), "timestamp")
        if group is None:
            return False
        numbers = [number_part(event.get(name), name) for name in self.plan.numbers]
        hashes = [value_hash(event.get(name), name) for name in self.plan.distinct]
        self._take(group, DayPartial(1, time_us, time_us, numbers, hashes))
        return True

    def _take(self, group: int, partial: DayPartial) -> None:
        """Take in a partial of one day, which is not changed thereby."""
        day = partial.first // DAY_US
        if self.first_day is not None and day < self.first_day:
            self._forget(group, partial.last)
            return
        groups = self.days.setdefault(day, {})
        if group in groups:
            groups[group].absorb(partial)
        else:
            groups[group] = partial.copy()

    def _forget(self, group: int, last: int) -> None:
        self.before[group] = max(self.before.get(group, last), last)

    def merge(self, other: DayBuckets) -> DayBuckets:
        """The buckets of both together, as if one had been given all events.

        Raises:
            EncodingError: they keep different things.
        """
        if self.plan != other.plan:
            raise EncodingError(
                "Buckets of one plan can be merged. "
                f"Received: {self.plan!r} and {other.plan!r}. "
                "Fill new ones from the events."
            )
        made = DayBuckets(self.plan)
        firsts = [b.first_day for b in (self, other) if b.first_day is not None]
        made.first_day = max(firsts, default=None)
        for part in (self, other):
            for group, last in part.before.items():
                made._forget(group, last)
            for groups in part.days.values():
                for group, partial in groups.items():
                    made._take(group, partial)
        return made

    def drop(self, instant: datetime | int) -> None:
        """Drop the days that no window at this instant or a later one reaches."""
        today = microseconds(instant, "instant") // DAY_US
        first = today - self.plan.days + 1
        if self.first_day is not None and first <= self.first_day:
            return
        self.first_day = first
        for day in [day for day in self.days if day < first]:
            for group, partial in self.days.pop(day).items():
                self._forget(group, partial.last)

    def between(
        self, first: int, end: int | None, groups: range
    ) -> tuple[DayPartial | None, int | None]:
        """The days from ``first`` to before ``end``, and the last time before them.

        Args:
            first: days since 1970.
            end: likewise; None for all from ``first`` on.
            groups: numbers of groups, taken together.

        Raises:
            EncodingError: ``first`` is dropped already.
        """
        if self.first_day is not None and first < self.first_day:
            raise EncodingError(
                "Day buckets serve instants from their last drop() on. Received: "
                f"first_day={first}, dropped before {self.first_day}. Call drop() with "
                "an instant that is not later than those to be encoded."
            )
        inside, lasts = [], [self.before[g] for g in groups if g in self.before]
        for day, partials in self.days.items():
            found = [partials[group] for group in groups if group in partials]
            if day < first:
                lasts += [partial.last for partial in found]
            elif end is None or day < end:
                inside += found
        return joined(inside), max(lasts, default=None)

    def to_dict(self) -> dict[str, Any]:
        """The buckets as a JSON object; equal ones have equal objects."""
        return {
            "format": FORMAT,
            "plan": self.plan.fingerprint,
            "first_day": self.first_day,
            "before": {str(g): self.before[g] for g in sorted(self.before)},
            "days": {
                str(day): {str(g): groups[g].to_list() for g in sorted(groups)}
                for day, groups in sorted(self.days.items())
            },
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], plan: BucketPlan) -> DayBuckets:
        """The buckets that ``to_dict`` described.

        Raises:
            EncodingError: they have another format, or keep something else.
        """
        received = data.get("format"), data.get("plan")
        if received != (FORMAT, plan.fingerprint):
            raise EncodingError(
                f"Expected day buckets of format {FORMAT} and plan "
                f"{plan.fingerprint!r}. Received: format={received[0]!r}, "
                f"plan={received[1]!r}. Fill new ones from the events."
            )
        made = cls(plan)
        made.first_day = data["first_day"]
        made.before = {int(group): last for group, last in data["before"].items()}
        made.days = {
            int(day): {int(g): DayPartial.from_list(p) for g, p in groups.items()}
            for day, groups in data["days"].items()
        }
        return made


def number_part(value: Any, field: str) -> NumberPart | None:
    """A value of a numeric field; None where there is none.

    Raises:
        EncodingError: a text other than that of a boolean; see ``numbers_of``.
    """
    number = plain_value(value, field)
    if number is None:
        return None
    if not isinstance(number, float):
        number = float(numbers_of(column_of([value], field), field)[0])
    within = max(-LARGEST_SUMMAND, min(number, LARGEST_SUMMAND))
    number = max(-LARGEST_NUMBER, min(number, LARGEST_NUMBER)) + 0.0
    return NumberPart(1, round(within * 1e6), number, number)


def value_hash(value: Any, field: str) -> set[int]:
    """The hash of a value of any type that can be encoded; none where it is missing."""
    plain = plain_value(value, field)
    if plain is None:
        return set()
    if isinstance(plain, tuple):
        text = "".join(f"{len(part)}:{part}" for part in ("", *plain))
    else:
        text = f"={canonical_text(plain)}"
    key = text.encode("utf-8", "surrogatepass")
    return {mmh3.hash64(key, HASH_SEED, signed=False)[0]}
