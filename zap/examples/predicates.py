"""Predicates on single events: a type, and conditions on fields.

A predicate is data: it round-trips through JSON, and is evaluated once for a batch of
events, on the distinct values of text columns.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from zap.encoding.columns import BoolArray, Categorical, Column, Numeric
from zap.encoding.dimensions import activity_mask
from zap.encoding.instance import ANY, AnyType
from zap.errors import GeneratorError

ORDERINGS: dict[str, Callable[[Any, Any], Any]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_TEXT_TESTS: dict[str, Callable[[str, str], bool]] = {
    "equals": operator.eq,
    "prefix": str.startswith,
    "suffix": str.endswith,
    "contains": operator.contains,
}


@dataclass(frozen=True)
class Condition:
    """A test of one field's value; a missing value never passes.

    Attributes:
        op: gt, ge, lt, le (numbers), equals, one_of, or prefix, suffix, contains
            (text).
        value: what the field is held against; a tuple for one_of.
    """

    op: str
    value: Any

    def __post_init__(self) -> None:
        if self.op in ORDERINGS and not _is_number(self.value):
            raise GeneratorError(
                f"{self.op}() compares numbers. Received: value={self.value!r}."
            )

    def holds(self, column: Column) -> BoolArray:
        """Whether each row's value passes; bool, shape (rows,)."""
        if isinstance(column, Numeric):
            return self._holds_numbers(column)
        passed = [self._holds_value(value) for value in column.distinct]
        return np.append(np.array(passed, bool), False)[column.codes]

    def _holds_numbers(self, column: Numeric) -> BoolArray:
        if self.op in ORDERINGS:
            return np.asarray(ORDERINGS[self.op](column.values, self.value), bool)
        wanted = self.value if self.op == "one_of" else (self.value,)
        if self.op not in ("equals", "one_of") or not all(map(_is_number, wanted)):
            raise GeneratorError(
                f"{self.op}({self.value!r}) tests text, but the field holds numbers. "
                "Use gt, ge, lt, le or a number, or map the property with type "
                '= "string".'
            )
        return np.isin(column.values, np.array(wanted, float))

    def _holds_value(self, value: str | tuple[str, ...]) -> bool:
        texts = value if isinstance(value, tuple) else (value,)
        if self.op in ORDERINGS:
            raise GeneratorError(
                f"{self.op}({self.value!r}) compares numbers, but the field is text. "
                'Map the property with type = "float" or "int".'
            )
        if self.op == "one_of":
            return any(text in map(text_of, self.value) for text in texts)
        test = _TEXT_TESTS[self.op]
        return any(test(text, text_of(self.value)) for text in texts)


def gt(value: float) -> Condition:
    """The field is a number above ``value``."""
    return Condition("gt", value)


def ge(value: float) -> Condition:
    """The field is a number of at least ``value``."""
    return Condition("ge", value)


def lt(value: float) -> Condition:
    """The field is a number below ``value``."""
    return Condition("lt", value)


def le(value: float) -> Condition:
    """The field is a number of at most ``value``."""
    return Condition("le", value)


def one_of(*values: Any) -> Condition:
    """The field is one of ``values``."""
    return Condition("one_of", tuple(values))


def prefix(text: str) -> Condition:
    """The field (or one of its values) begins with ``text``."""
    return Condition("prefix", text)


def suffix(text: str) -> Condition:
    """The field (or one of its values) ends with ``text``."""
    return Condition("suffix", text)


def contains(text: str) -> Condition:
    """The field (or one of its values) has ``text`` in it."""
    return Condition("contains", text)


@dataclass(frozen=True)
class Event:
    """Events of some types whose fields pass conditions.

    Attributes:
        types: the types, or ``ANY``.
        where: (field, condition) pairs that must all hold.
    """

    types: tuple[str, ...] | AnyType = ANY
    where: tuple[tuple[str, Condition], ...] = ()

    def mask(self, columns: Mapping[str, Column]) -> BoolArray:
        """Which events match; bool, shape (events,).

        ``ANY`` is what subjects did: rows of dimensions match where they are named.

        Raises:
            GeneratorError: a field is not among the columns, or has another kind.
        """
        kind = columns["type"]
        assert isinstance(kind, Categorical)
        if isinstance(self.types, AnyType):
            matched = activity_mask(kind)
        else:
            matched = Condition("one_of", self.types).holds(kind)
        for name, condition in self.where:
            if name not in columns:
                raise GeneratorError(
                    f"event({self._shown()}) tests a field that the events do not "
                    f"have. Received: field={name!r}. "
                    f"They have: {', '.join(sorted(columns))}."
                )
            matched &= condition.holds(columns[name])
        return matched

    def fields(self) -> Iterator[str]:
        """Names of the fields that the predicate reads, besides the type."""
        return (name for name, _ in self.where)

    def to_dict(self) -> dict[str, Any]:
        """The predicate as a JSON object."""
        types = "any" if isinstance(self.types, AnyType) else list(self.types)
        where = [[name, test.op, _plain(test.value)] for name, test in self.where]
        return {"types": types, "where": where}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Event:
        """The predicate that ``to_dict`` described."""
        types = ANY if data["types"] == "any" else tuple(data["types"])
        where = tuple(
            (name, Condition(op, tuple(value) if isinstance(value, list) else value))
            for name, op, value in data["where"]
        )
        return cls(types, where)

    def _shown(self) -> str:
        given = (self.types,) if isinstance(self.types, AnyType) else self.types
        return ", ".join(map(repr, given))


def event(*types: str | AnyType, **where: Any) -> Event:
    """Events of the given types whose fields pass all conditions.

    Args:
        *types: one or more types, or ``ANY``.
        **where: field = value, or field = condition (``gt(0)``, ``prefix("/cart")``).
            A dotted field is given with ``**{"url.path": ...}``.

    Raises:
        GeneratorError: no type is given.

    Example:
        >>> event("spend", amount=gt(0)).types
        ('spend',)
    """
    if not types or not all(isinstance(kind, str | AnyType) for kind in types):
        raise GeneratorError(
            "event() takes the names of one or more types, or ANY. "
            f"Received: types={types!r}."
        )
    conditions = tuple(
        (name, test if isinstance(test, Condition) else Condition("equals", test))
        for name, test in sorted(where.items())
    )
    named = tuple(kind for kind in types if isinstance(kind, str))
    return Event(named if len(named) == len(types) else ANY, conditions)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def text_of(value: Any) -> str:
    """A value as columns of text hold it: a truth value is "true" or "false"."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
