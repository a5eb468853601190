"""A store that is asked in a loop answers as one that is waited for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from made_servers import Server
from redis import Redis

from zap.encoding.features import Hash
from zap.encoding.instance import Instance
from zap.errors import InputError, StoreError
from zap.histories.identity import PERSON
from zap.serving.breaker import Breaker
from zap.serving.stores import EventStore, Need, open_store
from zap.serving.stores.asking import ask as ask_reading

NOW_US = 1_700_000_000_000_000
INSTANCE = Instance(types=["x"], last=9, fields=[Hash("page")], hash_buckets=64)
DEVICES, PERSONS = Need.of(INSTANCE, "anonymous_id"), Need.of(INSTANCE, PERSON)
NAMES = {
    DEVICES.subject: ["d0", "d1", "nobody", "d2", "d0"],
    PERSON: ["user:u0", "anonymous:d1", "anonymous:d2", "user:nobody", "user:u1"],
}


@pytest.fixture
def store(own_redis: Server) -> Iterator[EventStore]:
    made = open_store(f"{own_redis.url}0", 2_000, clock_us=lambda: NOW_US)
    made.keep([DEVICES, PERSONS])
    made.append(
        [
            {
                "event_id": f"{at}",
                "anonymous_id": f"d{at % 4}",
                "user_id": f"u{at % 2}" if at > 6 and at % 4 != 2 else None,
                "timestamp": NOW_US - 1_000_000 * (30 - at),
                "type": "x",
                "page": f"p{at % 3}",
            }
            for at in range(20)
        ]
    )
    yield made
    made.close()


def ask(store: EventStore | Breaker, names: list[str], need: Need) -> Any:
    """What the loop is told: pasts or an error."""

    async def work() -> Any:
        future = asyncio.get_running_loop().create_future()
        store.ask_pasts(names, need, NOW_US, future.set_result)
        return await asyncio.wait_for(future, 10)

    return asyncio.run(work())


@pytest.mark.parametrize("need", [DEVICES, PERSONS])
def test_pasts_are_those_that_threads_get(store: EventStore, need: Need) -> None:
    names = NAMES[need.subject]
    assert store.asks_in_loop
    found = ask(store, names, need)
    wanted = store.pasts(names, need, NOW_US)
    assert [each.events for each in found] == [each.events for each in wanted]
    assert [len(each.events) for each in wanted].count(0) == 1


def test_each_loop_has_a_connection_of_its_own(store: EventStore) -> None:
    found = [ask(store, ["d1"], DEVICES) for _ in range(2)]
    wanted = [each.events for each in store.pasts(["d1"], DEVICES, NOW_US)]
    assert [[each.events for each in pasts] for pasts in found] == [wanted, wanted]


def test_a_store_that_is_closed_has_no_connections(own_redis: Server) -> None:
    def open_ones() -> int:
        with Redis.from_url(own_redis.url) as client:
            return len(client.client_list()) - 1

    async def work() -> Any:
        loop = asyncio.get_running_loop()
        store = open_store(f"{own_redis.url}0", 2_000, clock_us=lambda: NOW_US)
        asked = loop.create_future()
        store.ask_pasts(["d0"], DEVICES, NOW_US, asked.set_result)
        await asked
        assert open_ones() > 0
        own_redis.freeze()
        asked = loop.create_future()
        store.ask_pasts(["d0"], DEVICES, NOW_US, asked.set_result)
        await asyncio.to_thread(store.close)
        failed = await asyncio.wait_for(asked, 1)
        own_redis.thaw()
        return failed

    assert isinstance(asyncio.run(work()), StoreError)
    while open_ones():
        time.sleep(0.01)


def test_what_cannot_be_asked_is_told() -> None:
    def reading() -> Any:
        return (yield ["k1"])

    def get(keys: Any, then: Any) -> None:
        raise KeyError("closed")

    told: list[Any] = []
    ask_reading(reading(), get, told.append)
    (error,) = told
    assert isinstance(error, KeyError)


def test_what_is_no_person_is_refused(store: EventStore) -> None:
    with pytest.raises(InputError):
        raise ask(store, ["user:u0", "d1"], PERSONS)


def test_a_breaker_counts_what_the_loop_is_told(
    store: EventStore, own_redis: Server
) -> None:
    moments = iter(range(1_000))
    breaker = Breaker(store, 2, pause_s=3, clock=lambda: float(next(moments)))
    own_redis.kill()
    down = [ask(breaker, ["d0"], DEVICES) for _ in range(2)]
    assert all(isinstance(each, StoreError) for each in down) and breaker.open
    refused = ask(breaker, ["d0"], DEVICES)
    assert isinstance(refused, StoreError) and "in a row" in str(refused)
    assert breaker.refused == 1
    own_redis.start()
    while isinstance(ask(breaker, ["d0"], DEVICES), StoreError):
        assert breaker.open
    assert not breaker.open


@pytest.mark.parametrize("in_a_loop", [True, False])
def test_a_callers_mistake_says_nothing_of_the_store(
    store: EventStore, own_redis: Server, in_a_loop: bool
) -> None:
    moments = [0.0]
    breaker = Breaker(store, 2, pause_s=1, clock=lambda: moments[0])

    def tried(names: list[str]) -> Any:
        if in_a_loop:
            return ask(breaker, names, PERSONS)
        try:
            return breaker.pasts(names, PERSONS, NOW_US)
        except Exception as error:
            return error

    own_redis.kill()
    for _ in range(2):
        assert isinstance(tried(["user:u0"]), StoreError)
    own_redis.start()
    moments[0] = 1.0
    assert isinstance(tried(["nobody"]), InputError)
    assert breaker.open
    assert isinstance(tried(["user:u0"]), list)  # nobody else had tried yet
    assert not breaker.open
