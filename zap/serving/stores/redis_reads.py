"""Reads of Redis on a connection for each thread, without a client's layers around it.

A request reads one document, and redis-py's way to it (its pool, its retries, the words
that it tells to observers) takes five times as long as the question and the answer. So
its connection class only connects, which is what knows of TLS, names and databases, and
from then on this module writes to the socket and hands what comes to hiredis.

A connection on which anything went wrong is closed, never used again: the answer to one
question must not be taken for that to the next.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import hiredis
from redis import ConnectionPool
from redis.exceptions import ConnectionError as Unreachable
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as TooSlow

_AT_ONCE = 1 << 16


class Reads:
    """Reads strings by their keys. Threads may share it.

    Args:
        pool: says how to connect; none of its own connections are taken.
    """

    def __init__(self, pool: ConnectionPool):
        self._kind = pool.connection_class
        # Of the third protocol a server may speak without being asked.
        self._settings = {**pool.connection_kwargs, "protocol": 2}
        self._local = threading.local()
        self._lock = threading.Lock()
        self._open: set[_Connection] = set()

    def get(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """What lies under each key.

        Raises:
            RedisError: there is no answer, also not at the second try where a
                connection had died meanwhile, or the answer is an error.
        """
        asked = question(keys)
        there: _Connection | None = getattr(self._local, "connection", None)
        if there is not None:
            try:
                return self._asked(there, asked, len(keys))
            except Unreachable:
                pass  # all of them are dead after a restart of the server
        return self._asked(self._connected(), asked, len(keys))

    def _asked(
        self, connection: _Connection, question: bytes, keys: int
    ) -> list[bytes | None]:
        try:
            found = connection.ask(question)
        except BaseException:
            self._drop(connection)
            raise
        if isinstance(found, Exception):
            raise ResponseError(str(found))
        return [found] if keys == 1 else found

    def _connected(self) -> _Connection:
        made = _Connection(self._kind(**self._settings))
        self._local.connection = made
        with self._lock:
            self._open.add(made)
        return made

    def _drop(self, connection: _Connection) -> None:
        self._local.connection = None
        with self._lock:
            self._open.discard(connection)
        connection.close()

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            for connection in self._open:
                connection.close()
            self._open.clear()
            self._local = threading.local()


class _Connection:
    """A socket that asks one question after the other.

    Args:
        made: of redis-py; it is connected here.
    """

    def __init__(self, made: Any):
        made.connect()
        self._made, self._socket = made, made._sock
        self._reader = hiredis.Reader()

    def ask(self, question: bytes) -> Any:
        """The answer; an error of the server is an answer too."""
        reader = self._reader
        try:
            self._socket.sendall(question)
            while (found := reader.gets()) is False:
                part = self._socket.recv(_AT_ONCE)
                if not part:
                    raise Unreachable("the server closed the connection")
                reader.feed(part)
        except TimeoutError as error:
            raise TooSlow("no answer in time") from error
        except (OSError, hiredis.ProtocolError) as error:
            raise Unreachable(str(error)) from error
        return found

    def close(self) -> None:
        """Let go of the socket."""
        self._made.disconnect()


def question(keys: Sequence[bytes]) -> bytes:
    """GET of one key, MGET of more, as Redis reads commands."""
    words = [b"GET" if len(keys) == 1 else b"MGET", *keys]
    told = b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in words])
    return b"*%d\r\n%b" % (len(words), told)
