"""How much a caller may ask: token buckets, in memory that has a bound.

A bucket holds up to ``burst`` tokens and gains ``per_s`` of them a second; a request
takes one. Several buckets may stand before a request (the key's, the visitor's, the
address's): it is let in only if each has a token, and takes none where one has not, so
that one visitor who asks too much does not empty the bucket of the whole site.

The buckets used least recently are forgotten beyond ``most``. A bucket that is
forgotten is full when it comes back: who can ask from that many addresses is held by
the bucket of the key.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from zap.errors import KeysError


@dataclass(frozen=True)
class Rate:
    """Requests that are let in.

    Attributes:
        per_s: a second, in the long run.
        burst: at once.
    """

    per_s: float
    burst: int

    def __post_init__(self) -> None:
        if not (0 < self.per_s < math.inf and self.burst >= 1):
            raise KeysError(
                "Expected a rate above 0 a second and a burst of 1 or more. Received: "
                f"per_s={self.per_s}, burst={self.burst}. Leave the rate out for none."
            )


@dataclass(frozen=True)
class Limits:
    """The bounds of a server. Each holds for one process.

    Attributes:
        secret: requests by each secret key; None is no limit.
        publishable: requests by each publishable key, all its visitors together.
        visitor: requests by each visitor of a publishable key.
        address: requests by each address (IPv6: by /64) with a publishable key.
        max_body_bytes: of one request.
        max_buffered_bytes: of all bodies that are being received.
        body_timeout_s: from the headers to the body's end.
        max_concurrent: requests that the application works on.
        retry_after_s: what is said to those who came when the server was full.
        max_buckets: that are remembered.
    """

    secret: Rate | None = None
    publishable: Rate | None = Rate(500, 1_000)
    visitor: Rate | None = Rate(5, 20)
    address: Rate | None = Rate(20, 100)
    max_body_bytes: int = 4 << 20
    max_buffered_bytes: int = 64 << 20
    body_timeout_s: float = 10.0
    max_concurrent: int = 256
    retry_after_s: int = 1
    max_buckets: int = 100_000

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, int | float) and not 0 < value < math.inf:
                raise KeysError(
                    f"Expected a limit above 0. Received: {name}={value}. Leave it "
                    "out for the usual one."
                )


@dataclass(frozen=True)
class Verdict:
    """Whether a request is within its rates.

    Attributes:
        refused_by: the name of the bucket that has no token, or None.
        wait_s: until that bucket has one.
        limit: the burst of the bucket that is emptiest.
        remaining: whole tokens in it.
        reset_s: until it is full.
    """

    refused_by: str | None
    wait_s: float
    limit: int
    remaining: int
    reset_s: float


Claim = tuple[str, Hashable, Rate]


class Buckets:
    """Token buckets by name and owner.

    Args:
        most: how many are remembered.
        monotonic: a clock in seconds, for tests.
    """

    def __init__(self, most: int, monotonic: Callable[[], float] = time.monotonic):
        self._most = most
        self._monotonic = monotonic
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, claims: Sequence[Claim]) -> Verdict:
        """Take a token from each bucket, or from none.

        Args:
            claims: name, owner and rate of each; at least one.
        """
        now = self._monotonic()
        levels = [self._level(name, owner, rate, now) for name, owner, rate in claims]
        lacks = [(1 - n) / c[2].per_s for n, c in zip(levels, claims, strict=True)]
        worst = max(range(len(claims)), key=lacks.__getitem__)
        refused = levels[worst] < 1
        for (name, owner, _), level in zip(claims, levels, strict=True):
            self._keep((name, owner), level if refused else level - 1, now)
        rate = claims[worst][2]
        left = levels[worst] - (not refused)
        return Verdict(
            refused_by=claims[worst][0] if refused else None,
            wait_s=max(0.0, lacks[worst]),
            limit=rate.burst,
            remaining=int(left),
            reset_s=(rate.burst - left) / rate.per_s,
        )

    def _level(self, name: str, owner: Hashable, rate: Rate, now: float) -> float:
        level, since = self._buckets.get((name, owner), (float(rate.burst), now))
        return min(float(rate.burst), level + (now - since) * rate.per_s)

    def _keep(self, bucket: Hashable, level: float, now: float) -> None:
        self._buckets[bucket] = (level, now)
        self._buckets.move_to_end(bucket)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)


def network_of(address: str) -> str:
    """What counts as one caller: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return address
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))


@lru_cache(1024)
def is_loopback(address: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback
