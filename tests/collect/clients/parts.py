"""Whether an event holds what a client was told, field by field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def lacking(event: Any, wanted: Any, where: str = "") -> list[str]:
    """Where an event has not what is wanted; it may have more.

    Args:
        event: that was found.
        wanted: values by key, to any depth; lists in full.
        where: in the event.
    """
    if isinstance(wanted, Mapping) and isinstance(event, Mapping):
        return [
            problem
            for key, each in wanted.items()
            for problem in (
                lacking(event[key], each, f"{where}.{key}")
                if key in event
                else [f"{where}.{key}: nothing, not {each!r}"]
            )
        ]
    if isinstance(wanted, list) and isinstance(event, list):
        if len(event) != len(wanted):
            return [f"{where}: {event!r}, not {wanted!r}"]
        pairs = enumerate(zip(event, wanted, strict=True))
        return [
            problem
            for i, (one, other) in pairs
            for problem in lacking(one, other, f"{where}[{i}]")
        ]
    return [] if event == wanted else [f"{where}: {event!r}, not {wanted!r}"]


def find_all(
    events: Iterable[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]]
) -> None:
    """See that each thing wanted is an event of its own, and that there are no others.

    Raises:
        AssertionError: tells what is missing, at the nearest event, or too much.
    """
    left = list(events)
    for one in wanted:
        problems = sorted((lacking(event, one) for event in left), key=len)
        assert problems, f"no event left for {one}"
        assert not problems[0], problems[0]
        left = [*left]
        left.remove(next(event for event in left if not lacking(event, one)))
    assert not left, f"not told of: {left}"
