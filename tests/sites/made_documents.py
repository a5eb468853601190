"""Events of a document with values of all kinds, drawn by Hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NUMBERS = st.sampled_from([0, 1, -1, 0.0, -0.0, 1.0, 1.5, 2**53, True, False])
TEXTS = st.sampled_from(["", "a", "b", "1", "true", "ü", "\u2028", "😀"])
ATOMS = st.none() | NUMBERS | TEXTS
VALUES = ATOMS | st.lists(ATOMS | st.lists(ATOMS, max_size=1), max_size=2)
FIELDS = ("page", "price", "path")


@st.composite
def columns(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Events whose fields have values of one kind, or of all, as a rule."""
    size = draw(st.integers(0, 8))
    found: list[dict[str, Any]] = [
        {"event_id": str(at), "timestamp": at, "type": "view"} for at in range(size)
    ]
    for field in FIELDS:
        kind = draw(st.sampled_from([TEXTS, NUMBERS, ATOMS, VALUES, st.lists(TEXTS)]))
        for event in found:
            if draw(st.integers(0, 9)):
                event[field] = draw(kind)
    return found


def exact(events: Any) -> list[dict[str, Any]]:
    """Events by their values' very texts, without what they do not have."""
    return [
        {name: repr(value) for name, value in event.items() if value is not None}
        for event in events
    ]
