"""Coroutines without a task: the same to their callers as those with one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from zap.serving.api.driving import Driven, Waiter


def run(work: Any) -> Any:
    return asyncio.run(work())


@pytest.mark.parametrize("in_a_task", [False, True])
def test_what_is_told_or_failed_is_what_is_awaited(in_a_task: bool) -> None:
    async def work() -> tuple[list[Any], set[Any]]:
        loop, found, under_way = asyncio.get_running_loop(), [], set()
        waiters: list[Waiter[str]] = [Waiter(), Waiter(), Waiter()]

        async def waits(waiter: Waiter[str]) -> None:
            try:
                found.append(await waiter)
            except KeyError as error:
                found.append(error.args[0])

        waiters[0].tell("before")
        for waiter in waiters:
            if in_a_task:
                loop.create_task(waits(waiter))
            else:
                loop.call_soon(Driven(waits(waiter), loop, under_way).begin)
        await asyncio.sleep(0.01)
        assert found == ["before"]
        waiters[1].fail(KeyError("failed"))
        waiters[2].tell("after")
        waiters[2].tell("too late")
        waiters[2].fail(ValueError("too late"))
        await asyncio.sleep(0.01)
        return found, under_way

    assert run(work) == (["before", "failed", "after"], set())


def test_it_goes_on_in_the_call_that_tells_it() -> None:
    async def work() -> None:
        waiter: Waiter[int] = Waiter()
        found = []

        async def waits() -> None:
            found.append(await waiter)

        loop, under_way = asyncio.get_running_loop(), set[Any]()
        loop.call_soon(Driven(waits(), loop, under_way).begin)
        loop.call_soon(lambda: (waiter.tell(3), found.append("told")))
        await asyncio.sleep(0.01)
        assert found == [3, "told"] and not under_way

    run(work)


def test_what_waits_for_the_loop_goes_on_in_a_task() -> None:
    async def work() -> list[Any]:
        found: list[Any] = []
        event, waiter = asyncio.Event(), Waiter[int]()

        async def waits() -> None:
            found.append(asyncio.current_task())
            await asyncio.sleep(0)  # gives the loop a turn, without a future
            await event.wait()
            found.append(asyncio.current_task())
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await asyncio.Event().wait()
            found.append(await waiter)

        loop, under_way = asyncio.get_running_loop(), set[Any]()
        loop.call_soon(Driven(waits(), loop, under_way).begin)
        await asyncio.sleep(0.01)
        assert found == [None]
        (task,) = under_way
        event.set()
        await asyncio.sleep(0.05)
        waiter.tell(7)
        await task
        assert found == [None, task, 7]
        await asyncio.sleep(0)
        assert not under_way
        return found

    run(work)


def test_all_can_be_cancelled_where_they_wait() -> None:
    """As uvicorn does: it goes through what is under way, and cancels each."""

    async def work() -> None:
        ended, found = [], []
        waiters: list[Waiter[int]] = [Waiter() for _ in range(3)]

        async def waits(waiter: Waiter[int]) -> None:
            try:
                found.append(await waiter)
            finally:
                ended.append(True)

        loop, under_way = asyncio.get_running_loop(), set[Any]()
        for waiter in waiters:
            loop.call_soon(Driven(waits(waiter), loop, under_way).begin)
        await asyncio.sleep(0.01)
        for driven in under_way:
            driven.cancel(msg="the end")
        await asyncio.sleep(0.01)
        assert ended == [True] * 3 and not under_way
        for waiter in waiters:
            waiter.tell(1)  # whoever tells is not told of it
        assert found == []

    run(work)


def test_what_was_told_before_it_was_cancelled_is_kept() -> None:
    async def work() -> None:
        found, waiter = [], Waiter[int]()

        async def waits() -> None:
            found.append(await waiter)

        loop, under_way = asyncio.get_running_loop(), set[Any]()
        loop.call_soon(Driven(waits(), loop, under_way).begin)
        await asyncio.sleep(0.01)
        (driven,) = under_way
        driven.cancel()
        waiter.tell(1)
        await asyncio.sleep(0.01)
        assert found == [1] and not under_way

    run(work)


def test_one_that_is_cancelled_may_wait_for_its_end() -> None:
    async def work() -> None:
        found: list[Any] = []
        first, second, event = Waiter[int](), Waiter[int](), asyncio.Event()

        async def waits() -> None:
            try:
                await first
            finally:
                found.append(await second)
                await event.wait()
                found.append("ended")

        loop, under_way = asyncio.get_running_loop(), set[Any]()
        loop.call_soon(Driven(waits(), loop, under_way).begin)
        await asyncio.sleep(0.01)
        (driven,) = under_way
        driven.cancel()
        await asyncio.sleep(0.01)
        first.tell(1)  # too late: it waits for the second
        assert found == [] and under_way == {driven}
        second.tell(2)
        (task,) = under_way
        event.set()
        await asyncio.wait([task])
        assert found == [2, "ended"]
        await asyncio.sleep(0)
        assert not under_way

    run(work)
