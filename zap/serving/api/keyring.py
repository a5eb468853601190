"""All keys of a file: finding one, and their form as JSON."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zap.serving.api.keys import Key, digest_of, wrong

FORMAT = 1
LONGEST_KEY = 128


@dataclass(frozen=True)
class Keyring:
    """All keys of a file, at one moment."""

    keys: tuple[Key, ...] = ()

    def __post_init__(self) -> None:
        ids = [key.id for key in self.keys]
        twice = sorted({one for one in ids if ids.count(one) > 1})
        if twice:
            raise wrong("ids that differ", "id", f"{twice[0]} twice")

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
            raise wrong(f"format {FORMAT}", "content", type(found).__name__)
        keys = found.get("keys")
        if not isinstance(keys, list):
            raise wrong("a list", "keys", type(keys).__name__)
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
        raise wrong("a key with id, kind and digest", "key", type(found).__name__)
    unknown = set(found) - _FIELDS
    if unknown:
        raise wrong(f"only {sorted(_FIELDS)}", "field", sorted(unknown)[0])
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
        raise wrong("texts and lists of texts", "key", "another type")
    return Key(**{"created": "", **named})
