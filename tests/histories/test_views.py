"""What a plain Python method is given."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from zap.errors import GeneratorError
from zap.events.mapping import EventMapping
from zap.histories.build import HistorySettings, build_histories
from zap.histories.views import HistoryView

PLAIN = EventMapping.from_dict({"fields": {"timestamp": "t", "type": "e"}})


@pytest.fixture
def view(table_of: Any) -> HistoryView:
    """Four events of one subject, seen without the first."""
    rows = [
        {"who": "a", "t": 0, "type": "x", "uid": 0},
        {"who": "a", "t": 1, "type": "y", "uid": 1, "amount": 2.5, "flag": True},
        {"who": "a", "t": 2, "type": "x", "uid": 2, "url": "http://h/a/b?c=1"},
        {"who": "a", "t": 3, "type": "z", "uid": 3},
    ]
    fields = {"uid", "amount", "flag", "url.segments", "url.host"}
    batch, _ = build_histories(table_of(rows), HistorySettings(), fields, PLAIN)
    return HistoryView(batch, 1, 4)


def test_a_view_is_a_range_and_no_more(view: HistoryView) -> None:
    assert len(view) == 3
    assert view.types() == ["y", "x", "z"]
    assert [event.type for event in view] == view.types()
    assert view.values("uid") == [1.0, 2.0, 3.0]
    assert (view[0]["uid"], view[-1]["uid"]) == (1.0, 3.0)
    for outside in (3, -4):
        with pytest.raises(IndexError):
            view[outside]


def test_the_values_of_an_event(view: HistoryView) -> None:
    event = view[0]
    assert event.timestamp == datetime(2024, 1, 30, 0, 1, tzinfo=UTC)
    assert (event["amount"], event["flag"], event["url.host"]) == (2.5, "true", None)
    assert view.values("amount") == [2.5, None, None]
    assert view[1]["url.segments"] == ("a", "b")
    with pytest.raises(GeneratorError, match="Received: field='colour'"):
        event["colour"]
