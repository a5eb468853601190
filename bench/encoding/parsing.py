"""What comes before encoding: addresses and user agents of one instance's events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.encoding.shop import Event
from zap.events.derived import DERIVED, derive

ADDRESSES = [name for name, made in DERIVED.items() if made.base != "user_agent"]
AGENTS = [name for name, made in DERIVED.items() if made.base == "user_agent"]
SITE = "https://www.shop.example"
AGENT = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1 Build/{}"
)


def as_sent(visit: Sequence[Event], number: int) -> list[dict[str, str]]:
    """The visit's addresses and user agents as a browser sends them.

    Args:
        visit: events with derived fields.
        number: part of the agent's text, so that it has not been seen before.
    """
    found: list[dict[str, str]] = []
    referrer = "https://www.search.example/"
    for event in visit:
        query = "&".join(f"{key}=1" for key in event["url.query_keys"] or ())
        url = f"{SITE}{event['url.path']}?{query}"
        agent = AGENT.format(number)
        found.append({"url": url, "referrer": referrer, "user_agent": agent})
        referrer = url
    return found


def parsers(
    new: Sequence[Sequence[Event]], first_number: int
) -> Iterator[tuple[str, list[str], list[list[dict[str, str]]]]]:
    """Contenders that parse: a name, fields to derive, and events of each visit.

    The remembered ones come second, and so find what the first ones left behind.

    Args:
        new: visits to pages that nobody has seen before.
        first_number: see ``as_sent``; counted up visit by visit.
    """
    sent = [as_sent(visit, first_number + at) for at, visit in enumerate(new)]
    yield "parse addresses, every URL new", ADDRESSES, sent
    yield "parse addresses, all remembered", ADDRESSES, sent
    yield "parse agents, one new", AGENTS, sent
    yield "parse agents, remembered", AGENTS, sent


def derive_all(fields: Sequence[str], events: Sequence[dict[str, str]]) -> None:
    """Derive the fields of each event, as a server does."""
    bases = [(name, DERIVED[name].base) for name in fields]
    for event in events:
        for name, base in bases:
            derive(name, event[base])
