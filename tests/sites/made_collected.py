"""Events as a collector spools them, and by a plain loop what sinks must hold of them.

Visitors come back, log in and share devices. Some events come late, some are sent
twice, and now and then there is a bad row among them.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from made_bundles import PAGES, deployed, made_bundle

from zap.collect.event import BadRow
from zap.collect.record import encode_bad, encode_event
from zap.encoding.features import Hash, SincePrevious
from zap.encoding.instance import Instance
from zap.encoding.metadata import Last
from zap.serving.stores.need import Need
from zap.serving.stores.store import EventStore

Event = dict[str, Any]

START_US = 1_772_353_800_000_000  # 2026-03-01T08:30
SECOND_US = 1_000_000
MAPPING = """\
format = "archive"

[properties.page]
column = "properties.page"
type = "string"

[properties.amount]
column = "properties.amount"
type = "float"
"""
SEES = Instance(
    types=["view", "buy"],
    last=5,
    fields=[Hash("type"), Hash("url.path"), SincePrevious(1800, 7200, 86400, 12)],
    metadata=[Last("page", Hash("page"))],
    hash_buckets=64,
    metadata_buckets=16,
)
SUBJECTS = {"shop": "anonymous_id", "people": "person"}
VISITORS, USERS = 20, 6


def made_events(count: int, seed: int = 0, step_s: int = 1) -> list[Event]:
    """Events in the order in which they are received, the repeated ones among them."""
    rng = random.Random(seed)
    found: list[Event] = []
    for number in range(count):
        if found and rng.random() < 0.05:
            found.append(rng.choice(found[-200:]))
            continue
        received = START_US + number * step_s * SECOND_US
        event: Event = {
            "event_id": f"{seed}-{number}",
            "anonymous_id": f"v{rng.randrange(VISITORS)}",
            "timestamp": received - rng.choice([0, 0, 0, 600]) * SECOND_US,
            "received_at": received,
            "type": rng.choice(["view", "view", "view", "buy", "identify", "other"]),
            "source": rng.choice(["site", "app"]),
            "url": f"https://shop.example/page/{rng.randrange(9)}?q=1",
            "properties": {
                "page": rng.choice(PAGES),
                "amount": rng.randrange(100) / 4,
                "colours": ["red", {"deep": number}],
            },
            "context": {"library": {"name": "made"}},
        }
        if event["type"] == "identify" or rng.random() < 0.2:
            event["user_id"] = f"u{rng.randrange(USERS)}"
        found.append(event)
    return found


def made_records(events: Iterable[Event]) -> list[bytes]:
    """The events as the spool holds them."""
    return [encode_event(event) for event in events]


def with_bad_rows(
    events: Iterable[Event], every: int
) -> tuple[list[bytes], list[tuple[int, Event]], list[int]]:
    """Records with a bad row after each so many events.

    Returns:
        The records, the events by their numbers, and the numbers in bad rows.
    """
    records: list[bytes] = []
    numbered: list[tuple[int, Event]] = []
    bad: list[int] = []
    for place, event in enumerate(events, 1):
        numbered.append((len(records), event))
        records.append(encode_event(event))
        if place % every == 0:
            row = BadRow("made.wrong", f"number {place}", {"number": place})
            records.append(encode_bad(row, "site", event["received_at"]))
            bad.append(place)
    return records, numbered, bad


def made_registry(root: Path) -> dict[str, Need]:
    """A registry of two applications, of visitors and of persons; what they need."""
    for name, subject in SUBJECTS.items():
        bundle = made_bundle(
            root.parent / f"bundle-{name}",
            sees=SEES,
            subject=subject,
            application=name,
        )
        deployed(root, bundle, name)
    return {name: Need.of(SEES, subject) for name, subject in SUBJECTS.items()}


def first_of_each(events: Sequence[Event]) -> dict[tuple[str, str], int]:
    """For each source and id the place of its first event."""
    found: dict[tuple[str, str], int] = {}
    for place, event in enumerate(events):
        found.setdefault((event["source"], event["event_id"]), place)
    return found


def archived(folder: Path) -> list[tuple[str, str, int]]:
    """Source, id and number of all rows of an archive's files, by number."""
    rows = []
    for path in folder.rglob("*.parquet"):
        if any(part.startswith((".", "_")) for part in path.relative_to(folder).parts):
            continue
        table = pq.ParquetFile(path).read(columns=["source", "event_id", "sequence"])
        rows += [tuple(row.values()) for row in table.to_pylist()]
    return sorted(rows, key=lambda row: row[2])


def flat(event: Event, sequence: int) -> Event:
    """What the mapping makes of an event, by hand."""
    names = ("event_id", "anonymous_id", "user_id", "timestamp", "received_at")
    return {
        **{name: event.get(name) for name in (*names, "type", "url")},
        "page": event["properties"]["page"],
        "sequence": sequence,
    }


def fed_by_hand(store: EventStore, numbered: Iterable[tuple[int, Event]]) -> None:
    """Append events one by one, each with its number."""
    for number, event in numbered:
        store.append([flat(event, number)])


def all_pasts(
    store: EventStore, needs: dict[str, Need], at_us: int
) -> dict[str, list[list[Event]]]:
    """What a store knows of every subject, for each application."""
    visitors = [f"v{number}" for number in range(VISITORS)]
    persons = [f"anonymous:{name}" for name in visitors]
    persons += [f"user:u{number}" for number in range(USERS)]
    subjects = {"shop": visitors, "people": persons}
    return {
        name: [
            [
                {n: value for n, value in event.items() if value is not None}
                for event in past
            ]
            for past in (p.events for p in store.pasts(subjects[name], need, at_us))
        ]
        for name, need in needs.items()
    }
