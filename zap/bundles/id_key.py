"""The secret by which verification sets name subjects.

Whoever holds it can find a subject's examples again, and so forget them; nobody else
can tell whose they are. It lies in the registry's folder, on a disk readable by its
owner alone; or it comes from the environment, as it should where a registry is shared.
"""

from __future__ import annotations

import os
import secrets

from zap.bundles.files import Where, files_at, local_path, refused
from zap.bundles.folders import create_file
from zap.errors import RegistryError

VARIABLE, NAME = "ZAP_ID_KEY", "id.key"
BYTES = 32


def given_id_key() -> bytes | None:
    """The key that the environment gives, or None.

    Raises:
        RegistryError: what it gives is no key.
    """
    given = os.environ.get(VARIABLE)
    return _parsed(given, VARIABLE) if given else None


def find_id_key(root: Where) -> bytes | None:
    """The key of a registry, or None if it has none yet.

    Raises:
        RegistryError: what is there is no key.
        BundleError: the store can't be read.
    """
    given = given_id_key()
    if given is not None:
        return given
    files = files_at(root)
    content = files.find(NAME)
    if content is None:
        return None
    return _parsed(content.decode("ascii", "replace"), files.shown(NAME))


def id_key(root: Where) -> bytes:
    """The key of a registry, made at the first call.

    Raises:
        RegistryError: what is there is no key.
        BundleError: the store refuses.
    """
    key = find_id_key(root)
    if key is not None:
        return key
    content = f"{secrets.token_hex(BYTES)}\n".encode()
    path = local_path(root)
    if path is not None:
        try:
            create_file(path / NAME, content, 0o600)
        except OSError as error:
            raise refused("write", str(path / NAME), error) from error
    else:
        files_at(root).create(NAME, content)
    made = find_id_key(root)  # another's, if it was first
    assert made is not None
    return made


def _parsed(text: str, where: str) -> bytes:
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if not 16 <= len(key) <= 64:
        # Never the text itself: it may be a key with a slip in it.
        raise RegistryError(
            "Expected a key of 32 to 128 hexadecimal digits. Received: "
            f"{len(text.strip())} characters that are none, in {where}. Put back the "
            "one that was there: with another, older sets can't be looked through."
        )
    return key
