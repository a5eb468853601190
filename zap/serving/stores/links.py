"""Whose an event is where visitors become users, from the documents of one person.

The rule is that of `zap.histories.identity`: an event is the user's whom it names; else
the user's of the latest link of its device up to its timestamp, out of the links known
when the event was; else the user's whose link was known first; else the visitor's. What
is known later never takes an event from its owner, so the rule gives one answer,
whether it is asked in a batch of all data or in a store that knows only the past.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

EXACT_LINKS = 64
"""Links of a device that are kept whatever they say."""

MAX_LINKS = 256
"""Links of a device at most: one that has more users than this is nobody's."""


@dataclass(frozen=True, order=True)
class Link:
    """A user was named together with a device.

    Attributes:
        time_us: the event's timestamp.
        known_us: when it was known.
        user: the user_id.
    """

    time_us: int
    known_us: int
    user: str


def merged_links(links: Iterable[Link]) -> tuple[Link, ...]:
    """The links in order, each pair of time and user once, known from the first on."""
    known: dict[tuple[int, str], int] = {}
    for link in links:
        pair = link.time_us, link.user
        known[pair] = min(link.known_us, known.get(pair, link.known_us))
    ordered = sorted(known.items())
    return tuple(Link(time, since, user) for (time, user), since in ordered)


def shortened(links: tuple[Link, ...]) -> tuple[tuple[Link, ...], int]:
    """Links of a device that answer as all of them do, and how many were lost.

    Beyond ``EXACT_LINKS`` a link goes that follows one of the same user which was known
    no later: without it the answer is the same, unless another user's link from between
    the two comes in late. Beyond ``MAX_LINKS`` the oldest go, but for the one that was
    known first.
    """
    if len(links) <= EXACT_LINKS:
        return links, 0
    early, recent = links[: -EXACT_LINKS // 2], links[-EXACT_LINKS // 2 :]
    kept: list[Link] = []
    for link in early:
        before = kept[-1] if kept else None
        if (
            before is None
            or before.user != link.user
            or before.known_us > link.known_us
        ):
            kept.append(link)
    found = (*kept, *recent)
    if len(found) <= MAX_LINKS:
        return found, 0
    first = _known_first(found)
    rest = found[-MAX_LINKS + 1 :]
    lost = len(found) - len(rest)
    return ((first, *rest), lost - 1) if first not in rest else (rest, lost)


def owner(links: Sequence[Link], time_us: int, known_us: int) -> str | None:
    """The user whose an event of the device is that names no user.

    Args:
        links: of its device, in order.
        time_us: the event's timestamp.
        known_us: when the event was known.
    """
    if not links:
        return None
    for link in reversed(links):
        if link.time_us <= time_us and link.known_us <= known_us:
            return link.user
    return _known_first(links).user


def known_links(links: Sequence[Link], now_us: int) -> tuple[Link, ...]:
    """The links that were known by then."""
    return tuple(link for link in links if link.known_us <= now_us)


def _known_first(links: Sequence[Link]) -> Link:
    return min(links, key=lambda link: (link.known_us, link.time_us, link.user))
