"""Dotted paths into events, and changes along them that leave the given event alone.

Events of one request may share objects (a batch's context), so nothing is changed in
place: a hash that were taken twice would join with nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from zap.collect.checks.names import IDS, plain
from zap.errors import CollectError

PART = re.compile(r'"([^"]+)"|([^."]+)')
GONE: Final = object()
"""What a change returns to take the value out."""

FIXED = ("event_id", "timestamp", "received_at", "type", "source", "sequence")
"""Fields that the collector itself lives by: no rule may touch them."""


@dataclass(frozen=True)
class Path:
    """A place in an event.

    Attributes:
        parts: the keys, from the outermost.
        anywhere: whether the one key is meant at any depth.
    """

    parts: tuple[str, ...]
    anywhere: bool = False

    @property
    def of_one(self) -> bool:
        """Whether it is one place; an id is meant wherever it is."""
        return not self.anywhere and (len(self.parts) > 1 or self.parts[0] not in IDS)

    def holds(self, other: Path) -> bool:
        """Whether this place is the other, or the other is inside."""
        if not self.of_one:
            return plain(self.parts[0]) in map(plain, other.parts)
        return other.of_one and other.parts[: len(self.parts)] == self.parts


def path_of(text: str, setting: str) -> Path:
    """The place that a text names.

    >>> path_of("traits.email", "drop").parts
    ('traits', 'email')
    >>> path_of('contexts."com.acme/user".email', "drop").parts
    ('contexts', 'com.acme/user', 'email')
    >>> path_of("*.email", "drop").anywhere
    True

    Args:
        text: dotted keys.
        setting: which the text is of, for the message.

    Raises:
        CollectError: it is no path, or names a field that must stay.
    """
    anywhere = text.startswith("*.")
    parts = _parts(text[2:] if anywhere else text)
    if not parts or "*" in parts or (anywhere and len(parts) > 1):
        raise CollectError(
            "Expected a path such as 'traits.email', 'contexts.\"a.b/c\".name', or "
            f"'*.email' for a key at any depth. Received: {setting}={text!r}. "
            "Mend the path."
        )
    if parts[0] in FIXED and (anywhere or len(parts) == 1):
        raise CollectError(
            "Expected a path of what clients send. Received: "
            f"{setting}={text!r}, which the collector itself needs; none of "
            f"{', '.join(FIXED)} can be dropped or hashed. Take it out."
        )
    return Path(parts, anywhere)


def _parts(text: str) -> tuple[str, ...]:
    parts = []
    at = 0
    while match := PART.match(text, at):
        parts.append(match[1] or match[2])
        if match.end() == len(text):
            return tuple(parts)
        if text[match.end()] != ".":
            break
        at = match.end() + 1
    return ()


Change = Callable[[Any], Any]


def changed(value: Any, parts: tuple[str, ...], change: Change) -> Any:
    """The value with what lies at a place changed; itself where nothing is there.

    >>> changed({"a": [{"b": 1}, {"c": 2}]}, ("a", "b"), lambda value: GONE)
    {'a': [{}, {'c': 2}]}

    Args:
        value: objects and lists; a list's elements are all gone through.
        parts: the keys, from the outermost.
        change: gives the new value, or `GONE`.
    """
    if isinstance(value, list):
        return in_list(value, lambda each: changed(each, parts, change))
    if not isinstance(value, dict) or parts[0] not in value:
        return value
    old = value[parts[0]]
    new = change(old) if len(parts) == 1 else changed(old, parts[1:], change)
    if new is old:
        return value
    value = dict(value)
    if new is GONE:
        del value[parts[0]]
    else:
        value[parts[0]] = new
    return value


def in_list(values: list[Any], change: Change) -> list[Any]:
    """The list with each element changed; itself where none is another."""
    new = [change(each) for each in values]
    if all(a is b for a, b in zip(new, values, strict=True)):
        return values
    return [each for each in new if each is not GONE]
