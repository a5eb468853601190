"""The same calls, posted here and read from an export, are the same events."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_exports import PLAIN_FIELDS

from tests.collect.protocols.asked import RECEIVED_US, asked
from zap.collect.protocols.calls import CALLS
from zap.collect.protocols.rudderstack import RudderStack
from zap.collect.protocols.segment import Segment
from zap.events.mapping import EventMapping
from zap.events.reading import read_source
from zap.events.sources import list_sources

MAPPING = EventMapping.from_dict({"format": "segment", "timezone": "UTC"})
RECEIVED = datetime.fromtimestamp(RECEIVED_US / 1e6, UTC)

words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=9)
ids = words.filter(lambda text: text == text.strip())
urls = st.just("https://shop.example/") | ids.map("https://shop.example/{}".format)
ages = st.timedeltas(timedelta(), timedelta(days=300))
waits = st.timedeltas(timedelta(), timedelta(days=2))
zones = st.sampled_from(["Z", "+00:00", "+05:30", "-0800"])


def written(moment: datetime, zone: str) -> str:
    """A time as clients of several languages write it."""
    hours, minutes = {"+05:30": (5, 30), "-0800": (-8, 0)}.get(zone, (0, 0))
    local = moment + timedelta(hours=hours, minutes=minutes)
    return local.replace(tzinfo=None).isoformat(timespec="microseconds") + zone


@st.composite
def calls(draw: st.DrawFn) -> dict[str, Any]:
    """A call by a clock that is days wrong, with when it was sent."""
    call = draw(st.sampled_from(sorted(CALLS)))
    sent = RECEIVED - draw(ages)
    made: dict[str, Any] = {
        "type": call,
        "messageId": draw(words),
        "userId": draw(ids),
        "sentAt": written(sent, draw(zones)),
        "originalTimestamp": written(sent - draw(waits), draw(zones)),
        "context": {"userAgent": draw(words)},
    }
    if call == "track":
        made["event"] = draw(ids)
    if call == "alias":
        made["previousId"] = draw(ids)
    elif draw(st.booleans()):
        made["anonymousId"] = draw(ids)
    page = {"url": draw(urls), "referrer": draw(urls | st.just(""))}
    if draw(st.booleans()):
        made["context"]["page"] = page
    else:
        made["properties"] = page
    return made


def exported(sent: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The canonical fields of calls in a file, with the receipt that Segment adds."""
    lines = [json.dumps(call | {"receivedAt": RECEIVED.isoformat()}) for call in sent]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "calls.json"
        path.write_text("\n".join(lines) + "\n")
        (source,) = list_sources([str(path)], MAPPING)
        batches = list(read_source(source, MAPPING))
    assert not [row for batch in batches for row in batch.dead]
    rows = [row for batch in batches for row in batch.events.to_pylist()]
    return [{name: row.get(name) for name in PLAIN_FIELDS} for row in rows]


def posted(protocol: Segment, sent: list[dict[str, Any]]) -> list[dict[str, Any]]:
    parsed = protocol.parse(asked({"batch": sent, "writeKey": "k"}, path="/v1/batch"))
    assert not parsed.bad
    return [canonical(event) for event in parsed.events]


def canonical(event: dict[str, Any]) -> dict[str, Any]:
    fields = {name: event.get(name) for name in PLAIN_FIELDS}
    for name in ("timestamp", "received_at"):
        fields[name] = datetime.fromtimestamp(0, UTC) + timedelta(
            microseconds=fields[name]
        )
    return fields


@pytest.mark.parametrize("protocol", [Segment(), RudderStack()])
@settings(max_examples=40)
@given(sent=st.lists(calls(), min_size=1, max_size=8))
def test_posted_and_exported_calls_are_the_same_events(
    protocol: Segment, sent: list[dict[str, Any]]
) -> None:
    assert posted(protocol, sent) == exported(sent)


@settings(max_examples=40)
@given(call=calls())
def test_a_call_alone_is_the_call_in_a_batch(call: dict[str, Any]) -> None:
    for path in (f"/v1/{call['type']}", f"/v1/{call['type'][0]}"):
        (event,) = Segment().parse(asked(call, path=path)).events
        assert [canonical(event)] == posted(Segment(), [call])


@settings(max_examples=40)
@given(call=calls())
def test_a_line_of_an_export_may_be_posted_later(call: dict[str, Any]) -> None:
    corrected = RECEIVED - timedelta(days=9)
    line = call | {"timestamp": corrected.isoformat(), "receivedAt": "2020-01-01"}
    (event,) = posted(Segment(), [line])
    assert event["timestamp"] == corrected
