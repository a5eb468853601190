"""What a request's first lines say, taken from its ASGI scope once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zap.serving.api.access import PAGES, Params, Rule, Rules, path_of
from zap.serving.api.limits import is_loopback

FORWARDED = (b"forwarded", b"x-forwarded-for", b"x-real-ip", b"via")


@dataclass(frozen=True)
class Asked:
    """What a request's first lines say.

    Attributes:
        method: of HTTP.
        rule: of its path.
        params: what stands in the path for the names of the rule's template.
        headers: by lower-case name; of several the last.
        address: of the client; empty where there is none, as on a local socket.
    """

    method: str
    rule: Rule
    params: Params
    headers: Mapping[bytes, bytes]
    address: str

    @classmethod
    def of(cls, scope: Mapping[str, Any], rules: Rules) -> Asked:
        """What an ASGI scope says."""
        rule, params = rules.find(path_of(scope))
        client = scope.get("client")
        return cls(
            scope["method"],
            rule,
            params,
            dict(scope["headers"]),
            client[0] if client else "",
        )

    @property
    def origin(self) -> bytes | None:
        """Of the page that asks, or None."""
        return self.headers.get(b"origin")

    @property
    def is_preflight(self) -> bool:
        """Whether a browser asks what a page may do, at a route that is for pages."""
        return self.method == "OPTIONS" and self.rule.access in PAGES

    @property
    def is_local(self) -> bool:
        """Whether it comes from this machine, and not through a proxy on it."""
        return is_local(self.address, self.headers)


def is_local(address: str, headers: Mapping[bytes, bytes]) -> bool:
    """Whether a client is on this machine, and comes through no proxy on it."""
    own = not address or is_loopback(address)
    return own and not any(name in headers for name in FORWARDED)
