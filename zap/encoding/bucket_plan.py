"""What day buckets must hold of a subject, as the aggregates of an instance ask for it.

Windows of whole days are told from sums of days; see ``zap.encoding.day_buckets``.
Buckets that were filled by one plan do not serve another: they carry its fingerprint.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from zap.encoding.aggregates import Aggregates
from zap.encoding.dimensions import DIMENSION_PREFIX
from zap.encoding.measures import field_of, takes_numbers


@dataclass(frozen=True)
class BucketPlan:
    """What is kept of each day.

    Attributes:
        days: the number of days that windows reach back, that of the instant included.
        numbers: numeric fields, ascending: how many, their sum, minimum and maximum.
        distinct: fields whose distinct values are kept, as hashes, ascending.
        apart: the types told apart, ascending; the others are kept together.
        types: the types of events that count, or None for all that the subject did.
    """

    days: int
    numbers: tuple[str, ...] = ()
    distinct: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    types: tuple[str, ...] | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of an event that are looked at, besides its type."""
        return tuple(sorted({*self.numbers, *self.distinct}))

    @property
    def fingerprint(self) -> str:
        """16 hex digits that stand for what is kept of a day."""
        kept = {**dataclasses.asdict(self), "days": None}
        text = json.dumps(kept, sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def group(self, kind: str) -> int | None:
        """The number of the group that a type belongs to; None where it is not kept.

        0 is the group of all types that are not told apart.
        """
        if self.types is None:
            kept = not kind.startswith(DIMENSION_PREFIX)
        else:
            kept = kind in self.types
        if not kept:
            return None
        return self.apart.index(kind) + 1 if kind in self.apart else 0


def bucket_plan(
    aggregates: Sequence[Aggregates], types: Sequence[str] | None
) -> BucketPlan | None:
    """The plan for those of the aggregates that are of whole days; None without any.

    Args:
        aggregates: of an instance. Split by type they are to be fitted, or the types
            declared.
        types: the instance's types; None for ANY.
    """
    ours = [each for each in aggregates if each.whole_days]
    if not ours:
        return None
    numeric = {f for each in ours for f in each.numeric_fields}
    apart = {name for each in ours if each.by for name in (each.types or types or ())}
    distinct = {
        field
        for each in ours
        for of in each.of
        if (field := field_of(of)) is not None and not takes_numbers(of)
    }
    return BucketPlan(
        days=max(int(each.longest_days) for each in ours),
        numbers=tuple(sorted(numeric)),
        distinct=tuple(sorted(distinct)),
        apart=tuple(sorted(apart)),
        types=None if types is None else tuple(sorted(types)),
    )
