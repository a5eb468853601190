"""Events in one SQLite file: the default, without a server.

WAL, so that readers never wait for a writer; a connection for each thread. A write is
safe from the end of a process at once, and from the loss of power from the next
checkpoint on: what it costs is the last moments, which the archive has.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from zap.errors import StoreError
from zap.serving.stores.backend import ABSENT, Change, Held, HeldThen

_T = TypeVar("_T")
_MANY = 500  # keys of one statement
_CACHE_KB = 16_384
"""Pages that a connection remembers: some thousand documents. One that it does not is
asked of the system, which takes longer than all the rest of a read. Mapping the file
would spare that too, but then a disk that fails ends the process."""

_TABLE = """
CREATE TABLE IF NOT EXISTS documents (
    key TEXT PRIMARY KEY, version INTEGER NOT NULL, expires_us INTEGER NOT NULL,
    data BLOB NOT NULL
) WITHOUT ROWID
"""
_INDEX = "CREATE INDEX IF NOT EXISTS documents_expire ON documents (expires_us)"
_ONE = "SELECT version, data FROM documents WHERE key = ?"
_PUT = (
    "INSERT INTO documents (version, expires_us, data, key) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (key) DO NOTHING"
)
_SWAP = (
    "UPDATE documents SET version = ?, expires_us = ?, data = ? "
    "WHERE key = ? AND version = ?"
)


class SqliteBackend:
    """Documents in one file.

    Args:
        path: the file; made when first used, its folder must be there.
        timeout_ms: how long to wait for another writer.
    """

    quick, asks_in_loop = True, False

    def __init__(self, path: Path, timeout_ms: int):
        self.name = f"sqlite:{path}"
        self._path, self._timeout_ms = path, timeout_ms
        self._local = threading.local()
        self._open: set[sqlite3.Connection] = set()
        self._lock = threading.Lock()

    def get(self, keys: Sequence[str]) -> list[Held | None]:
        """What lies under each of the keys."""
        return self._run(lambda connection: _get(connection, keys))

    def ask(self, keys: Sequence[str], then: HeldThen) -> None:
        """Nobody asks so: a read is at once."""
        raise NotImplementedError

    def swap(self, changes: Sequence[Change]) -> list[bool]:
        """Write those whose key is as expected, all in one transaction."""
        return self._run(lambda connection: _swap(connection, changes))

    def delete(self, keys: Sequence[str]) -> int:
        """Remove keys; how many there were."""

        def work(connection: sqlite3.Connection) -> int:
            with _transaction(connection):
                return sum(
                    connection.execute(
                        "DELETE FROM documents WHERE key = ?", (key,)
                    ).rowcount
                    for key in keys
                )

        return self._run(work)

    def expire(self, before_us: int) -> int:
        """Remove what is worthless by then."""

        def work(connection: sqlite3.Connection) -> int:
            with _transaction(connection):
                return connection.execute(
                    "DELETE FROM documents WHERE expires_us <= ?", (before_us,)
                ).rowcount

        return self._run(work)

    def count(self) -> int:
        """The number of documents."""
        asked = "SELECT count(*) FROM documents"
        return int(self._run(lambda c: c.execute(asked).fetchone()[0]))

    def ping(self) -> None:
        """Read from the file."""
        self._run(lambda c: c.execute("SELECT 1 FROM documents LIMIT 1").fetchone())

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            for connection in self._open:
                connection.close()
            self._open.clear()
            self._local = threading.local()

    def _run(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        try:
            return work(self._connection())
        except sqlite3.Error as error:
            self._drop()
            raise StoreError(
                "Expected an event store in a file that can be read and written. "
                f"Received: {self.name} ({_said(self._path, error)}). "
                f"{_fix(error)}"
            ) from error

    def _connection(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = self._connect()
            self._local.connection = found
            with self._lock:
                self._open.add(found)
        return found

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path,
            timeout=self._timeout_ms / 1000,
            isolation_level=None,
            check_same_thread=False,  # close() closes those of all threads
            cached_statements=16,
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
            connection.execute(_TABLE)
            connection.execute(_INDEX)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _drop(self) -> None:
        """A connection that failed is opened anew: the file may be another by then."""
        found = getattr(self._local, "connection", None)
        if found is not None:
            self._local.connection = None
            with self._lock:
                self._open.discard(found)
            found.close()


_FIXES = {
    sqlite3.SQLITE_CANTOPEN: "Make its folder, or let the user of this process write "
    "to it.",
    sqlite3.SQLITE_READONLY: "Let the user of this process write to the file and to "
    "its folder.",
    sqlite3.SQLITE_NOTADB: "Name another file; this one is left as it is.",
    sqlite3.SQLITE_CORRUPT: "Take the file away, and rebuild the store from the "
    "archive.",
    sqlite3.SQLITE_BUSY: "End the process that holds it, or give it more time.",
    sqlite3.SQLITE_FULL: "Free its disk.",
}


def _code(error: sqlite3.Error) -> int:
    """SQLite's code, without what tells more of the same."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _fix(error: sqlite3.Error) -> str:
    general = "Make its folder, free its disk, or end the process that holds it."
    return _FIXES.get(_code(error), general)


def _said(path: Path, error: sqlite3.Error) -> str:
    """SQLite's words, and of a file that can't be opened why, which it does not say.

    The file is not opened to learn it: to close it again would let go of the locks that
    other connections of this process have on it.
    """
    if _code(error) != sqlite3.SQLITE_CANTOPEN:
        return str(error)
    folder = path.absolute().parent
    if os.path.isdir(path):
        return f"{error}: {os.strerror(errno.EISDIR)}: {path}"
    if os.path.exists(path):
        if not os.access(path, os.R_OK | os.W_OK):
            return f"{error}: {os.strerror(errno.EACCES)}: {path}"
    else:
        try:
            os.listdir(folder)
        except OSError as refused:
            return f"{error}: {refused.strerror}: {refused.filename}"
    if not os.access(folder, os.W_OK):
        return f"{error}: {folder} can't be written to"
    return str(error)


class _transaction:
    """A transaction that writes from its beginning on."""

    def __init__(self, connection: sqlite3.Connection):
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._connection.execute("COMMIT" if kind is None else "ROLLBACK")


def _get(connection: sqlite3.Connection, keys: Sequence[str]) -> list[Held | None]:
    if len(keys) == 1:
        row = connection.execute(_ONE, (keys[0],)).fetchone()
        return [None if row is None else Held(*row)]
    found: dict[str, Held] = {}
    for start in range(0, len(keys), _MANY):
        some = keys[start : start + _MANY]
        marks = ",".join("?" * len(some))
        asked = f"SELECT key, version, data FROM documents WHERE key IN ({marks})"
        for key, version, data in connection.execute(asked, some):
            found[key] = Held(version, data)
    return [found.get(key) for key in keys]


def _swap(connection: sqlite3.Connection, changes: Sequence[Change]) -> list[bool]:
    done = []
    with _transaction(connection):
        for change in changes:
            written = (change.version, change.expires_us, change.data, change.key)
            if change.expected == ABSENT:
                cursor = connection.execute(_PUT, written)
            else:
                cursor = connection.execute(_SWAP, (*written, change.expected))
            done.append(cursor.rowcount == 1)
    return done
