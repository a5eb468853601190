"""Stores that are away, stuck or something else: a clear error, and back by itself."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from made_servers import Server, free_port
from made_stores import INSTANCES, Clock, Event

from zap.errors import StoreError
from zap.serving.stores import EventStore, Need, open_store

T = TypeVar("T")
NOW_US = 1_790_000_000_000_000
NEED = Need.of(INSTANCES["long sequence"], "anonymous_id")


def event_of(number: int) -> Event:
    return {
        "event_id": f"e{number}",
        "anonymous_id": "a",
        "timestamp": NOW_US + number,
        "received_at": NOW_US + number,
        "type": "view",
    }


def opened(url: str, timeout_ms: int = 2000) -> EventStore:
    store = open_store(url, timeout_ms, clock_us=Clock(NOW_US + 10**9))
    store.keep([NEED])
    return store


def ids(store: EventStore) -> list[str]:
    return store.past("a", NEED, NOW_US + 10**9).ids


def recovered(call: Callable[[], T]) -> T:
    """What a call gives in the end: a server that has just begun is slow at first."""
    for _ in range(100):
        with contextlib.suppress(StoreError):
            return call()
        time.sleep(0.05)
    return call()


def refuses(store: EventStore) -> None:
    """Every call says so, and none takes for ever."""
    for call in (
        store.ping,
        lambda: ids(store),
        lambda: store.pasts(["a", "b"], NEED, NOW_US),
        lambda: store.append([event_of(9)]),
        lambda: store.forget("anonymous_id", "a"),
    ):
        with pytest.raises(StoreError, match=r"Received: .*127\.0\.0\.1"):
            call()


def test_a_server_that_is_down_at_start_and_in_flight(own_server: Server) -> None:
    own_server.kill()
    store = opened(own_server.url, 200)
    refuses(store)
    own_server.start()
    assert opened(own_server.url).append([event_of(1), event_of(2)]).new == 2
    assert recovered(lambda: ids(store)) == ["e1", "e2"]
    own_server.kill()
    refuses(store)
    own_server.start()
    assert recovered(lambda: ids(store)) == ["e1", "e2"]
    assert recovered(lambda: store.append([event_of(2), event_of(3)])).repeated > 0
    assert ids(store) == ["e1", "e2", "e3"]


def test_a_server_that_answers_nothing_is_given_up(own_server: Server) -> None:
    store = opened(own_server.url, 300)
    store.append([event_of(1)])
    own_server.freeze()
    refuses(store)
    own_server.thaw()
    store = opened(own_server.url, 5000)
    # What was sent before the time was over may have arrived: it is repeated then.
    told = store.append([event_of(9)])
    assert told.new + told.repeated == 1
    assert "e9" in ids(store)


def test_threads_recover_too(own_redis: Server) -> None:
    store = opened(own_redis.url)
    store.append([event_of(1)])
    found: list[list[str]] = []

    def work() -> None:
        found.append(ids(store))

    def run() -> None:
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    run()
    own_redis.kill()
    own_redis.start()
    run()
    assert found == [["e1"]] * 16


@pytest.mark.parametrize("scheme", ["redis", "mongodb"])
def test_no_secret_of_an_address_is_told(scheme: str) -> None:
    url = f"{scheme}://someone:hunter2@127.0.0.1:{free_port()}/0?retryWrites=false"
    if scheme == "redis":
        url = url.partition("?")[0]
    store = opened(url, 200)
    with pytest.raises(StoreError) as told:
        store.ping()
    assert "127.0.0.1" in str(told.value)
    for text in (str(told.value), store.name, repr(store)):
        assert "hunter2" not in text
        assert "someone" not in text


@pytest.mark.parametrize(
    "url",
    [
        "",
        "events.db",
        "sqlite:",
        "ftp://someone:hunter2@there/",
        "redis://someone:hunter2@there:port/",
        "redis://there/zero?socket_timeout=hunter2",
        "mongodb://someone:hunter2@there:port/",
        "mongodb://someone:hunter2@/x",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match="Expected the address of a store") as told:
        open_store(url)
    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize(
    "wrong", [{"timeout_ms": 0}, {"keep_days": 0}, {"max_events": 0}]
)
def test_numbers_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(StoreError, match="above 0"):
        open_store("sqlite:events.db", **wrong)  # type: ignore[arg-type]


def test_a_file_whose_folder_comes_later(tmp_path: Path) -> None:
    store = opened(f"sqlite://{tmp_path}/later/events.db")
    with pytest.raises(StoreError, match=r"later/events\.db"):
        store.ping()
    (tmp_path / "later").mkdir()
    store.append([event_of(1)])
    assert ids(store) == ["e1"]


def test_a_file_that_another_process_holds(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    store = opened(f"sqlite:{path}", 50)
    store.append([event_of(1)])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        store.append([event_of(2)])
    assert ids(store) == ["e1"]  # readers never wait
    other.execute("ROLLBACK")
    other.close()
    store.append([event_of(2)])
    assert ids(store) == ["e1", "e2"]


def test_a_file_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    path.write_bytes(b"no database at all" * 500)
    with pytest.raises(StoreError, match="not a database"):
        opened(f"sqlite:{path}").ping()


@pytest.mark.parametrize("data", [b"", b"[]", b"[99]", b"{}", b"\x80\x02", b"[1,2]"])
def test_a_document_of_something_else(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "events.db"
    store = opened(f"sqlite:{path}")
    store.append([event_of(1)])
    with sqlite3.connect(path) as other:
        other.execute("UPDATE documents SET data = ?", (data,))
    other.close()
    with pytest.raises(StoreError, match="Rebuild the store"):
        ids(store)
    assert store.forget("anonymous_id", "b") == 0


def test_closed_and_used_again(tmp_path: Path) -> None:
    store = opened(f"sqlite:{tmp_path / 'events.db'}")
    store.append([event_of(1)])
    store.close()
    assert ids(store) == ["e1"]


OPENED_AND_CLOSED = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT count(*) FROM documents").fetchall()
connection.close()
"""


def test_to_tell_why_a_file_can_not_be_opened_lets_go_of_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who closes a file has none of its locks any more, whichever way it was opened.

    Without them another process takes itself for the last one that has the file, and
    removes the journal that this one still writes to.
    """
    path = tmp_path / "events.db"
    store = opened(f"sqlite:{path}")
    store.append([event_of(1)])
    with pytest.raises(sqlite3.OperationalError) as too_many:
        sqlite3.connect(tmp_path / "nowhere" / "events.db")

    def refused(*_: object, **__: object) -> None:
        raise too_many.value

    told: list[str] = []

    def ask() -> None:
        try:
            store.ping()
        except StoreError as error:
            told.append(str(error))

    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", refused)
        thread = threading.Thread(target=ask)  # has no connection yet
        thread.start()
        thread.join()
    assert "unable to open" in told[0]
    command = [sys.executable, "-c", OPENED_AND_CLOSED, str(path)]
    subprocess.run(command, check=True)
    assert path.with_name("events.db-wal").exists()
    store.append([event_of(2)])
    store.close()
    again = opened(f"sqlite:{path}")
    assert len(again.past("a", NEED, NOW_US + 10**6).events) == 2
    again.close()
