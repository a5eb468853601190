"""What a request leaves behind: nothing for which the collector of cycles must look.

Its search holds every request up that comes meanwhile, the longer the more there is.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from live_server import Client, LiveServer, live_server
from made_bundles import deployed, made_bundle
from made_servers import Server

REQUESTS = 100
EVENTS = [
    {"timestamp": 1_700_000_000_000_000 + at, "type": "view", "page": "p"}
    for at in range(5)
]
KINDS: dict[str, Callable[[Client, str], tuple[int, Any]]] = {
    "subject": lambda client, who: client.predict(subject=who),
    "events": lambda client, who: client.predict(events=EVENTS),
    "explained": lambda client, who: client.predict(subject=who, explain=3),
    "batch": lambda client, who: client.post(
        "/v1/predictions/shop/batch", {"subjects": [who, "b"]}
    ),
    "post": lambda client, who: client.post(
        "/v1/events", {"events": [{**each, "anonymous_id": who} for each in EVENTS]}
    ),
    "unknown": lambda client, who: client.predict("nothing", subject=who),
    "malformed": lambda client, who: client.predict(subject=7),
    "ready": lambda client, who: client.get("/ready"),
}


def send(send_one: Callable[[Client, str], Any], times: int, client: Client) -> None:
    """So many requests of a kind, about a few subjects."""
    for at in range(times):
        send_one(client, f"v{at % 7}")


def garbage(server: LiveServer, told: Path) -> int:
    """Objects in cycles since it was asked last."""
    told.unlink(missing_ok=True)
    server.process.send_signal(signal.SIGUSR1)
    until = time.monotonic() + 60
    while not told.exists():
        assert time.monotonic() < until, "it does not tell"
        time.sleep(0.01)
    return int(told.read_text())


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_requests_leave_no_cycles(
    kind: str, tmp_path: Path, redis: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "garbage"
    monkeypatch.setenv("GARBAGE_FILE", str(told))
    here = Path(__file__).parent / "counting_garbage"
    monkeypatch.setenv("PYTHONPATH", str(here), prepend=os.pathsep)
    root = tmp_path / "models"
    deployed(root, made_bundle(tmp_path / "b", ((2.0, -1.0, 0.5, -2.0),)))
    more = {"store": redis.url + "0"} if kind == "redis" else {}
    found: dict[str, int] = {}
    with live_server(tmp_path / "s", root, **more) as server:
        clients = [Client(server.port) for _ in range(4)]

        with ThreadPoolExecutor(len(clients)) as pool:
            for name, send_one in KINDS.items():
                for times in (5, REQUESTS):  # what the first one makes, it makes once
                    for _ in pool.map(partial(send, send_one, times), clients):
                        pass
                    found[name] = garbage(server, told)
    assert [name for name, left in found.items() if left >= REQUESTS] == []
