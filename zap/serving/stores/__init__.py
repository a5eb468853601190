"""Interim: what the service takes from the room of stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from zap.encoding.instance import Instance
from zap.errors import ZapError


class StoreError(ZapError):
    """A store can't be reached."""


@dataclass(frozen=True)
class Need:
    instance: Instance
    subject: str

    @classmethod
    def of(cls, instance: Instance, subject: str) -> Need:
        return cls(instance, subject)


@dataclass(frozen=True)
class Past:
    events: list[dict[str, Any]]
    ids: list[str]


@dataclass(frozen=True)
class Appended:
    new: int
    repeated: int
    by_reason: dict[str, int] = field(default_factory=dict)


class EventStore(Protocol):
    def keep(self, needs: Sequence[Need]) -> None: ...
    def append(self, events: Sequence[Mapping[str, Any]]) -> Appended: ...
    def past(self, subject: str, need: Need, now_us: int) -> Past: ...
    def pasts(self, subjects: Sequence[str], need: Need, now_us: int) -> list[Past]: ...
    def forget(self, subject_field: str, subject: str) -> int: ...
    def sweep(self, now_us: int) -> int: ...
    def ping(self) -> None: ...
    def close(self) -> None: ...


class _Memory:
    def __init__(self) -> None:
        self.events: dict[str, dict[str, Any]] = {}

    def keep(self, needs: Sequence[Need]) -> None: ...

    def append(self, events: Sequence[Mapping[str, Any]]) -> Appended:
        new = 0
        for event in events:
            key = str(event.get("event_id", repr(event)))
            new += key not in self.events
            self.events.setdefault(key, dict(event))
        return Appended(new, len(events) - new)

    def past(self, subject: str, need: Need, now_us: int) -> Past:
        found = [
            (k, e)
            for k, e in self.events.items()
            if e.get(need.subject) == subject and e["timestamp"] <= now_us
        ]
        found.sort(key=lambda each: (each[1]["timestamp"], each[1].get("sequence", 0)))
        return Past([e for _, e in found], [k for k, _ in found])

    def pasts(self, subjects: Sequence[str], need: Need, now_us: int) -> list[Past]:
        return [self.past(each, need, now_us) for each in subjects]

    def forget(self, subject_field: str, subject: str) -> int:
        return 0

    def sweep(self, now_us: int) -> int:
        return 0

    def ping(self) -> None: ...

    def close(self) -> None: ...


def open_store(url: str, timeout_ms: float = 250) -> EventStore:
    return _Memory()
