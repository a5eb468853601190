"""Where posted events go: for each document what is to be added to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from zap.encoding.subject_names import OF_DEVICE, OF_USER
from zap.serving.stores.document import NOTHING, Document, merged, sized
from zap.serving.stores.keys import key_of
from zap.serving.stores.links import Link, merged_links, shortened
from zap.serving.stores.look import Event, known_us
from zap.serving.stores.need import PERSON, Need
from zap.serving.stores.people import owners, with_devices
from zap.serving.stores.posted import Unfit, checked, event_id, stored, subject_text
from zap.serving.stores.pruning import Limits, pruned

DAY_OF_LINK_US = 86_400_000_000
"""A device's place in its user's list is written anew once a day at most."""


@dataclass
class Arriving:
    """What is to be added to one document.

    Attributes:
        need: what is kept of its subject.
        events: as they are stored.
        links: of a device.
        devices: of a user, each with the time of the link.
    """

    need: Need
    events: list[Event] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    devices: list[tuple[str, int]] = field(default_factory=list)


@dataclass(frozen=True)
class Added:
    """A document with what was added, and what came of it.

    Attributes:
        document: what is to be written.
        repeated: ids that it held already.
        stored: ids of those that came in which it holds now.
        cut: what was cut by limits, by reason.
    """

    document: Document
    repeated: frozenset[str]
    stored: frozenset[str]
    cut: Counter[str]


class Plan:
    """What some posted events add to which documents.

    Args:
        needs: by the field of the subject.
        now_us: the receipt of events that do not say when they were received.

    Attributes:
        arriving: by key; in the order in which a crash between two of them does least:
            a user's list of devices comes before the devices.
        keys: of each event id, the documents that take it.
        reasons: events that no document takes, counted.
        again: ids that came in more than once, counted.
    """

    def __init__(self, needs: Mapping[str, Need], now_us: int):
        self.arriving: dict[str, Arriving] = {}
        self.keys: dict[str, list[str]] = {}
        self.reasons: Counter[str] = Counter()
        self.again = 0
        self._needs, self._now_us = needs, now_us

    def add(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Find the documents of some events.

        Raises:
            InputError: one of them is no event. None of them is stored then.
        """
        for event in events:
            checked(event)
        for event in events:
            name = event_id(event)
            try:
                keys, why = self._place(event, name)
            except Unfit:
                self.reasons["unfit_value"] += 1
                continue
            if not keys:
                self.reasons[why] += 1
            elif name in self.keys:
                self.again += 1
                self.keys[name] = list(dict.fromkeys([*self.keys[name], *keys]))
            else:
                self.keys[name] = keys

    def link(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Take what some events say of devices and users, and nothing else of them."""
        if (need := self._needs.get(PERSON)) is None:
            return
        for event in events:
            checked(event)
            try:
                self._link(need, event)
            except Unfit:
                self.reasons["unfit_value"] += 1

    def _place(self, event: Mapping[str, Any], name: str) -> tuple[list[str], str]:
        """The keys of the documents that take an event; else why none does."""
        keys, why = [], "no_subject"
        for subject_field, need in self._needs.items():
            if subject_field == PERSON:
                subject = self._link(need, event)
            else:
                subject = subject_text(event, subject_field)
            if subject is None:
                continue
            why = "not_read"
            if not need.reads(event["type"]):
                continue
            more = ("user_id",) if subject_field == PERSON else ()
            key = key_of(subject_field, subject)
            row = stored(event, (*need.fields, *more), name, self._now_us)
            self._at(key, need).events.append(row)
            keys.append(key)
        return keys, why

    def _link(self, need: Need, event: Mapping[str, Any]) -> str | None:
        """The person's document that takes an event; its link is noted."""
        device = subject_text(event, "anonymous_id")
        user = subject_text(event, "user_id")
        if device is None:
            return None if user is None else OF_USER + user
        if user is not None:
            known = known_us({"received_at": self._now_us, **event})
            listed = device, event["timestamp"]
            self._at(key_of(PERSON, OF_USER + user), need).devices.append(listed)
            link = Link(event["timestamp"], known, user)
            self._at(key_of(PERSON, OF_DEVICE + device), need).links.append(link)
        return OF_DEVICE + device

    def _at(self, key: str, need: Need) -> Arriving:
        return self.arriving.setdefault(key, Arriving(need))


def added(document: Document, arriving: Arriving, now_us: int, limits: Limits) -> Added:
    """A document with what came in, without what nothing can look at any more."""
    cut: Counter[str] = Counter()
    events, repeated = merged(document.events, arriving.events)
    links, cut["links_cut"] = shortened(
        merged_links((*document.links, *arriving.links))
    )
    devices, cut["devices_cut"] = document.devices, 0
    newer = _newer(devices, arriving.devices)
    if newer:
        devices, cut["devices_cut"] = with_devices(devices, newer, limits.max_devices)
    found = Document(events, document.expires_us, links, devices)
    kept, cut["events_cut"] = pruned(
        events,
        arriving.need,
        now_us - limits.slack_us,
        limits.max_events,
        owners(found) if links else None,
    )
    # Whatever came in counts, also what is pruned: expiry never moves back.
    silent_us = max(limits.keep_us, arriving.need.reach_us)
    newest = _newest(events, links, devices)
    expires_us = max(document.expires_us, newest + silent_us)
    if expires_us <= now_us:
        return Added(NOTHING, frozenset(repeated), frozenset(), +cut)
    found, large = sized(replace(found, events=kept, expires_us=expires_us))
    cut["events_cut"] += large
    there = {event["event_id"] for event in found.events}
    came = {event["event_id"] for event in arriving.events}
    return Added(found, frozenset(repeated), frozenset(there & came), +cut)


def _newer(
    devices: Sequence[tuple[str, int]], arriving: Sequence[tuple[str, int]]
) -> list[tuple[str, int]]:
    """Those links that are worth writing a user's document for."""
    known = dict(devices)
    return [
        (name, time_us)
        for name, time_us in arriving
        if name not in known or time_us >= known[name] + DAY_OF_LINK_US
    ]


def _newest(
    events: Sequence[Event],
    links: Sequence[Link],
    devices: Sequence[tuple[str, int]],
) -> int:
    times = [known_us(event) for event in events]
    times += [link.known_us for link in links]
    times += [time_us for _, time_us in devices]
    return max(times, default=0)
