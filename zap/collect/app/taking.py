"""From a request to the records that are to be on disk: all that needs no waiting.

Protocol, key, rate, origin, checks, limits of one event. What a whole request is
refused for is an `Unaccepted`; what one event is refused for is a bad row beside the
others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol as Shape

from zap.collect.app.records import bad_record, event_record
from zap.collect.app.sources import Source, Sources
from zap.collect.event import BadRow, Event
from zap.collect.nesting import EVENT_LEVELS
from zap.collect.protocol import Fate, Parsed, Protocol, Request, Unaccepted

MOST_RECORD_BYTES = 16 << 20
"""That a request may become, unless its body is itself a quarter of that. What it says
once of all its events, as in a context or a header, stands in each of them."""
_EACH = (
    "Expected less that is said of all events at once, since it is kept with each. "
    "Send fewer at once, or say less of them all."
)


class Checks(Shape):
    """What is asked of each event, and what is taken out of it."""

    def has(self, source: str) -> bool:
        """Whether a source's events need any; without, they are not applied."""
        ...

    def apply(
        self, source: str, events: Sequence[Event]
    ) -> tuple[Sequence[Event], Sequence[BadRow]]:
        """The events as they may be written, and what is wrong with the others."""
        ...

    def bad(self, source: str, rows: Sequence[BadRow]) -> Sequence[BadRow]:
        """What a protocol refused, as it may be written."""
        ...


@dataclass(slots=True)
class Taken:
    """What is found of a request, as far as it came.

    Attributes:
        protocol: that speaks for the request.
        source: whose it is, once it is known.
        events: how many are kept.
        reasons: of the bad rows.
        records: of both.
    """

    protocol: Protocol
    source: Source | None = None
    events: int = 0
    reasons: Sequence[str] = ()
    records: Sequence[bytes] = ()


class Taking:
    """Takes requests for all sources.

    Args:
        sources: by their keys.
        checks: that events go through.
    """

    def __init__(self, sources: Sources, checks: Checks):
        self.sources, self._checks = sources, checks

    def take(
        self, protocols: Sequence[Protocol], request: Request, taken: Taken
    ) -> Parsed:
        """Find what a request holds.

        Args:
            protocols: of its path and method; at least one.
            request: with its body.
            taken: filled in, also where it is refused in the end.

        Returns:
            What the protocol found.

        Raises:
            Unaccepted: it is not taken.
        """
        try:
            return self._take(protocols, request, taken)
        except RecursionError:  # below what the parser refuses: 1,024 levels
            raise Unaccepted(
                Fate.TOO_LARGE,
                f"Expected JSON of some {EVENT_LEVELS} levels. Send it flatter.",
            ) from None

    def _take(
        self, protocols: Sequence[Protocol], request: Request, taken: Taken
    ) -> Parsed:
        parsed, source = self._known(protocols, request, taken)
        if source is None:
            if parsed.key is None and not parsed.events and not parsed.bad:
                return parsed  # a script: nothing is kept, so it is nobody's
            raise _no_key(parsed.key)
        origin = request.headers.get(b"origin")
        if origin is not None and not source.lists(origin):
            raise Unaccepted(
                Fate.ORIGIN,
                "Expected a page of an origin that this source lists. Add it to the "
                "source's origins.",
            )
        if source.bucket is not None:
            wait_s = source.bucket.take(len(parsed.events) + len(parsed.bad))
            if wait_s:
                message = "Expected fewer events. Try again later."
                raise Unaccepted(Fate.TOO_MANY, message, wait_s)
        self._keep(taken, source, parsed, request)
        return parsed

    def _known(
        self, protocols: Sequence[Protocol], request: Request, taken: Taken
    ) -> tuple[Parsed, Source | None]:
        """What the protocol says whose source speaks it; else what the first says."""
        first: tuple[Parsed, None] | Unaccepted | None = None
        for protocol in protocols:
            try:
                parsed = protocol.parse(request)
            except Unaccepted as why:
                first = first or why
                continue
            source = self.sources.find(parsed.key, protocol.name)
            if source is not None:
                taken.protocol, taken.source = protocol, source
                _check_size(protocol, request)
                return parsed, source
            first = first or (parsed, None)
        assert first is not None
        if isinstance(first, Unaccepted):
            raise first
        return first

    def _keep(
        self, taken: Taken, source: Source, parsed: Parsed, request: Request
    ) -> None:
        records: list[bytes] = []
        reasons: list[str] = []
        room = max(MOST_RECORD_BYTES, 4 * len(request.body))
        for record, reason in self._records(taken.protocol, source, parsed, request):
            room -= len(record)
            if room < 0:
                raise Unaccepted(Fate.TOO_LARGE, _EACH)
            records.append(record)
            if reason:
                reasons.append(reason)
        taken.events, taken.reasons = len(records) - len(reasons), reasons
        taken.records = records

    def _records(
        self, protocol: Protocol, source: Source, parsed: Parsed, request: Request
    ) -> Iterator[tuple[bytes, str]]:
        """A record at a time, so that one too many ends it: events, then bad rows.

        Beside a bad row's record stands its reason.
        """
        name, checks = source.name, self._checks
        wrong: list[BadRow] = []
        for event in self._checked(name, parsed.events, wrong):
            record = event_record(event, protocol.max_event_bytes)
            if isinstance(record, bytes):
                yield record, ""
            else:
                wrong.append(record)
        for row in wrong:
            yield bad_record(row, name, request.received_us), row.reason
        for row in parsed.bad:
            for told in checks.bad(name, (row,)):
                yield bad_record(told, name, request.received_us), told.reason

    def _checked(
        self, name: str, events: Sequence[Event], wrong: list[BadRow]
    ) -> Iterable[Event]:
        """Events as they may be written, one at a time where that takes work.

        Args:
            name: of their source.
            events: as the protocol gave them.
            wrong: gets the rows of those that are none.
        """
        for event in events:
            event["source"] = name
        return self._each(name, events, wrong) if self._checks.has(name) else events

    def _each(
        self, name: str, events: Sequence[Event], wrong: list[BadRow]
    ) -> Iterator[Event]:
        for event in events:
            kept, bad = self._checks.apply(name, (event,))
            wrong += bad
            yield from kept


def _check_size(protocol: Protocol, request: Request) -> None:
    """A path that two share lets in what the larger one takes."""
    if len(request.body) > protocol.max_body_bytes:
        raise Unaccepted(
            Fate.TOO_LARGE,
            f"Expected a body of at most {protocol.max_body_bytes} bytes. Send less "
            "at once.",
        )


def _no_key(key: str | None) -> Unaccepted:
    said = "a key that no source has" if key is not None else "none"
    return Unaccepted(
        Fate.NO_KEY,
        f"Expected the write key of a source that speaks this protocol. Received: "
        f"{said}.",
    )
