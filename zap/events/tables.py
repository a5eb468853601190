"""Takes values out of a table of a mapping file, one checked key at a time."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Collection, Mapping
from typing import Any, NoReturn, TypeGuard

from zap.errors import MappingError


class TableReader:
    """One table of a mapping file.

    Args:
        path: the table's place in the file, for messages ("properties.amount").
        data: its keys and values.
    """

    def __init__(self, path: str, data: Any):
        if not isinstance(data, Mapping):
            raise MappingError(
                f"Expected {path or 'the mapping'} to be a table. "
                f"Received: {path}={shown(data)}. Write it as [{path}]."
            )
        self._path = path
        self._data = data

    def only(self, *known: str) -> TableReader:
        """The table itself, after refusing keys that are not ``known``."""
        for key, value in self._data.items():
            if key not in known:
                raise MappingError(
                    f"Expected a known key{near(str(key)[:200], known)}. Received: "
                    f"{self._place(str(key)[:200])}={shown(value)}. "
                    f"Known here: {', '.join(known)}."
                )
        return self

    def has(self, key: str) -> bool:
        """True if the table says something about ``key``."""
        return self._data.get(key) is not None

    def names(self) -> list[str]:
        """All keys, for tables whose keys are free."""
        return [str(key) for key in self._data]

    def take(self, key: str) -> Any:
        """The value as it is, or None."""
        return self._data.get(key)

    def text(self, key: str) -> str | None:
        """A text that is not empty, or None where the table has none."""
        value = self.take(key)
        if value is not None and not is_text(value):
            self.refuse(key, value, "a text that is not empty")
        return value

    def required_text(self, key: str) -> str:
        """A text that must be there."""
        value = self.text(key)
        if value is None:
            self.refuse(key, value, "a text, since nothing works without it")
        return value

    def choice(self, key: str, choices: Collection[str]) -> str | None:
        """One of ``choices``, or None."""
        value = self.text(key)
        if value is not None and value not in choices:
            self.refuse(
                key, value, f"one of {', '.join(choices)}{near(value, choices)}"
            )
        return value

    def boolean(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self.take(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.refuse(key, value, "true or false")
        return value

    def character(self, key: str, default: str = "", may_be_empty: bool = False) -> str:
        """One printable ASCII character or a tab."""
        value = self.take(key)
        if value is None:
            return default
        plain = isinstance(value, str) and value.isascii() and len(value) == 1
        if not (plain and value not in "\r\n\0\x7f") and not (
            may_be_empty and value == ""
        ):
            self.refuse(key, value, "one ASCII character")
        return str(value)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; empty where the table has none."""
        value = self.take(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(map(is_text, value)):
            self.refuse(key, value, "a list of texts")
        return tuple(value)

    def scalar(self, key: str) -> str | None:
        """A text, number or truth value, as the text that cells are compared with."""
        value = self.take(key)
        return None if value is None else self._scalar_text(key, value)

    def scalars(self, key: str) -> tuple[str, ...]:
        """A list of texts, numbers or truth values, as texts."""
        value = self.take(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not value:
            self.refuse(key, value, "a list that is not empty")
        return tuple(self._scalar_text(key, item) for item in value)

    def _scalar_text(self, key: str, value: Any) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, float) and value.is_integer():
            return str(int(value))
        fits = isinstance(value, (int, float)) or value == "" or is_text(value)
        if not fits or (isinstance(value, int) and abs(value) >= 2**63):
            self.refuse(key, value, "a text or a number")
        return str(value)

    def pairs(self, key: str) -> tuple[tuple[str, str], ...]:
        """A table of texts to texts, in order; empty where there is none."""
        value = self.take(key)
        if value is None:
            return ()
        fits = isinstance(value, Mapping) and all(
            is_text(key) and is_text(text) for key, text in value.items()
        )
        if not fits or not value:
            self.refuse(key, value, 'a table of texts like {C = "cancellation"}')
        return tuple((str(k), str(v)) for k, v in value.items())

    def table(self, key: str) -> TableReader:
        """The table at ``key``; an empty one where there is none."""
        value = self.take(key)
        return TableReader(self._place(key), {} if value is None else value)

    def table_or_column(self, key: str) -> TableReader:
        """The table at ``key``, where a text alone means ``{column = text}``."""
        value = self.take(key)
        if isinstance(value, str) and value:
            value = {"column": value}
        if not isinstance(value, Mapping):
            self.refuse(key, value, "a column's name or a table")
        return TableReader(self._place(key), value)

    def tables(self, key: str) -> list[TableReader]:
        """The tables of an array of tables."""
        value = self.take(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self.refuse(key, value, f"tables, each begun with [[{key}]]")
        return [
            TableReader(f"{key}[{place}]", item) for place, item in enumerate(value)
        ]

    def exactly_one(self, first: str, second: str) -> None:
        """Refuse a table with both keys or none of them."""
        if self.has(first) == self.has(second):
            both = {first: self.take(first), second: self.take(second)}
            self.refuse(first, both, f"exactly one of {first} and {second}")

    def refuse(self, key: str, value: Any, expected: str) -> NoReturn:
        """Raise the error of a value that cannot be used."""
        raise MappingError(
            f"Expected {expected}. Received: {self._place(key)[:200]}={shown(value)} "
            f"(type {type(value).__name__}). Change it in the mapping."
        )

    def _place(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key


def near(name: str, known: Collection[str]) -> str:
    """Words that name the nearest of ``known``, if one is near."""
    found = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {found[0]!r}?)" if found else ""


def is_text(value: Any) -> TypeGuard[str]:
    """True for texts that are not empty and have a form in UTF-8."""
    try:
        return isinstance(value, str) and bool(value.encode())
    except UnicodeEncodeError:
        return False


def shown(value: Any, chars: int = 200) -> str:
    """A value for a message: its repr, bounded in depth and length."""
    form = reprlib.Repr()
    form.maxstring = form.maxother = form.maxlong = chars
    form.maxdict = form.maxlist = form.maxtuple = 20
    try:
        text = form.repr(value)
    except ValueError:  # an integer of more digits than Python writes
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= 2 * chars else f"{text[:chars]}..."
