"""The spool for an event loop: an append is awaited, and costs the loop little.

The loop is woken once for a group, however many of its requests are in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

from zap.collect.spool.receivers import Ended
from zap.collect.spool.spool import Spool
from zap.errors import CollectError


class AsyncSpool:
    """Appends to a spool from one event loop.

    Example:
        async def handle(body: bytes) -> None:
            first = await appends.append([body])

    Args:
        spool: is not closed with it.
        loop: the one in whose thread `append` is called.
    """

    def __init__(self, spool: Spool, loop: asyncio.AbstractEventLoop):
        self._spool = spool
        self._loop = loop

    def append(self, records: Sequence[bytes]) -> Awaitable[int]:
        """Have records brought to the disk.

        One who is cancelled while waiting does not take them back.

        Args:
            records: at least one, none of them empty.

        Returns:
            An awaitable of the number of the first record. Awaiting it raises
            SpoolFull where the disk is full, CollectError where it fails.

        Raises:
            SpoolFull: there is no room.
            CollectError: the spool is closed, or a record is empty.
        """
        future: asyncio.Future[int] = self._loop.create_future()
        self._spool.submit_to(self, future, records)
        return future

    def settle(self, ended: Sequence[Ended], error: CollectError | None) -> None:
        """Hear of a group, in the spool's thread."""
        try:
            self._loop.call_soon_threadsafe(_resolve, ended, error)
        except RuntimeError:
            return  # the loop has ended, and nobody waits any more


def _resolve(ended: Sequence[Ended], error: CollectError | None) -> None:
    for future, first in ended:
        if future.done():
            continue
        if error is None:
            future.set_result(first)
        else:
            future.set_exception(type(error)(*error.args))  # each has its traceback
