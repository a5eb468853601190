"""Reads of Redis in an event loop, held against redis-py's own on a real server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
import uvloop
from made_servers import Server
from redis import Redis
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.exceptions import ConnectionError as Unreachable
from redis.exceptions import TimeoutError as TooSlow

from zap.serving.stores.redis_loop import LoopReads

LARGE = b"l" * 300_001
Ask = Callable[..., "asyncio.Future[Any]"]


def asking(
    url: str, work: Callable[[Ask], Awaitable[Any]], timeout_s: float = 5
) -> Any:
    """What some work comes to, which asks a server."""
    client = Redis.from_url(url, socket_timeout=timeout_s)

    async def whole() -> Any:
        reads = LoopReads(client.connection_pool, timeout_s)

        def ask(
            keys: Sequence[bytes], told: Callable[[Any], None] = lambda found: None
        ) -> asyncio.Future[Any]:
            future = asyncio.get_running_loop().create_future()
            reads.get(keys, lambda found: (future.set_result(found), told(found)))
            assert not future.done()
            return future

        found = await work(ask)
        reads.close()
        await asyncio.sleep(0)
        return found

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(whole())


def filled(url: str) -> Redis:
    client = Redis.from_url(url, socket_timeout=5)
    client.flushdb()
    client.mset({b"k%d" % at: b"v%d" % at for at in range(100)} | {b"large": LARGE})
    client.lpush("list", "a")
    return client


def test_all_that_is_asked_at_once_is_answered_to_who_asked(own_redis: Server) -> None:
    client = filled(own_redis.url)
    sets = [[b"k%d" % at, b"no", b"k%d" % (at + 1)][: at % 3 + 1] for at in range(99)]
    sets += [[b"large"], [b"k1", b"large", b"large"]]

    async def work(ask: Ask) -> Any:
        cold = await asyncio.gather(*map(ask, sets))
        return cold, await asyncio.gather(*map(ask, reversed(sets)))

    cold, warm = asking(own_redis.url, work)
    wanted = [client.mget(keys) for keys in sets]
    assert cold == wanted and warm == wanted[::-1]


@pytest.mark.parametrize("length", [2, 300_000])
def test_the_loop_turns_between_two_answers(own_redis: Server, length: int) -> None:
    values = [(b"v%d" % at) * (length // 2) for at in range(9)]
    filled(own_redis.url).mset({f"k{at}": value for at, value in enumerate(values)})

    async def work(ask: Ask) -> Any:
        assert await ask([b"k99"]) == [b"v99"]
        loop, turn, told = asyncio.get_running_loop(), 0, []

        def next_turn() -> None:
            nonlocal turn
            turn += 1
            if len(told) < 9:
                loop.call_soon(next_turn)

        next_turn()

        def busy(_: Any) -> None:
            told.append(turn)
            time.sleep(0.005)  # meanwhile further ones come

        own_redis.freeze()
        asked = [ask([b"k%d" % at], busy) for at in range(9)]
        await asyncio.sleep(0.05)
        own_redis.thaw()
        return await asyncio.gather(*asked), told

    found, told = asking(own_redis.url, work)
    assert found == [[value] for value in values]
    assert told == sorted(set(told))


def test_a_loop_that_is_busy_does_not_make_the_server_late(own_redis: Server) -> None:
    filled(own_redis.url)

    async def work(ask: Ask) -> Any:
        asked = []

        def busy(_: Any) -> None:
            """Where the loop reads, and looks at timers before it reads again."""
            asked.append(ask([b"k2"]))
            time.sleep(0.4)
            asked.append(ask([b"k3"]))

        assert await ask([b"k1"]) == [b"v1"]
        await ask([b"k1"], busy)
        return await asyncio.gather(*asked)

    assert asking(own_redis.url, work, timeout_s=0.2) == [[b"v2"], [b"v3"]]


@pytest.mark.parametrize("way", ["answered", "late", "lost"])
def test_who_cannot_hear_it_keeps_it_from_nobody_else(
    own_redis: Server, way: str
) -> None:
    filled(own_redis.url)

    def raising(_: Any) -> None:
        raise KeyError("the first")

    async def work(ask: Ask) -> Any:
        if way == "lost":
            own_redis.kill()
        else:
            await ask([b"k1"])
        if way == "late":
            own_redis.freeze()
        told = ask([b"k1"], raising), ask([b"k2"])
        found = await asyncio.wait_for(asyncio.gather(*told), 2)
        own_redis.thaw()
        return found

    found = asking(own_redis.url, work, timeout_s=0.3)
    if way == "answered":
        assert found == [[b"v1"], [b"v2"]]
    else:
        kind = {"late": TooSlow, "lost": Unreachable}[way]
        assert all(isinstance(each, kind) for each in found)


def test_an_error_is_that_of_its_own_question(own_redis: Server) -> None:
    filled(own_redis.url)

    async def work(ask: Ask) -> Any:
        return await asyncio.gather(*map(ask, ([b"k1"], [b"list"], [b"k2"])))

    first, wrong, last = asking(own_redis.url, work)
    assert (first, last) == ([b"v1"], [b"v2"])
    assert isinstance(wrong, ResponseError) and "WRONGTYPE" in str(wrong)


def test_a_server_that_hangs_holds_up_nobody_else(own_redis: Server) -> None:
    filled(own_redis.url)

    async def work(ask: Ask) -> Any:
        assert await ask([b"k1"]) == [b"v1"]
        own_redis.freeze()
        hung = [ask([b"k2"]), ask([b"k3"])]
        turns = 0
        while not all(each.done() for each in hung):
            await asyncio.sleep(0)
            turns += 1
        own_redis.thaw()
        late = [await each for each in hung]
        # What was asked then is answered by now, and is nobody's answer any more.
        return turns, late, await ask([b"k4"])

    turns, late, after = asking(own_redis.url, work, timeout_s=0.2)
    assert turns > 10 and after == [b"v4"]
    assert all(isinstance(each, TooSlow) for each in late)


def test_what_still_waits_for_a_connection_has_lost_none(own_redis: Server) -> None:
    filled(own_redis.url)

    async def work(ask: Ask) -> Any:
        assert await ask([b"k1"]) == [b"v1"]
        own_redis.freeze()
        late = [ask([b"k2"])]
        await asyncio.sleep(0.3)
        late.append(ask([b"k3"]))
        await asyncio.sleep(0.5)
        in_time = ask([b"k4"])  # all three are on the connection that hangs
        late = [await each for each in late]
        # The first ended the connection; the second, while there was no other yet.
        own_redis.thaw()
        return late, await in_time

    late, in_time = asking(own_redis.url, work, timeout_s=1)
    assert all(isinstance(each, TooSlow) for each in late)
    assert in_time == [b"v4"]


def test_a_restart_is_not_noticed(own_redis: Server) -> None:
    client = filled(own_redis.url)

    async def work(ask: Ask) -> Any:
        before = await ask([b"k1"])
        for _ in range(2):
            await asyncio.to_thread(restart)
            again = await asyncio.gather(*map(ask, ([b"k1"], [b"k2", b"k3"])))
        return before, again

    def restart() -> None:
        own_redis.kill()
        own_redis.start()

    before, again = asking(own_redis.url, work)
    assert before == [b"v1"]
    assert again == [client.mget(["k1"]), client.mget(["k2", "k3"])]


def test_a_server_that_is_not_there_is_said_to_be_so(own_redis: Server) -> None:
    own_redis.kill()

    async def work(ask: Ask) -> Any:
        down = await asyncio.gather(ask([b"k1"]), ask([b"k2"]))
        await asyncio.to_thread(own_redis.start)
        return down, await ask([b"k1"])

    down, after = asking(own_redis.url, work)
    assert all(isinstance(each, Unreachable) for each in down) and after == [None]


def test_a_name_and_a_database_are_those_of_the_address(own_redis: Server) -> None:
    client = filled(f"{own_redis.url}3")
    client.acl_setuser(
        "zap", enabled=True, passwords=["+word"], keys=["*"], commands=["+@all"]
    )

    async def work(ask: Ask) -> Any:
        return await ask([b"k1"])

    address = f"redis://zap:{{}}@127.0.0.1:{own_redis.port}/3"
    assert asking(address.format("word"), work) == [b"v1"]
    refused = asking(address.format("other"), work)
    assert isinstance(refused, RedisError)
    assert isinstance(refused, AuthenticationError | Unreachable | ResponseError)


@pytest.mark.parametrize(
    ("url", "speaks"), [("redis://h:1/0", True), ("rediss://h:1/0", False)]
)
def test_sockets_with_tls_are_left_to_threads(url: str, speaks: bool) -> None:
    assert LoopReads.speaks(Redis.from_url(url).connection_pool) is speaks
