"""What must not be written as it came: dropped, hashed, or cut to what may stay.

Rules make new events and leave the given ones alone, and applying them twice is
applying them once, so that an event can be replayed after its privacy was changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zap.collect.checks.keyed import hasher, key_of
from zap.collect.checks.names import IDS, in_events, plain
from zap.collect.checks.paths import FIXED, GONE, Change, changed, in_list, path_of
from zap.collect.checks.paths import Path as Place
from zap.collect.checks.settings import PrivacySettings
from zap.collect.checks.texts import TextRules
from zap.collect.event import Event
from zap.errors import CollectError


class Privacy:
    """The rules of a source.

    Args:
        settings: of the source.
        folder: that a relative file of the key is of.

    Raises:
        CollectError: a path, a name or the key is wrong, or two rules contradict.
    """

    def __init__(self, settings: PrivacySettings, folder: Path = Path()):
        self.dropped = [path_of(text, "drop") for text in settings.drop]
        self.hashed = [path_of(text, "hash") for text in settings.hash]
        _check_contradictions(self.dropped, self.hashed)
        self.hash: Change | None = None
        if self.hashed:
            self.hash = hasher(key_of(settings, folder))
        self._texts = TextRules(settings)
        rules: list[tuple[Place, Change]] = [(path, _drop) for path in self.dropped]
        if self.hash is not None:
            rules += [(path, self.hash) for path in self.hashed]
        self._paths = [(path.parts, change) for path, change in rules if path.of_one]
        self._names = {
            name: change
            for path, change in rules
            for name in in_events(path.parts[0])
            if not path.of_one
        }
        self._ids = [
            (path.parts[0], change) for path, change in rules if path.parts[0] in IDS
        ]
        self._walks = bool(self._names or self._texts.any)

    def event(self, event: Event) -> Event:
        """The event as it may be written; itself where no rule meets it."""
        known = {}
        for name, change in self._ids:
            value = event.get(name)
            if isinstance(value, str):
                known[value] = change
        for parts, change in self._paths:
            event = changed(event, parts, change)
        return self._walked(event, known) if self._walks else event

    def texts(self, name: str, value: str) -> str:
        """A text below a key, with addresses and URLs as they may stay."""
        return self._texts(name, value)

    def _walked(self, event: Event, ids: Mapping[str, Change]) -> Event:
        """The event with all rules applied that are not of one place.

        Args:
            event: after those that are.
            ids: what is done to texts that are an id of the event, wherever they are.
        """
        names = self._names
        texts = self._texts if self._texts.any else None

        def of(name: str, value: Any) -> Any:
            if type(value) is str:
                if value in ids:
                    return ids[value](value)
                return value if texts is None else texts(name, value)
            if type(value) is dict:
                return inside(value)
            if type(value) is list:
                return in_list(value, lambda each: of(name, each))
            return value

        def inside(values: dict[str, Any]) -> dict[str, Any]:
            new = values
            for name, value in values.items():
                if names and (change := names.get(plain(name))) is not None:
                    after = change(value)
                elif texts is None and type(value) is str:
                    after = ids[value](value) if value in ids else value  # the most
                else:
                    after = of(name, value)
                if after is value:
                    continue
                new = dict(values) if new is values else new
                if after is GONE:
                    del new[name]
                else:
                    new[name] = after
            return new

        new = inside(event)
        for name in FIXED if ids else ():
            if event.get(name) in ids:  # a type that is somebody's id stays a type
                new[name] = event[name]
        return new


def _drop(value: Any) -> Any:
    return GONE


def _check_contradictions(dropped: list[Place], hashed: list[Place]) -> None:
    for path in hashed:
        for other in dropped:
            if other.holds(path):
                raise CollectError(
                    "Expected paths that are either dropped or hashed. Received: "
                    f"hash={'.'.join(path.parts)!r}, drop={'.'.join(other.parts)!r}. "
                    "Take one out."
                )
