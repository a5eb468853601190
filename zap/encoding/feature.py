"""The base of all features: parameters with a JSON round trip, and a block of places.

Kinds register themselves under the name that their JSON carries; renaming one makes
every bundle that holds it unreadable.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from zap.encoding.columns import Column
from zap.encoding.entries import Entries
from zap.errors import EncodingError


@dataclass(frozen=True)
class Feature:
    """Base of all features of an event's field.

    Attributes:
        field: a canonical or derived field, or a property.
    """

    kind: ClassVar[str]
    kinds: ClassVar[dict[str, type[Feature]]] = {}

    field: str

    def __init_subclass__(cls, kind: str = "", **options: Any):
        super().__init_subclass__(**options)
        if kind:
            cls.kind = kind
            Feature.kinds[kind] = cls

    @property
    def fitted(self) -> bool:
        """True when no parameter is missing."""
        raise NotImplementedError

    @property
    def size(self) -> int:
        """Number of places that the feature has to itself."""
        raise NotImplementedError

    @property
    def most(self) -> int:
        """Most entries that one value gives."""
        return 1

    def entries(self, column: Column) -> Entries:
        """The entries of a column's values; a missing value gives none."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """The feature as a JSON object; parameters that are None are left out."""
        given = {
            item.name: getattr(self, item.name)
            for item in dataclasses.fields(self)
            if item.init and getattr(self, item.name) != item.default
        }
        listed = {k: list(v) if isinstance(v, tuple) else v for k, v in given.items()}
        return {"kind": self.kind, **listed}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The feature that ``to_dict`` described.

        Raises:
            EncodingError: an unknown kind or parameter.
        """
        chosen = known_kind(data, Feature.kinds, "feature")
        given = {key: value for key, value in data.items() if key != "kind"}
        made = build(chosen, given)
        if not isinstance(made, cls):
            raise EncodingError(
                f"Expected a feature of kind {cls.kind!r}. "
                f"Received: kind={data['kind']!r}."
            )
        return made

    def _refuse(self, expected: str, **received: Any) -> EncodingError:
        shown = ", ".join(f"{name}={value!r}" for name, value in received.items())
        return EncodingError(
            f"{type(self).__name__}({self.field!r}): {expected} Received: {shown}."
        )


def known_kind(
    data: Mapping[str, Any], kinds: Mapping[str, type[Any]], what: str
) -> type[Any]:
    """The class that ``data["kind"]`` names, or an error that lists the kinds."""
    kind = data.get("kind") if isinstance(data, Mapping) else None
    if not isinstance(kind, str) or kind not in kinds:
        raise EncodingError(
            f"A {what} has one of the kinds {', '.join(sorted(kinds))}. "
            f"Received: kind={kind!r}."
        )
    return kinds[kind]


def build(cls: type[Any], given: Mapping[str, Any]) -> Any:
    """``cls(**given)``, with an error that lists the parameters there are."""
    known = [item.name for item in dataclasses.fields(cls) if item.init]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise EncodingError(
            f"{cls.__name__} has the parameters {', '.join(known)}. "
            f"Received: {unknown[0]}={given[unknown[0]]!r}."
        )
    try:
        return cls(**given)
    except TypeError as error:
        raise EncodingError(
            f"{cls.__name__} could not be read: {error}. Received: {dict(given)!r}."
        ) from error
