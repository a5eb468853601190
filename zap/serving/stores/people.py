"""Documents of persons: one a device, one a user with the list of his devices.

An event lies in the document of its device, or of its user where it names no device. So
nothing is stored twice or moved when a visitor becomes a user, and a device that people
share keeps what is each one's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from zap.encoding.subject_names import OF_DEVICE, OF_USER
from zap.errors import InputError
from zap.serving.stores.document import Document, order_of
from zap.serving.stores.links import Link, known_links, owner
from zap.serving.stores.look import Event, known_us


def check_person(subject: str) -> None:
    """Refuse what is not the name of a person.

    Raises:
        InputError: it does not begin with ``user:`` or ``anonymous:``.
    """
    if not subject.startswith((OF_USER, OF_DEVICE)):
        raise InputError(
            "Expected user:ID or anonymous:ID as the subject of a question about "
            f"persons. Received: subject={subject!r}. Say which of the two it is."
        )


def owner_of(event: Event, links: Sequence[Link]) -> str:
    """The person whose an event of a device is.

    Args:
        event: with its user_id if it has one.
        links: of the device, those that are known.
    """
    named = event.get("user_id")
    if named is None:
        named = owner(links, event["timestamp"], known_us(event))
    return "" if named is None else OF_USER + str(named)


def owners(document: Document) -> partial[str]:
    """The owner of each event of a device's document, "" of nobody's."""
    return partial(owner_of, links=document.links)


def person_now(subject: str, document: Document, now_us: int) -> str:
    """The person that a subject is by now: of a linked device its present user."""
    if not subject.startswith(OF_DEVICE):
        return subject
    links = known_links(document.links, now_us)
    found = owner(links, now_us, now_us)
    return subject if found is None else OF_USER + found


def events_of(
    person: str, own: Document, devices: Mapping[str, Document], now_us: int
) -> Sequence[Event]:
    """The events of a person, of all documents that may hold some, in total order.

    Args:
        person: as `person_now` says.
        own: the person's document.
        devices: of a user, those of his devices.
        now_us: later links do not count.
    """
    if not devices:
        return own.events
    found = list(own.events)
    for name in sorted(devices):
        document = devices[name]
        links = known_links(document.links, now_us)
        found += [e for e in document.events if owner_of(e, links) == person]
    return sorted(found, key=order_of)


def with_devices(
    devices: Iterable[tuple[str, int]], arriving: Iterable[tuple[str, int]], most: int
) -> tuple[tuple[tuple[str, int], ...], int]:
    """The devices of a user, and how many were too many: those linked last stay."""
    latest: dict[str, int] = {}
    for name, time_us in (*devices, *arriving):
        latest[name] = max(time_us, latest.get(name, time_us))
    ordered = sorted(latest.items(), key=lambda each: (-each[1], each[0]))
    return tuple(sorted(ordered[:most])), max(0, len(ordered) - most)


def without_user(document: Document, user: str) -> Document:
    """A device's document without what is a user's."""
    of = owners(document)
    events = [event for event in document.events if of(event) != OF_USER + user]
    links = tuple(link for link in document.links if link.user != user)
    return Document(events, document.expires_us, links, document.devices)


def without_device(document: Document, device: str) -> Document:
    """A user's document without one of his devices."""
    devices = tuple(each for each in document.devices if each[0] != device)
    return Document(document.events, document.expires_us, document.links, devices)
