"""Where keys lie on disk, and how a running server follows the file.

The file is replaced in one step under a lock, so no reader sees half of it and two
commands at once lose nothing. A server looks at its time and size at most once a
second. What it does then is chosen for the worst case of each:

- the file is gone: there are no keys, and all is refused; someone took it away;
- the file is damaged: the former keys go on, an error is logged and counted. A slip of
  an editor must not stop a shop, and ``zap keys`` never writes such a file.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from zap.bundles.folders import replace_file
from zap.errors import KeysError
from zap.serving.api.keyring import Keyring
from zap.serving.api.keys import Key

MAX_BYTES = 4 << 20
OWNER_ONLY = 0o600
LOOK_EVERY_S = 1.0
LOG = logging.getLogger("zap.serving.api")


def read_keys(path: Path) -> Keyring:
    """The keys of a file.

    Raises:
        KeysError: it is not there, is damaged, or others than its owner may write it.
    """
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise KeysError(
            f"Expected a file of keys. Received: file={path} ({error.strerror}). Make "
            "one with: zap keys new --file FILE"
        ) from error
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise KeysError(
            "Expected a file of keys that its owner alone can write. Received: "
            f"file={path}, mode={stat.S_IMODE(status.st_mode):o}. Run: chmod 600 {path}"
        )
    if len(content) > MAX_BYTES:
        raise _damaged(path, f"more than {MAX_BYTES} bytes")
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "no JSON") from error
    try:
        return Keyring.from_json(found)
    except KeysError as error:
        raise _damaged(path, str(error)) from error


def add_key(path: Path, key: Key) -> None:
    """Put a key into a file, which is made if it is not there.

    Raises:
        KeysError: the file is damaged.
        OSError: the disk refuses.
    """
    with _changing(path) as former:
        _write(path, Keyring((*former.keys, key)))


def revoke_key(path: Path, key_id: str) -> Key:
    """Refuse a key from now on. Running servers know it within about a second.

    Returns:
        The key; if it was revoked before, with that time.

    Raises:
        KeysError: the file is damaged, or has no such key.
        OSError: the disk refuses.
    """
    with _changing(path) as former:
        known = {key.id: key for key in former.keys}
        if key_id not in known:
            raise KeysError(
                f"Expected the id of a key in {path}. Received: id={key_id}. The "
                "command zap keys list shows them."
            )
        key = known[key_id]
        if not key.revoked:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            known[key_id] = key = replace(key, revoked=now)
            _write(path, Keyring(tuple(known.values())))
        return key


class KeyFile:
    """The keys of a file, as they are now.

    Args:
        path: the file.
        monotonic: a clock in seconds, for tests.

    Raises:
        KeysError: the file is not there or is damaged. Later that is an answer, not an
            error: see the module.
    """

    def __init__(self, path: Path, monotonic: Callable[[], float] = time.monotonic):
        self.path = path
        self.damaged = 0
        self._monotonic = monotonic
        self._ring = read_keys(path)
        self._seen = _mark(path)
        self._next_look = monotonic() + LOOK_EVERY_S

    @property
    def ring(self) -> Keyring:
        """The keys that are in force."""
        now = self._monotonic()
        if now >= self._next_look:
            self._next_look = now + LOOK_EVERY_S
            self._look()
        return self._ring

    def _look(self) -> None:
        mark = _mark(self.path)
        if mark == self._seen:
            return
        self._seen = mark
        if mark is None:
            LOG.error("the file of keys is gone: every key is refused")
            self._ring = Keyring()
            return
        try:
            self._ring = read_keys(self.path)
        except KeysError as error:
            self.damaged += 1
            LOG.error("the former keys go on: %s", error)


@contextmanager
def _changing(path: Path) -> Iterator[Keyring]:
    """The keys of a file that nobody else changes meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(f".{path.name}.lock")
    handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, OWNER_ONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield read_keys(path) if path.exists() else Keyring()
    finally:
        os.close(handle)


def _write(path: Path, ring: Keyring) -> None:
    content = json.dumps(ring.to_json(), indent=1, ensure_ascii=False) + "\n"
    replace_file(path, content.encode(), OWNER_ONLY)


def _mark(path: Path) -> tuple[int, int, int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino, status.st_mode


def _damaged(path: Path, found: str) -> KeysError:
    return KeysError(
        f"Expected a file of keys as zap keys writes it. Received: file={path}, which "
        f"is damaged: {found}"
    )
