"""What a protocol is: pure functions, from a request to events and a fate to an answer.

A protocol does no work of its own: it reads what a request holds, and knows which
answer makes its clients go on, try again, or stop. Limits, keys, schemas, privacy and
the spool are the same for all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Protocol as Shape

from msgspec import Struct

from zap.collect.event import BadRow, Event

Header = tuple[bytes, bytes]


class Request(Struct, frozen=True):
    """A request with its whole body.

    Attributes:
        method: in capitals.
        path: decoded, without the query.
        query: as it came, undecoded.
        headers: by name in lower case; of several with one name the last.
        body: decompressed; within the collector's limits.
        received_us: when it came, in microseconds since 1970.
        address: of the client, behind trusted proxies too; empty where unknown.
    """

    method: str
    path: str
    query: bytes
    headers: Mapping[bytes, bytes]
    body: bytes
    received_us: int
    address: str = ""


class Reply(Struct, frozen=True):
    """An answer, whole."""

    status: int
    body: bytes = b""
    headers: Sequence[Header] = ()


class Fate(Enum):
    """Why a request is not taken. Its value is the name that it is counted under."""

    NO_KEY = "no_key"  # missing, unknown or wrong: trying again is of no use
    MALFORMED = "malformed"  # no JSON, wrong shape as a whole
    TOO_LARGE = "too_large"  # body, event, depth, or what gzip holds
    TOO_MANY = "too_many"  # the source's rate: again after `retry_after_s`
    FULL = "full"  # the spool has no room: again after `retry_after_s`
    FAILED = "failed"  # the spool could not be written: try again
    NOT_FOUND = "not_found"
    ORIGIN = "origin"  # the page's origin is not listed for the source


class Unaccepted(Exception):
    """A request that is not taken as a whole.

    Args:
        fate: why.
        message: for people: what was expected, what was received, the fix.
        retry_after_s: when to try again; 0 says nothing of it.
    """

    def __init__(self, fate: Fate, message: str, retry_after_s: float = 0):
        super().__init__(message)
        self.fate = fate
        self.retry_after_s = retry_after_s


class Parsed(Struct, frozen=True):
    """What a request holds.

    Attributes:
        key: the write key that it named; None where it named none.
        events: in their order; without ``source``.
        bad: what is no event, beside those that are.
    """

    key: str | None
    events: Sequence[Event] = ()
    bad: Sequence[BadRow] = ()


class Protocol(Shape):
    """The clients of one tool.

    Attributes:
        name: of the protocol, as in settings and counts: ``segment``.
        routes: the paths and their methods; a path that ends in ``*`` is a prefix.
        credentials: whether its browsers' clients send cookies across origins.
        max_body_bytes, max_event_bytes: limits of the tool's own service, after gzip.
    """

    name: str
    routes: Sequence[tuple[str, str]]  # ("POST", "/v1/batch")
    credentials: bool
    max_body_bytes: int
    max_event_bytes: int

    def parse(self, request: Request) -> Parsed:
        """What a request holds.

        Raises:
            Unaccepted: it is not to be taken as a whole.
        """
        ...

    def accepted(self, request: Request, parsed: Parsed) -> Reply:
        """The answer once all is on disk; it makes the client go on."""
        ...

    def refused(self, request: Request, why: Unaccepted) -> Reply:
        """The answer to what is not taken: the client retries, or stops."""
        ...
