"""IP addresses cut to their network: IPv4 to /24, IPv6 to /48.

An address is known by both its key's name and its form, so that a version such as
10.0.19.45 stays what it is. An IPv4 address inside an IPv6 one is cut as IPv4.
"""

from __future__ import annotations

import re
import socket

KEYS = re.compile(r"(ip|ips|ipaddr(ess)?(es)?|remoteaddr(ess)?|forwardedfor)$")
WITH_PORT = re.compile(r"\[([^\]]+)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+")
MAPPED = bytes(10) + b"\xff\xff"


def is_address_key(name: str) -> bool:
    """Whether a key's name says that its value is an address.

    >>> [is_address_key(name) for name in ("ip", "user_ipaddress", "$ip", "version")]
    [True, True, True, False]
    """
    return KEYS.search(re.sub(r"[^a-z0-9]", "", name.lower())) is not None


def truncated(text: str) -> str:
    """A text with its addresses cut; several are parted by commas.

    >>> truncated("203.0.113.77")
    '203.0.113.0'
    >>> truncated("2001:db8:1234:5678::9, [::ffff:203.0.113.77]:443")
    '2001:db8:1234::, ::ffff:203.0.113.0'
    >>> truncated("none of these")
    'none of these'
    """
    if "," in text:
        parts = text.split(",")
        cut = [_truncated_one(part.strip()) for part in parts]
        if all(new == old.strip() for new, old in zip(cut, parts, strict=True)):
            return text
        return ", ".join(cut)
    return _truncated_one(text)


def _truncated_one(text: str) -> str:
    bare = text.strip()
    if match := WITH_PORT.fullmatch(bare):
        bare = match[1] or match[2]
    bare = bare.partition("%")[0]
    family = socket.AF_INET6 if ":" in bare else socket.AF_INET
    try:
        packed = socket.inet_pton(family, bare)
    except (OSError, ValueError, UnicodeError):
        return text
    if family == socket.AF_INET:
        return socket.inet_ntop(family, packed[:3] + bytes(1))
    if packed.startswith(MAPPED):
        return "::ffff:" + socket.inet_ntop(socket.AF_INET, packed[12:15] + bytes(1))
    return socket.inet_ntop(family, packed[:6] + bytes(10))
