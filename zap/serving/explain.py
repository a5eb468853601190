"""Which past events moved a score: each is left out in turn, and the model asked again.

Nothing is assumed of the model. The score of the past without one event is what the
model would have said, had that event not been; the instant stays where it was. All
those pasts are scored in one call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zap.serving.answers import Reason
from zap.serving.batched import score_many
from zap.serving.predictor import Prediction
from zap.serving.served import Served

Event = dict[str, Any]


def used_places(served: Served, events: Sequence[Event], count: int) -> list[int]:
    """Where in ``events`` those of the sequence lie, the oldest first.

    Args:
        served: whose model it is.
        events: the past in total order.
        count: how many events the sequence holds.
    """
    types = served.instance.types
    kept = [
        place
        for place, event in enumerate(events)
        if not isinstance(types, (list, tuple)) or event["type"] in types
    ]
    return kept[len(kept) - count :]


def reasons(
    served: Served,
    events: Sequence[Event],
    instant_us: int,
    whole: Prediction,
    last: int,
) -> list[Reason]:
    """The last used events by how much the score moves without each.

    Args:
        served: whose model it is.
        events: the past in total order.
        instant_us: when the prediction was made.
        whole: the prediction of the whole past.
        last: how many of the last used events are left out in turn.
    """
    places = used_places(served, events, whole.events)[-last:]
    if not places:
        return []
    encode = served.encode
    without = score_many(
        served.predictor,
        [encode([*events[:at], *events[at + 1 :]], instant_us) for at in places],
    )
    found = []
    for back, (at, other) in enumerate(
        zip(places[::-1], without[::-1], strict=True), 1
    ):
        change, name = _change(served, whole, other)
        event = events[at]
        found.append(
            Reason(
                place=back,
                type=event["type"],
                timestamp=event["timestamp"],
                change=change,
                name=name,
            )
        )
    return sorted(found, key=lambda reason: (-abs(reason.change), reason.place))


def _change(
    served: Served, whole: Prediction, other: Prediction
) -> tuple[float, str | None]:
    if not isinstance(whole.value, tuple):
        assert not isinstance(other.value, tuple)
        return whole.value - other.value, None
    assert isinstance(other.value, tuple)
    moves = [a - b for a, b in zip(whole.value, other.value, strict=True)]
    most = max(range(len(moves)), key=lambda i: abs(moves[i]))
    return moves[most], served.classes[most]
