"""The clients for Python that share their origin: Segment's and RudderStack's."""

from __future__ import annotations

from typing import Any

from tests.collect.real_collector import RealCollector

Told = list[tuple[bool, dict[str, Any]]]
BOTH_IDS = {"user_id": "u1", "anonymous_id": "a1"}
CONTEXT = {"ip": "192.0.2.1", "locale": "de-AT"}


def calls_of_both(client: Any, **common: Any) -> Told:
    """Every call that both have, but for alias, with all that each takes."""
    both = {**BOTH_IDS, "context": CONTEXT, **common}
    shown = {"category": "Docs", "name": "Home", "properties": {"x": [1, {"y": 2}]}}
    return [
        client.identify(traits={"plan": "pro", "größe": 1.75}, **both),
        client.track(event="Order Completed", properties={"total": 9.5}, **both),
        client.page(**shown, **both),
        client.screen(**shown, **both),
        client.group(group_id="g1", traits={"seats": 5}, **both),
    ]


def messages_of(told: Told) -> list[dict[str, Any]]:
    """What the client made of calls, all of which it must have queued."""
    assert all(queued for queued, _ in told)
    return [message for _, message in told]


def check_stops_at_another_key(
    client_class: Any, error_class: type[Exception], collector: RealCollector
) -> None:
    """A client with a wrong key is told so, and does not try again."""
    failed: list[Any] = []
    client = client_class(
        "another-key",
        host=collector.url,
        on_error=lambda error, batch: failed.append((error, batch)),
        upload_interval=0.1,
    )
    client.track("u1", "Bought")
    client.flush()
    client.join()
    ((error, batch),) = failed
    assert isinstance(error, error_class) and len(batch) == 1
    assert (error.status, error.code) == (401, "no_key")  # type: ignore[attr-defined]
    assert "write key" in error.message  # type: ignore[attr-defined]
    assert not collector.records()
