"""Events in Redis: a string for each document, which Redis itself lets expire.

A value is its version in eight bytes, and the document. Versions are held against each
other inside Redis, by a script, so that a change is one round trip.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Unreachable
from redis.exceptions import RedisError
from redis.retry import Retry

from zap.errors import StoreError
from zap.serving.stores.backend import ABSENT, Change, Held, HeldThen
from zap.serving.stores.redis_loop import LoopReads
from zap.serving.stores.redis_reads import Reads
from zap.serving.stores.urls import shown

_T = TypeVar("_T")
_MANY = 500  # keys of one script
_VERSION_BYTES = 8
_PREFIX = "zap:"
_SWAP = """
local done = {}
for i, key in ipairs(KEYS) do
  local there = redis.call('GETRANGE', key, 0, 7)
  if there == ARGV[3 * i - 2] then
    redis.call('SET', key, ARGV[3 * i - 1], 'PX', ARGV[3 * i])
    done[i] = 1
  else
    done[i] = 0
  end
end
return done
"""


class RedisBackend:
    """Documents in a database of a Redis server.

    Args:
        url: of the server, as redis-py takes it.
        timeout_ms: of connecting and of each answer.
    """

    quick = False

    def __init__(self, url: str, timeout_ms: int):
        self.name = shown(url)
        self._timeout_ms = timeout_ms
        # One more try where a connection turns out to be dead: after a restart of the
        # server all of the pool are. A change that was made twice is found unmade once.
        self._client = Redis.from_url(
            url,
            socket_timeout=timeout_ms / 1000,
            socket_connect_timeout=timeout_ms / 1000,
            retry=Retry(NoBackoff(), 1, supported_errors=(Unreachable,)),
        )
        self._swap = self._client.register_script(_SWAP)
        pool = self._client.connection_pool
        self._reads = Reads(pool)
        self._in_loop = LoopReads(pool, timeout_ms / 1000)
        self.asks_in_loop = LoopReads.speaks(pool)

    def get(self, keys: Sequence[str]) -> list[Held | None]:
        """What lies under each of the keys."""
        names = [(_PREFIX + key).encode() for key in keys]
        found: list[Held | None] = []
        for start in range(0, len(names), _MANY):
            some = names[start : start + _MANY]
            found += map(_held, self._run(partial(self._reads.get, some)))
        return found

    def ask(self, keys: Sequence[str], then: HeldThen) -> None:
        """The same, for an event loop."""

        def told(found: list[bytes | None] | RedisError) -> None:
            if isinstance(found, RedisError):
                then(self._no_answer(found))
            else:
                then(list(map(_held, found)))

        self._in_loop.get([(_PREFIX + key).encode() for key in keys], told)

    def swap(self, changes: Sequence[Change]) -> list[bool]:
        """Write those whose key is as expected."""
        done: list[bool] = []
        for start in range(0, len(changes), _MANY):
            some = changes[start : start + _MANY]
            keys = [_PREFIX + change.key for change in some]
            args: list[Any] = []
            for change in some:
                expected = b"" if change.expected == ABSENT else _eight(change.expected)
                value = _eight(change.version) + change.data
                args += [expected, value, max(1, change.ttl_us // 1000)]
            swapped: Any = self._run(partial(self._swap, keys, args))
            done += [one == 1 for one in swapped]
        return done

    def delete(self, keys: Sequence[str]) -> int:
        """Remove keys; how many there were."""
        names = [_PREFIX + key for key in keys]
        return int(self._run(lambda: self._client.delete(*names))) if names else 0

    def expire(self, before_us: int) -> int:
        """Nothing: Redis does so by itself."""
        return 0

    def count(self) -> int:
        """The number of documents."""
        return int(
            self._run(
                lambda: sum(1 for _ in self._client.scan_iter(_PREFIX + "*", 1000))
            )
        )

    def ping(self) -> None:
        """Ask for an answer."""
        self._run(self._client.ping)

    def close(self) -> None:
        """Close all connections."""
        self._reads.close()
        self._in_loop.close()
        self._client.close()

    def _run(self, work: Callable[[], _T]) -> _T:
        try:
            return work()
        except RedisError as error:
            raise self._no_answer(error) from error

    def _no_answer(self, error: RedisError) -> StoreError:
        return StoreError(
            f"Expected an answer of the event store in {self._timeout_ms} ms. "
            f"Received: {self.name} ({type(error).__name__}). "
            "Start the server, or see what holds it up."
        )


def _eight(version: int) -> bytes:
    return version.to_bytes(_VERSION_BYTES, "big")


def _held(value: Any) -> Held | None:
    if value is None:
        return None
    version = int.from_bytes(value[:_VERSION_BYTES], "big")
    return Held(version, value[_VERSION_BYTES:])
