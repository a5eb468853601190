"""The cookie by which Snowplow's collector knows a browser across sites.

The collector makes the visitor's id; trackers never see it. It is no secret, but no
script needs it, so it is kept from them.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping

from zap.collect.protocol import Header

COOKIE = "sp"
YEAR_S = 365 * 86_400
_ID = re.compile(r"[A-Za-z0-9-]{16,64}")

Headers = Mapping[bytes, bytes]


def network_id(headers: Headers) -> str | None:
    """The visitor's id, from the cookie or new; None where it is not to be known."""
    if b"sp-anonymous" in headers:
        return None
    for part in headers.get(b"cookie", b"").decode("latin-1").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE and _ID.fullmatch(value):
            return value
    return str(uuid.uuid4())


def set_cookie(value: str, headers: Headers) -> Header:
    """The header that keeps an id for another year.

    Browsers send it across sites only if it is ``SameSite=None``, which must be
    ``Secure``, so that is what it is. A page that came by plain HTTP is on a
    developer's machine or inside a company: its browser would not keep such a cookie,
    but keeps one of the same site.
    """
    page = headers.get(b"origin") or headers.get(b"referer") or b""
    plain = page.startswith(b"http:") and headers.get(b"x-forwarded-proto") != b"https"
    scope = "SameSite=Lax" if plain else "SameSite=None; Secure"
    text = f"{COOKIE}={value}; Max-Age={YEAR_S}; Path=/; HttpOnly; {scope}"
    return b"set-cookie", text.encode()
