"""The keyed hash that stands for a value: HMAC-SHA256, in hexadecimal.

It has no other input than key and value: the same person has the same hash in each
field, event and source of one key, so that links between ids still work, and whoever
has the key can compute it elsewhere (in a warehouse, to join). It begins with ``h_``,
by which a value that is hashed already is known and left alone; so events can go
through the rules again when they are replayed.

Changing any of this parts the persons of before from those of after.
"""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from zap.collect.checks.paths import in_list
from zap.collect.checks.settings import PrivacySettings
from zap.errors import CollectError

LEAST_BYTES = 16
HASHED = re.compile(r"h_[0-9a-f]{64}")


def keyed(key: bytes, value: str) -> str:
    """What stands for a value.

    >>> keyed(b"a key of 16 bytes", "ann@example.com")
    'h_49f52e4ea4292c8d897be8df204cc28d2e6f595cbaaf86316090b992fe48a631'

    Args:
        key: secret, at least 16 bytes.
        value: of which the UTF-8 bytes are hashed; one that is such a hash is left.
    """
    if HASHED.fullmatch(value):
        return value
    encoded = value.encode("utf-8", "surrogatepass")
    return f"h_{hmac.digest(key, encoded, 'sha256').hex()}"


def hasher(key: bytes) -> Callable[[Any], Any]:
    """A change that hashes every text and number in a value, by their JSON text."""

    def hashed(value: Any) -> Any:
        if isinstance(value, str):
            return keyed(key, value)
        if value is None:
            return value
        if isinstance(value, dict):
            return {name: hashed(each) for name, each in value.items()}
        if isinstance(value, list):
            return in_list(value, hashed)
        return keyed(key, orjson.dumps(value).decode())

    return hashed


def key_of(settings: PrivacySettings, folder: Path) -> bytes:
    """The key of a source, from where its settings say.

    Args:
        settings: with `hash_key_env` or `hash_key_file`.
        folder: that a relative file is of.

    Raises:
        CollectError: no key is named, or it is missing or short. The key itself is in
            no message.
    """
    if bool(settings.hash_key_env) == bool(settings.hash_key_file):
        raise CollectError(
            "Expected one place of the key, as paths are to be hashed. Received: "
            f"hash_key_env={settings.hash_key_env!r}, "
            f"hash_key_file={settings.hash_key_file!r}. Set one of them."
        )
    if settings.hash_key_env:
        shown = f"hash_key_env={settings.hash_key_env}"
        key = os.environb.get(os.fsencode(settings.hash_key_env), b"")
    else:
        shown = f"hash_key_file={settings.hash_key_file}"
        key = _read(folder / settings.hash_key_file, shown)
    if len(key.strip()) < LEAST_BYTES:
        raise CollectError(
            f"Expected a key of at least {LEAST_BYTES} bytes. Received: {shown} with "
            f"{len(key.strip())} bytes. Make one with: openssl rand -hex 32"
        )
    return key.strip()


def _read(path: Path, shown: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CollectError(
            f"Expected a file with the key. Received: {shown} ({error.strerror}). "
            "Make one with: openssl rand -hex 32"
        ) from error
