"""``zap collect`` as a process: it starts, ends in order, loses nothing if killed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx

from tests.collect.real_collector import KEY, RealCollector

Server = Callable[..., RealCollector]


def track(name: str) -> dict[str, object]:
    return {
        "writeKey": KEY,
        "batch": [
            {
                "type": "track",
                "event": "seen",
                "messageId": name,
                "anonymousId": "someone",
                "timestamp": "2026-01-15T10:00:00Z",
            }
        ],
    }


def test_the_process_answers_and_does_not_load_arrow(collector_server: Server) -> None:
    server = collector_server(["segment", "snowplow"])
    answer = httpx.post(server.url + "/v1/batch", json=track("one"))
    assert answer.status_code == 200, answer.text
    assert [event["event_id"] for event in server.events()] == ["one"]
    assert server.process is not None
    maps = Path(f"/proc/{server.process.pid}/maps").read_text()
    assert "uvloop" in maps and "pyarrow" not in maps and "libarrow" not in maps
