"""The settings of a collector, from a TOML file and the command line."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from zap.collect.app.rates import EventRate
from zap.collect.checks.settings import CheckSettings, PrivacySettings
from zap.errors import CollectError
from zap.serving.api.keys import ORIGIN
from zap.serving.api.protocol import ConnectionLimits
from zap.serving.api.settings import Settings

Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Count = Annotated[int, Meta(ge=1, le=1 << 40)]
Name = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\Z")]
ANY_ORIGIN = "*"
LONGEST_KEY = 1_000
Key = Annotated[str, Meta(min_length=1, max_length=LONGEST_KEY)]


class CollectLimits(Struct, frozen=True, forbid_unknown_fields=True):
    """The bounds of a collector. A protocol has limits of its own besides.

    Attributes:
        max_body_bytes: of one request, also after gzip; a protocol's own may be less.
        max_buffered_bytes: of all bodies from their first byte to their answer.
        max_in_flight: requests that are whole and not yet answered.
        body_timeout_s: from the headers to the body's end.
        ack_timeout_s: that the disk may take.
        retry_after_s: what is said to those who came when there was no room.
    """

    max_body_bytes: Count = 4 << 20
    max_buffered_bytes: Count = 64 << 20
    max_in_flight: Count = 1_000
    body_timeout_s: Seconds = 10.0
    ack_timeout_s: Seconds = 30.0
    retry_after_s: Seconds = 5.0


class SourceConfig(
    CheckSettings, frozen=True, forbid_unknown_fields=True, kw_only=True
):
    """What posts events: a site, an app, a server; and what is checked of them.

    Attributes:
        protocols: that it may speak.
        keys: write keys by which its requests are known.
        key_env: an environment variable with one more.
        without_key: whether it takes what names no key in its protocols.
        origins: of the pages that may post, exactly as browsers send them; ``*`` is
            every page. Clients that are no pages send none and need none.
        rate: of its events; None is no limit.
    """

    protocols: Annotated[list[str], Meta(min_length=1)]
    keys: list[Key] = field(default_factory=list)
    key_env: str = ""
    without_key: bool = False
    origins: list[str] = field(default_factory=list)
    rate: EventRate | None = None

    def all_keys(self) -> list[str]:
        """The write keys, with that of the environment.

        Raises:
            CollectError: the variable is not set.
        """
        if not self.key_env:
            return self.keys
        key = os.environ.get(self.key_env, "")
        if not key:
            raise CollectError(
                "Expected a write key in an environment variable. Received: "
                f"key_env={self.key_env}, which is not set. Set it, or name another."
            )
        return [*self.keys, key]


class CollectConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All settings of ``zap collect``.

    Attributes:
        sources: by name, which events carry as ``source``.
        spool: folder in which events are safe before they are acknowledged.
        spool_max_bytes: beyond which clients are told to come again.
        spool_keep_h: how long what all sinks have taken is kept, for rebuilding.
        archive: folder of the archive; empty writes none.
        ids_days: how long an event's id is known to the archive.
        bad: folder of bad rows.
        store: of recent events: sqlite:FILE, redis://... or mongodb://...; empty
            writes none.
        mapping: TOML file that says which of the archive's fields a store's rows have.
        registry: whose live versions say what the store keeps.
        deliver: whether a process is started that takes events from spool to sinks.
        host: address to listen at.
        port: to listen at; 0 takes a free one.
        drain_s: how long a collector that ends lets requests finish.
        log_requests: a line for each request: ``all``, ``refused`` or ``none``.
        proxies: addresses or networks of reverse proxies, whose X-Forwarded-For is
            believed; of all other clients it is not.
        metrics_public: whether /metrics may be asked from elsewhere.
        limits: of sizes and times of requests.
        connections: of headers and connections.
    """

    sources: Annotated[dict[Name, SourceConfig], Meta(min_length=1)]
    spool: str = "spool"
    spool_max_bytes: Count = 4 << 30
    spool_keep_h: Annotated[float, Meta(ge=0, le=8_760)] = 24
    archive: str = "archive"
    ids_days: Annotated[int, Meta(ge=1, le=3_650)] = 30
    bad: str = "bad"
    store: str = ""
    mapping: str = ""
    registry: str = ""
    deliver: bool = True
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8080
    drain_s: Seconds = 10
    log_requests: Annotated[str, Meta(pattern=r"\A(all|refused|none)\Z")] = "refused"
    proxies: list[str] = []
    metrics_public: bool = False
    limits: CollectLimits = CollectLimits()
    connections: ConnectionLimits = ConnectionLimits()


def load_collect_config(
    path: str | Path | None, given: dict[str, Any] | None = None
) -> CollectConfig:
    """The settings of a file, and over them those of the command line.

    Args:
        path: a TOML file; None has none.
        given: settings by name; None values are not given.

    Raises:
        CollectError: the file can't be read, a name is unknown, or a value is wrong.
    """
    config = _SETTINGS.load(CollectConfig, path, given or {})
    for name, source in config.sources.items():
        for origin in source.origins:
            if origin != ANY_ORIGIN and not re.fullmatch(ORIGIN, origin):
                raise CollectError(
                    "Expected an origin as browsers send it, such as "
                    f"https://shop.example. Received: origin={origin!r}, "
                    f"source={name}, config={path}. Leave out paths and slashes."
                )
    return config


_SETTINGS = Settings(
    {
        "$": CollectConfig,
        "$.limits": CollectLimits,
        "$.connections": ConnectionLimits,
        "$.sources[...]": SourceConfig,
        "$.sources[...].rate": EventRate,
        "$.sources[...].privacy": PrivacySettings,
    },
    CollectError,
    "a collector",
    "docs/collect.md",
)
