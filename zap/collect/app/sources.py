"""Whose a request is: write keys to sources.

How long a look-up takes tells nothing of the keys, and does not grow with their number:
keys are found by a hash under a secret that each process draws anew, so nobody outside
can say how near a guess was, and the one found is compared in constant time.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from zap.collect.app.config import ANY_ORIGIN, LONGEST_KEY, SourceConfig
from zap.collect.app.rates import Bucket
from zap.errors import CollectError


@dataclass(frozen=True)
class Source:
    """A source as requests meet it.

    Attributes:
        name: that its events carry.
        protocols: that it may speak.
        origins: of pages that may post.
        bucket: of its rate, or None.
    """

    name: str
    protocols: frozenset[str]
    origins: frozenset[bytes]
    bucket: Bucket | None = field(default=None, compare=False)

    def lists(self, origin: bytes) -> bool:
        """Whether pages of an origin may post, byte by byte."""
        return origin in self.origins or ANY_ORIGIN.encode() in self.origins


class Sources:
    """All sources.

    Args:
        configs: by name.

    Raises:
        CollectError: a key is in two sources of one protocol, or a source has none.
    """

    def __init__(self, configs: Mapping[str, SourceConfig]):
        self.all = tuple(_source(name, each) for name, each in configs.items())
        self._secret = secrets.token_bytes(32)
        self._by_key: dict[bytes, tuple[bytes, dict[str, Source]]] = {}
        self._without_key: dict[str, Source] = {}
        for source in self.all:
            config = configs[source.name]
            keys = config.all_keys()
            if not keys and not config.without_key:
                raise CollectError(
                    f"Expected a write key. Received: source={source.name} without "
                    "keys. Give it keys or key_env, or say without_key = true."
                )
            for key in keys:
                named = key.encode()
                found = self._by_key.setdefault(self._hash(named), (named, {}))[1]
                _add(found, source, "a key of its own")
            if config.without_key:
                _add(self._without_key, source, "one source at most without_key")

    def find(self, key: str | None, protocol: str) -> Source | None:
        """The source of a key, if it speaks the protocol."""
        if key is None:
            return self._without_key.get(protocol)
        given = key.encode("utf-8", "surrogatepass")
        if len(given) > LONGEST_KEY * 4:
            return None
        known, sources = self._by_key.get(self._hash(given), (b"", {}))
        return sources.get(protocol) if hmac.compare_digest(known, given) else None

    def list_origin(self, origin: bytes, protocols: Collection[str]) -> bool:
        """Whether any source that speaks one of the protocols lists an origin."""
        return any(
            source.lists(origin)
            for source in self.all
            if not source.protocols.isdisjoint(protocols)
        )

    def _hash(self, key: bytes) -> bytes:
        return blake2b(key, key=self._secret, digest_size=16).digest()


def _source(name: str, config: SourceConfig) -> Source:
    return Source(
        name,
        frozenset(config.protocols),
        frozenset(origin.encode() for origin in config.origins),
        Bucket(config.rate) if config.rate is not None else None,
    )


def _add(found: dict[str, Source], source: Source, expected: str) -> None:
    for protocol in source.protocols:
        other = found.setdefault(protocol, source)
        if other is not source:
            raise CollectError(
                f"Expected {expected} for each protocol. Received: sources="
                f"{other.name}, {source.name}, protocol={protocol}. Change one."
            )
