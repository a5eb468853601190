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


def test_it_can_be_cancelled_where_it_waits() -> None:
    async def work() -> None:
        ended = []

        async def waits() -> None:
            try:
                await Waiter[int]()
            finally:
                ended.append(True)

        loop, under_way = asyncio.get_running_loop(), set[Any]()
        loop.call_soon(Driven(waits(), loop, under_way).begin)
        await asyncio.sleep(0.01)
        (driven,) = under_way
        driven.cancel(msg="the end")
        assert ended == [True] and not under_way

    run(work)
