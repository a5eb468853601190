"""Keys of the API: a file of hashes, made by ``zap keys``, read again when it changes.

A key is 256 random bits behind a prefix that says its kind, so one round of SHA-256 is
enough to hide it: there is nothing to guess. The file is JSON, so that it can be looked
at, copied to other servers and kept in a vault; it holds no key, and a key is printed
once, when it is made. Revoked keys stay in the file, as logs still name their ids.

Changing the form of a key or of the file would shut out every caller: a new form needs
a number of its own beside the old.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from zap.errors import KeysError

KeyKind = Literal["secret", "publishable"]
PREFIXES: dict[KeyKind, str] = {"secret": "zap_sk_", "publishable": "zap_pk_"}
KEY_BYTES = 32
ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:\d{1,5})?")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")  # no dot: tokens are cut there
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True)
class Key:
    """What is known of a key; not the key.

    Attributes:
        id: names it in commands, logs and metrics.
        kind: ``secret`` for servers, ``publishable`` for pages.
        digest: SHA-256 of the key, hexadecimal.
        created: when, in ISO 8601, UTC.
        origins: of the pages that may use it, exactly as browsers send them.
        applications: that it may ask for predictions; None is all.
        note: whose it is, for people.
        revoked: since when it is refused, or None.
    """

    id: str
    kind: KeyKind
    digest: str
    created: str
    origins: tuple[str, ...] = ()
    applications: tuple[str, ...] | None = None
    note: str = ""
    revoked: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in PREFIXES:
            raise wrong("'secret' or 'publishable'", "kind", self.kind)
        if not re.fullmatch(r"[0-9a-f]{64}", self.digest):
            raise wrong("64 hexadecimal digits", "digest", "(not shown)")
        if not _ID.fullmatch(self.id):
            raise wrong("letters, digits, '-' and '_'", "id", self.id)
        for origin in self.origins:
            if not ORIGIN.fullmatch(origin):
                raise wrong(
                    "an origin as browsers send it, such as https://shop.example",
                    "origin",
                    origin,
                )
        for name in self.applications or ():
            if not _NAME.fullmatch(name):
                raise wrong("the name of an application", "application", name)
        if self.kind == "publishable" and not self.origins:
            raise wrong(
                "the origins of the pages that may use a publishable key",
                "origins",
                "none",
            )
        if self.kind == "secret" and self.origins:
            raise wrong(
                "no origins for a secret key, which no page may hold",
                "origins",
                ", ".join(self.origins),
            )


def new_key(
    kind: KeyKind,
    origins: Iterable[str] = (),
    applications: Iterable[str] | None = None,
    note: str = "",
) -> tuple[str, Key]:
    """A fresh key, and what the file keeps of it.

    Raises:
        KeysError: the kind, an origin or a name is wrong.
    """
    if kind not in PREFIXES:
        raise wrong("'secret' or 'publishable'", "kind", str(kind))
    text = PREFIXES[kind] + secrets.token_urlsafe(KEY_BYTES)
    return text, Key(
        id=f"{kind[:1]}k-{secrets.token_hex(4)}",
        kind=kind,
        digest=digest_of(text.encode()),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        origins=tuple(dict.fromkeys(origins)),
        applications=None if applications is None else tuple(sorted(set(applications))),
        note=note,
    )


def digest_of(key: bytes) -> str:
    """What the file keeps of a key."""
    return hashlib.sha256(key).hexdigest()


def wrong(expected: str, name: str, value: str) -> KeysError:
    """The error of a key that is not as it must be."""
    return KeysError(
        f"Expected {expected}. Received: {name}={value}. Make and revoke keys with "
        "zap keys, which writes the file."
    )
