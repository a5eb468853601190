"""Privacy of what a protocol refused: payloads in a client's own form.

There no path of an event holds, since what was sent could not be mapped. So a rule's
last key is meant wherever it is, however it is spelt, and under the short names that
protocols have for it; JSON inside texts, also as base64, is opened. What can't be
looked into is withheld: better a bad row without its payload than one that tells.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import orjson

from zap.collect.checks.names import IDS, in_requests, plain
from zap.collect.checks.paths import GONE, Change, Path, in_list
from zap.collect.checks.privacy import Privacy
from zap.collect.event import BadRow
from zap.collect.protocols.bounded_json import BODY_DEPTH, check_depth, read_json

CARRIERS = frozenset(["uepx", "cx", "uepr", "co"])
"""Parameters that hold JSON: withheld where they hold something else."""

SCHEMA = re.compile(r"iglu:([^/]+/[^/]+)/.*", re.DOTALL)
CODED = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")
MOST_INSIDE = 2
WITHHELD = "withheld by the privacy settings of the source"
"""What stands for a payload, or a text in it, that could not be looked into."""


class OwnForm:
    """The rules of a source, for payloads of any form.

    Args:
        privacy: of the source.
    """

    def __init__(self, privacy: Privacy):
        self._texts = privacy.texts
        self._hash = privacy.hash
        self._names: dict[str, Change] = {}
        if privacy.hash is not None:
            self._names |= _by_name(privacy.hashed, privacy.hash)
        self._names |= _by_name(privacy.dropped, lambda value: GONE)
        ids = [path for path in privacy.hashed if path.parts[-1] in IDS]
        self._ids = {name for path in ids for name in in_requests(path.parts[-1])}

    def row(self, row: BadRow) -> BadRow:
        """The row as it may be written: its detail without what was received."""
        detail = row.detail.partition("Received:")[0].strip()
        return BadRow(row.reason, detail, self.payload(row.payload))

    def payload(self, payload: Any) -> Any:
        """A payload as it may be written."""
        try:
            check_depth(payload, BODY_DEPTH)
            walk = _Walk(self, set(self._known(payload, 0)))
            if isinstance(payload, str):
                return walk.opened(payload, 0, WITHHELD)
            return walk.of("", payload, 0)
        except ValueError:
            return WITHHELD

    def _known(self, value: Any, inside: int) -> Iterator[str]:
        """The texts below keys of ids, which are hashed wherever they are."""
        if isinstance(value, list):
            for each in value:
                yield from self._known(each, inside)
        elif isinstance(value, dict):
            for name, each in value.items():
                if isinstance(each, str) and plain(name) in self._ids:
                    yield each
                yield from self._known(each, inside)
        elif isinstance(value, str) and self._ids and inside < MOST_INSIDE:
            with suppress(ValueError):
                if (found := json_in(value)) is not None:
                    yield from self._known(read_json(found), inside + 1)


class _Walk:
    """One way through a payload."""

    def __init__(self, rules: OwnForm, ids: set[str]):
        self._names, self._texts = rules._names, rules._texts
        self._hash, self._ids = rules._hash, ids

    def of(self, name: str, value: Any, inside: int) -> Any:
        """What may be written of a value below a key."""
        if isinstance(value, list):
            return in_list(value, lambda each: self.of(name, each, inside))
        if isinstance(value, dict):
            return self._of_object(value, inside)
        if not isinstance(value, str):
            return value
        if value in self._ids and self._hash is not None:
            return self._hash(value)
        fallback = WITHHELD if plain(name) in CARRIERS else None
        opened = self.opened(value, inside, fallback)
        return self._texts(name, opened) if opened is value else opened

    def _of_object(self, values: dict[str, Any], inside: int) -> dict[str, Any]:
        schema = values.get("schema")
        described = SCHEMA.fullmatch(schema) if isinstance(schema, str) else None
        new = {}
        for name, value in values.items():
            change = self._names.get(plain(name))
            if change is None and described and name == "data":
                change = self._names.get(plain(described[1]))
            value = change(value) if change else self.of(name, value, inside)
            if value is not GONE:
                new[name] = value
        return new

    def opened(self, text: str, inside: int, fallback: str | None) -> str:
        """A text whose JSON is gone through, or the fallback if it holds none.

        Args:
            text: perhaps JSON, plain or as base64.
            inside: how many texts it is inside of.
            fallback: None gives the text, unless it begins like JSON.
        """
        found = json_in(text)
        if found is None:
            return text if fallback is None else fallback
        try:
            value = read_json(found)
        except ValueError:
            quoted = text.lstrip().startswith('"')  # perhaps what somebody said
            return text if quoted and fallback is None else WITHHELD
        if inside == MOST_INSIDE:
            return WITHHELD
        new = self.of("", value, inside + 1)
        if new == value:
            return text
        coded = orjson.dumps(new)
        return coded.decode() if isinstance(found, str) else _encoded(coded)


def _by_name(paths: list[Path], change: Change) -> dict[str, Change]:
    return {name: change for path in paths for name in in_requests(path.parts[-1])}


def json_in(text: str) -> bytes | str | None:
    """What looks like JSON: the text, or what it says as base64; None: neither does."""
    if text.lstrip().startswith(("{", "[", '"')):
        return text
    if not CODED.fullmatch(text):
        return None
    usual = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        found = binascii.a2b_base64(usual + "=" * (-len(usual) % 4))
    except binascii.Error:
        return None
    return found if found.lstrip()[:1] in (b"{", b"[") else None


def _encoded(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode()
