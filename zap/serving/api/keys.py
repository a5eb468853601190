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
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from zap.errors import KeysError

KeyKind = Literal["secret", "publishable"]
PREFIXES: dict[KeyKind, str] = {"secret": "zap_sk_", "publishable": "zap_pk_"}
FORMAT = 1
KEY_BYTES = 32
LONGEST_KEY = 128
_ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:\d{1,5})?")
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
            raise _wrong("'secret' or 'publishable'", "kind", self.kind)
        if not re.fullmatch(r"[0-9a-f]{64}", self.digest):
            raise _wrong("64 hexadecimal digits", "digest", "(not shown)")
        if not _ID.fullmatch(self.id):
            raise _wrong("letters, digits, '-' and '_'", "id", self.id)
        for origin in self.origins:
            if not _ORIGIN.fullmatch(origin):
                raise _wrong(
                    "an origin as browsers send it, such as https://shop.example",
                    "origin",
                    origin,
                )
        for name in self.applications or ():
            if not _NAME.fullmatch(name):
                raise _wrong("the name of an application", "application", name)
        if self.kind == "publishable" and not self.origins:
            raise _wrong(
                "the origins of the pages that may use a publishable key",
                "origins",
                "none",
            )
        if self.kind == "secret" and self.origins:
            raise _wrong(
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
        raise _wrong("'secret' or 'publishable'", "kind", str(kind))
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


@dataclass(frozen=True)
class Keyring:
    """All keys of a file, at one moment."""

    keys: tuple[Key, ...] = ()

    def __post_init__(self) -> None:
        ids = [key.id for key in self.keys]
        twice = sorted({one for one in ids if ids.count(one) > 1})
        if twice:
            raise _wrong("ids that differ", "id", f"{twice[0]} twice")

    def find(self, key: bytes) -> Key | None:
        """The key that was given, unless it is unknown or revoked.

        All keys are compared, each in constant time, whatever is found: how long it
        takes says nothing of the keys.
        """
        if len(key) > LONGEST_KEY:
            return None
        digest = digest_of(key)
        found = None
        for one in self.keys:
            if hmac.compare_digest(one.digest, digest):
                found = one
        return None if found is None or found.revoked else found

    def lists_origin(self, origin: str) -> bool:
        """Whether any key that is in force is for pages of an origin."""
        return any(origin in key.origins and not key.revoked for key in self.keys)

    def to_json(self) -> dict[str, Any]:
        """As the file has it."""
        return {"format": FORMAT, "keys": [_json_of(key) for key in self.keys]}

    @classmethod
    def from_json(cls, found: object) -> Keyring:
        """The keys of a file's content.

        Raises:
            KeysError: it is not what ``to_json`` makes.
        """
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise _wrong(f"format {FORMAT}", "content", type(found).__name__)
        keys = found.get("keys")
        if not isinstance(keys, list):
            raise _wrong("a list", "keys", type(keys).__name__)
        return cls(tuple(_key_of(one) for one in keys))


def _json_of(key: Key) -> dict[str, Any]:
    named = dict(vars(key))
    named["origins"] = list(key.origins)
    named["applications"] = key.applications and list(key.applications)
    return named


_FIELDS = frozenset(Key.__dataclass_fields__)
_LISTS = ("origins", "applications")


def _key_of(found: object) -> Key:
    if not isinstance(found, Mapping) or not {"id", "kind", "digest"} <= set(found):
        raise _wrong("a key with id, kind and digest", "key", type(found).__name__)
    unknown = set(found) - _FIELDS
    if unknown:
        raise _wrong(f"only {sorted(_FIELDS)}", "field", sorted(unknown)[0])
    named = dict(found)
    for name in _LISTS:
        value = named.get(name)
        if value is not None:
            named[name] = tuple(value) if isinstance(value, list) else (value,)
        elif name == "origins":
            named[name] = ()
    texts = [v for k, v in named.items() if k not in _LISTS and k != "revoked"]
    texts += [*named["origins"], *(named.get("applications") or ())]
    if not all(isinstance(one, str) for one in texts):
        raise _wrong("texts and lists of texts", "key", "another type")
    return Key(**{"created": "", **named})


def _wrong(expected: str, name: str, value: str) -> KeysError:
    return KeysError(
        f"Expected {expected}. Received: {name}={value}. Make and revoke keys with "
        "zap keys, which writes the file."
    )
