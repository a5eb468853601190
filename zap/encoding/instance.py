"""Instance: what a model may see of the past, as data.

The half of a generator that serving needs. It names types of events, fields, the
number of events and metadata; it holds no code, has a JSON round trip, and is copied
into the bundle. ``reads`` says what an event store must keep for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from zap.encoding.aggregates import Aggregates
from zap.encoding.bucket_plan import BucketPlan, bucket_plan
from zap.encoding.feature import build
from zap.encoding.features import Feature, Hash, SincePrevious
from zap.encoding.hashing import HASH_SEED
from zap.encoding.measures import Gap
from zap.encoding.metadata import (
    Last,
    Metadata,
    Tenure,
    Wait,
    metadata_from_dict,
    names,
)
from zap.errors import EncodingError


class AnyType(Enum):
    """The one value that stands for every type of event."""

    ANY = "any"

    def __repr__(self) -> str:
        return "ANY"


ANY: Final = AnyType.ANY


@dataclass(frozen=True)
class Reads:
    """What an instance can ever look at, for an event store and for column selection.

    Attributes:
        types: types of events, or ANY; those that only ``Last`` names included.
        fields: fields of the events, ascending; ``type`` included.
        events: the number of last events of the instance's types that are needed,
            the one before them included where an event is compared with it.
        lookback_days: the sequence's limit in days, or None.
        windows_days: how far back aggregates look, in days; 0 without any. Of a store
            without day buckets these events are needed.
        beside_buckets_days: how far back those aggregates look that no day bucket can
            tell, in days. Of a store with buckets these events are needed.
        gaps: the last event of each type before those windows is needed too.
        buckets: what the day buckets hold, or None where no window is of whole days.
        last: fields whose last known value is needed, each with the types it may be
            found on, or ANY.
        first: the subject's first kept event is needed, however old.
    """

    types: tuple[str, ...] | AnyType
    fields: tuple[str, ...]
    events: int
    lookback_days: float | None
    windows_days: float
    beside_buckets_days: float
    gaps: bool
    buckets: BucketPlan | None
    last: tuple[tuple[str, tuple[str, ...] | AnyType], ...]
    first: bool


@dataclass(frozen=True)
class Instance:
    """What a model may see at a cutoff.

    Attributes:
        types: the types of events kept in the sequence, or ANY.
        last: most events of the sequence: the last ones of the past.
        fields: features of the events.
        metadata: what is known at the cutoff beside the sequence.
        aggregates: counts and sums over days before the cutoff; see ``windows``. One,
            or a list of them.
        lookback_days: events older than this are left out of the sequence.
        wait: True adds the seconds since the last kept event as metadata, for cutoffs
            at a time; or a ``Wait`` with its bins.
        hash_buckets: places that the fields' hashed strings share. None is fitted.
        metadata_buckets: the same for metadata, which has places of its own.
        hash_seed: seed of the hash; a fixed literal, never drawn.

    Example:
        ``Instance(types=["page_view"], fields=[Hash("page"), SincePrevious()])``
    """

    types: Sequence[str] | AnyType
    last: int = 40
    fields: Sequence[Feature] = ()
    metadata: Sequence[Metadata] = ()
    aggregates: Aggregates | Sequence[Aggregates] | None = None
    lookback_days: float | None = None
    wait: bool | Wait = False
    hash_buckets: int | None = None
    metadata_buckets: int | None = None
    hash_seed: int = HASH_SEED

    def __post_init__(self) -> None:
        if not isinstance(self.types, AnyType):
            self._set("types", names(self.types, "types"))
            if not self.types:
                raise EncodingError("An instance needs a type, or ANY. Received: [].")
        one = isinstance(self.aggregates, Aggregates)
        listed = (self.aggregates,) if one else (self.aggregates or ())
        self._set("aggregates", _all_are(Aggregates, listed, "aggregates"))
        self._set("fields", _all_are(Feature, self.fields, "fields"))
        self._set("metadata", _all_are((Last, Tenure), self.metadata, "metadata"))
        if self.wait is True:
            self._set("wait", Wait())
        self._check_fields()
        self._check_numbers()

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _check_fields(self) -> None:
        for feature in self.fields:
            if isinstance(feature, (Tenure, Wait)):
                raise EncodingError(
                    "tenure and wait belong to a cutoff, not to an event. "
                    f"Received: fields=[..., {feature!r}]. Move it to metadata."
                )
        if not (self.fields or self.all_metadata or self.all_aggregates):
            raise EncodingError(
                "An instance must see something. Received: no fields, metadata or "
                "aggregates. Add a field such as Hash('type')."
            )

    def _check_numbers(self) -> None:
        if not isinstance(self.last, int) or self.last < 1:
            raise EncodingError(
                "last must be a whole number of at least 1. "
                f"Received: last={self.last!r}."
            )
        if self.lookback_days is not None and not self.lookback_days > 0:
            raise EncodingError(
                "lookback_days must be above 0, or None for no limit. "
                f"Received: lookback_days={self.lookback_days!r}."
            )
        for name in ("hash_buckets", "metadata_buckets"):
            given = getattr(self, name)
            if given is not None and (not isinstance(given, int) or given < 1):
                raise EncodingError(
                    f"{name} must be a whole number of at least 1, or None to have it "
                    f"fitted. Received: {name}={given!r}."
                )

    @property
    def all_aggregates(self) -> tuple[Aggregates, ...]:
        """The aggregates; none, one or several."""
        assert isinstance(self.aggregates, tuple)
        return self.aggregates

    @property
    def all_metadata(self) -> tuple[Metadata, ...]:
        """The metadata in the order of their places: the declared ones, then wait."""
        waits = (self.wait,) if isinstance(self.wait, Wait) else ()
        return (*self.metadata, *waits)

    @property
    def compares(self) -> bool:
        """True when an event's vector depends on the kept event before it."""
        return any(
            isinstance(feature, SincePrevious)
            or (isinstance(feature, Hash) and feature.drops_repeats)
            for feature in self.fields
        )

    def types_of(self, source: Last) -> tuple[str, ...] | AnyType:
        """The types of the events on which ``source`` looks for its value."""
        if isinstance(self.types, AnyType):
            return ANY
        return tuple(dict.fromkeys((*self.types, *source.types)))

    @property
    def reads(self) -> Reads:
        """What the instance can ever look at."""
        lasts = [source for source in self.metadata if isinstance(source, Last)]
        measured = {name for each in self.all_aggregates for name in each.fields}
        beside = [each for each in self.all_aggregates if not each.whole_days]
        kept = None if isinstance(self.types, AnyType) else (*self.types,)
        plain = {f.field for f in self.fields if not isinstance(f, SincePrevious)}
        types: tuple[str, ...] | AnyType = ANY
        if not isinstance(self.types, AnyType):
            further = [name for source in lasts for name in source.types]
            types = tuple(dict.fromkeys((*self.types, *further)))
        fields = {"type", *plain, *measured, *(source.field for source in lasts)}
        return Reads(
            types=types,
            fields=tuple(sorted(fields)),
            events=self.last + (1 if self.compares else 0),
            lookback_days=self.lookback_days,
            windows_days=max((a.longest_days for a in self.all_aggregates), default=0),
            beside_buckets_days=max((a.longest_days for a in beside), default=0),
            gaps=any(isinstance(of, Gap) for a in self.all_aggregates for of in a.of),
            buckets=bucket_plan(self.all_aggregates, kept),
            last=tuple((source.field, self.types_of(source)) for source in lasts),
            first=any(isinstance(source, Tenure) for source in self.metadata),
        )

    def to_dict(self) -> dict[str, Any]:
        """The instance as a JSON object; what is at its default is left out."""
        data: dict[str, Any] = {
            "types": "any" if self.types is ANY else list(self.types),
            "last": self.last,
            "fields": [feature.to_dict() for feature in self.fields],
            "metadata": [source.to_dict() for source in self.metadata],
            "aggregates": [each.to_dict() for each in self.all_aggregates],
            "hash_seed": self.hash_seed,
        }
        if isinstance(self.wait, Wait):
            data["wait"] = self.wait.to_dict()
        for name in ("lookback_days", "hash_buckets", "metadata_buckets"):
            if getattr(self, name) is not None:
                data[name] = getattr(self, name)
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Instance:
        """The instance that ``to_dict`` described.

        Raises:
            EncodingError: an unknown key, or a value that does not fit.
        """
        given = dict(data)
        if given.get("types") == "any":
            given["types"] = ANY
        given["fields"] = [Feature.from_dict(f) for f in given.get("fields", ())]
        given["metadata"] = [metadata_from_dict(m) for m in given.get("metadata", ())]
        listed = given.get("aggregates", ())
        given["aggregates"] = [Aggregates.from_dict(a) for a in listed]
        if isinstance(given.get("wait"), Mapping):
            given["wait"] = Wait.from_dict(given["wait"])
        made = build(cls, given)
        assert isinstance(made, Instance)
        return made

    @property
    def fingerprint(self) -> str:
        """Hex digest of the JSON form; two instances that differ have two."""
        return digest(self.to_dict())


def digest(data: Mapping[str, Any]) -> str:
    """Hex digest, 32 digits, of a JSON object; the order of its keys is no matter."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _all_are(
    wanted: type[Any] | tuple[type[Any], ...], given: Any, what: str
) -> tuple[Any, ...]:
    listed = tuple(given) if isinstance(given, (list, tuple)) else (given,)
    for item in listed:
        if not isinstance(item, wanted):
            kinds = wanted if isinstance(wanted, tuple) else (wanted,)
            raise EncodingError(
                f"{what} must be a list of {' or '.join(k.__name__ for k in kinds)}. "
                f"Received: {what}=[..., {item!r}]."
            )
    return listed
