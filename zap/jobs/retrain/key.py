"""The secret by which a registry's archived examples name their subjects."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from zap.errors import RegistryError

FILE, VARIABLE, BYTES = "id.key", "ZAP_ID_KEY", 32


def registry_key(root: Path) -> bytes:
    """The key of a registry; made at its first use, readable by its owner alone.

    The variable ZAP_ID_KEY, hexadecimal, is taken in its place.

    Raises:
        RegistryError: what is there is no key.
    """
    given = os.environ.get(VARIABLE)
    if given:
        return _parsed(given, VARIABLE)
    path = root / FILE
    if not path.exists():
        root.mkdir(parents=True, exist_ok=True)
        aside = root / f".{FILE}.{os.getpid()}"
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(BYTES) + "\n")
        try:
            os.link(aside, path)  # of two that make one at once, the first has made it
        except FileExistsError:
            pass
        finally:
            aside.unlink()
    return _parsed(path.read_text("utf-8"), str(path))


def _parsed(text: str, where: str) -> bytes:
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if not 16 <= len(key) <= 64:
        raise RegistryError(
            "Expected a key of 16 to 64 bytes in hexadecimal. Received: "
            f"{len(text.strip())} characters in {where}. Put back the one that was "
            "there: with another, subjects can't be found again."
        )
    return key
