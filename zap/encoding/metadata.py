"""Metadata: what is known at a cutoff beside the sequence of events.

Every source is a pure function of the past, computed for all cutoffs at once, and its
value is encoded by an ordinary feature. Which events a source sees can be told from
``Instance.reads``, so that an event store knows what to keep:

* ``Last`` sees events of the instance's types and of the types that it names itself;
* ``Tenure``, ``Wait`` and aggregates see events of the instance's types.

None of them is bounded by ``last`` or ``lookback_days``, which limit the sequence only.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from zap.encoding.feature import build, known_kind
from zap.encoding.features import Feature, PowerBins
from zap.errors import EncodingError


@dataclass(frozen=True)
class Tenure(PowerBins, kind="tenure"):
    """Seconds from the subject's first kept event to the instant."""

    field: str = dataclasses.field(init=False, default="tenure")


@dataclass(frozen=True)
class Wait(PowerBins, kind="wait"):
    """Seconds from the last kept event of the past to the instant.

    For cutoffs at a time only: for cutoffs after an event it would always be 0.
    """

    field: str = dataclasses.field(init=False, default="wait")


@dataclass(frozen=True)
class Last:
    """The last known value of a field in the past.

    Attributes:
        field: a canonical or derived field, or a property.
        encode: a feature of the same field. None is decided by fitting: text is
            hashed, numbers go to power-law bins, or are normalised if some are below 0.
        types: further types of events that carry the value, beside the instance's.

    Example:
        ``Last("plan", types=["plan_changed"])``
    """

    field: str
    encode: Feature | None = None
    types: Sequence[str] = ()

    def __post_init__(self) -> None:
        encoded = getattr(self.encode, "field", None)
        if self.encode is not None and encoded != self.field:
            raise EncodingError(
                f"Last({self.field!r}) encodes its own field. "
                f"Received: encode={self.encode!r}. "
                f"Give the feature the field {self.field!r}."
            )
        object.__setattr__(self, "types", names(self.types, "types"))

    @property
    def fitted(self) -> bool:
        """True when the feature is known and fitted."""
        return self.encode is not None and self.encode.fitted

    def to_dict(self) -> dict[str, Any]:
        """The source as a JSON object."""
        data: dict[str, Any] = {"kind": "last", "field": self.field}
        if self.encode is not None:
            data["encode"] = self.encode.to_dict()
        if self.types:
            data["types"] = list(self.types)
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Last:
        """The source that ``to_dict`` described."""
        given = {key: value for key, value in data.items() if key != "kind"}
        if given.get("encode") is not None:
            given["encode"] = Feature.from_dict(given["encode"])
        made = build(cls, given)
        assert isinstance(made, Last)
        return made


Metadata: TypeAlias = Last | Tenure | Wait


def trait(field: str, encode: Feature | None = None, types: Sequence[str] = ()) -> Last:
    """A slowly changing property of the subject: its last known value; see ``Last``."""
    return Last(field, encode, types)


def tenure(
    step: float | None = None,
    linear_cutoff: float | None = None,
    cutoff: float | None = None,
    last: int | None = None,
    smooth: bool = False,
) -> Tenure:
    """Seconds from the first kept event to the instant; see ``PowerBins``."""
    return Tenure(step, linear_cutoff, cutoff, last, smooth)


def metadata_from_dict(data: Mapping[str, Any]) -> Metadata:
    """The source of metadata that a ``to_dict`` described.

    Raises:
        EncodingError: an unknown kind or parameter.
    """
    kinds: dict[str, type[Any]] = {"last": Last, "tenure": Tenure, "wait": Wait}
    made = known_kind(data, kinds, "source of metadata").from_dict(data)
    assert isinstance(made, (Last, Tenure, Wait))
    return made


def names(given: Sequence[str], what: str) -> tuple[str, ...]:
    """``given`` as a tuple of distinct names.

    Raises:
        EncodingError: a single text, something else than text, or a repeated name.
    """
    listed = () if isinstance(given, str) else tuple(given)
    distinct = len(set(map(str, listed))) == len(listed)
    if (
        isinstance(given, str)
        or not distinct
        or not all(isinstance(name, str) for name in listed)
    ):
        raise EncodingError(
            f"{what} must be a list of distinct names. Received: {what}={given!r}."
        )
    return listed
