"""Made-up visitors who become users, and whose events are known when: plain loops.

The oracle is written from the principle: at a cutoff the history of a user holds the
events of all anonymous_ids that a link received by then ties to the user, their earlier
events included; later links change nothing; of an id with two users each has the events
of its own time. It knows no columns, no copies and no ranges.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

from made_rows import FIRST

from zap.events.mapping import EventMapping
from zap.examples import (
    ANY,
    Generator,
    Hash,
    InactivityGap,
    Instance,
    at,
    each,
    event,
    future,
    past,
    rest_of_session,
)

Row = dict[str, Any]
HOURS = (10, 24, 25, 50)


@dataclass(frozen=True)
class Cut:
    """A cutoff: whose history, when, and the numbers of the events on either side."""

    who: str
    instant: float
    past: tuple[int, ...]
    future: tuple[int, ...]


# ---- rows -----------------------------------------------------------------------


def some_people(rng: Random, most: int = 24) -> list[Row]:
    """Events of some devices on which users log in, come back and give way."""
    devices = [f"d{i}" for i in range(rng.randint(1, 4))]
    logged_in: dict[str | None, str | None] = {}
    receipts = rng.choice(["none", "some", "all"])
    hour, rows = 0, []
    for uid in range(rng.randint(0, most)):
        hour += rng.choice([0, 0, 1, 3, 9])
        device = rng.choice([*devices, *devices, None])
        if rng.random() < 0.3:
            # One user has the name of a device: they must stay two persons.
            logged_in[device] = rng.choice([None, "u1", "u2", "d0"])
        user = logged_in.get(device) if rng.random() < 0.5 else None
        if device is None:
            user = rng.choice([None, "u1", "u2"])
        known = receipts == "all" or (receipts == "some" and rng.random() < 0.5)
        lag = rng.choice([0, 0, 0, 0, 1, 5, 30, -2])
        rows.append(
            {
                "uid": uid,
                "who": device,
                "user_id": user,
                "t": hour,
                "received": hour + lag if known else None,
                "type": rng.choice("xxy"),
                "sequence": uid,
            }
        )
    rng.shuffle(rows)
    return rows


# ---- who, and what was known ----------------------------------------------------


def known(row: Row) -> float:
    """When an event was known."""
    return row["t"] if row["received"] is None else max(row["t"], row["received"])


def is_link(row: Row) -> bool:
    return row["who"] is not None and row["user_id"] is not None


def links_of(device: str | None, rows: list[Row]) -> list[Row]:
    """The links of a device, that which was known first at the front."""
    links = [r for r in rows if is_link(r) and r["who"] == device]
    return sorted(links, key=lambda r: (known(r), r["t"], r["user_id"]))


def owner(row: Row, rows: list[Row]) -> tuple[str, str] | None:
    """Whose event it is: later links take it from nobody."""
    if row["user_id"] is not None:
        return ("user", row["user_id"])
    if row["who"] is None:
        return None
    links = links_of(row["who"], rows)
    if not links:
        return ("anonymous", row["who"])
    before = [r for r in links if r["t"] <= row["t"] and known(r) <= known(row)]
    latest = max(before, key=lambda r: (r["t"], r["user_id"]), default=links[0])
    return ("user", latest["user_id"])


def tied_at(row: Row, rows: list[Row]) -> float:
    """From when on the event is known to be its owner's."""
    links = links_of(row["who"], rows)
    if row["user_id"] is not None or not links:
        return known(row)
    return max(known(row), known(links[0]))


def in_order(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda r: (r["t"], r["sequence"]))


def everybody(rows: list[Row]) -> list[tuple[str, str]]:
    return sorted({found for r in rows if (found := owner(r, rows))})


def of_owner(person: tuple[str, str], rows: list[Row]) -> list[Row]:
    return [r for r in in_order(rows) if owner(r, rows) == person]


def _numbers(rows: list[Row]) -> tuple[int, ...]:
    return tuple(row["uid"] for row in rows)


# ---- cutoffs --------------------------------------------------------------------


def cuts_after_events(rows: list[Row], kind: str) -> list[Cut]:
    """A cutoff after each event of a type, in the history that was known then."""
    cuts = []
    for person in everybody(rows):
        every = of_owner(person, rows)
        for place, row in enumerate(every):
            if row["type"] != kind:
                continue
            instant, mine, who = known(row), every, ":".join(person)
            tied = tied_at(row, rows) <= instant
            if not tied:  # by then it was just a visitor's
                mine = [r for r in every if r["who"] == row["who"]]
                who = f"anonymous:{row['who']}"
            before = [r for r in mine if every.index(r) <= place]
            seen = [
                r
                for r in before
                if known(r) <= instant and (not tied or tied_at(r, rows) <= instant)
            ]
            after = mine[len(before) :]
            cuts.append(Cut(who, instant, _numbers(seen), _numbers(after)))
    return cuts


def cuts_at(rows: list[Row], hours: tuple[int, ...]) -> list[Cut]:
    """A cutoff at each hour for each user and each visitor who was one by then."""
    cuts = []
    for person in everybody(rows):
        every = of_owner(person, rows)
        for hour in hours:
            asked = [
                (":".join(person), every, [r for r in every if tied(r, hour, rows)])
            ]
            for device in sorted({r["who"] for r in every if r["who"] is not None}):
                mine = [r for r in every if r["who"] == device]
                links = links_of(device, rows)
                if links and known(links[0]) >= hour:  # then it was just a visitor
                    asked.append((f"anonymous:{device}", mine, mine))
            for who, mine, theirs in asked:
                seen = [r for r in theirs if r["t"] < hour and known(r) < hour]
                after = [r for r in mine if r["t"] >= hour]
                if seen:
                    cuts.append(Cut(who, hour, _numbers(seen), _numbers(after)))
    return cuts


def tied(row: Row, hour: float, rows: list[Row]) -> bool:
    """Whether what is known before the hour says whose the event is."""
    links = links_of(row["who"], rows)
    return row["user_id"] is not None or not links or known(links[0]) < hour


# ---- for whole jobs -------------------------------------------------------------

MAPPING = EventMapping.from_dict(
    {
        "fields": {
            "anonymous_id": "device",
            "user_id": "user",
            "timestamp": "time",
            "received_at": "received",
            "type": "event",
            "sequence": "number",
        },
        "properties": {
            "number": {"column": "number", "type": "int"},
            "square": {"column": "square", "type": "int"},
        },
        "observed": {"from": "2024-01-01", "until": "2025-01-01"},
    }
)


def raw_rows(rows: list[Row]) -> list[Row]:
    """The rows as they lie in files."""

    def moment(hours: float | None) -> str | None:
        return None if hours is None else (FIRST + timedelta(hours=hours)).isoformat()

    return [
        {
            "device": row["who"],
            "user": row["user_id"],
            "time": moment(row["t"]),
            "received": moment(row["received"]),
            "event": row["type"],
            "number": row["uid"],
            "square": row["uid"] ** 2,
        }
        for row in rows
    ]


class AfterEach(Generator):
    """After each x: which events come in the next year?"""

    subject = "person"
    cutoffs = each(event("x"))
    label = future(days=200).sum("square", event(ANY))
    instance = Instance(types=["x", "y"], fields=[Hash("type")], hash_buckets=16)
    statistics = {
        "events": past().count(event(ANY)),
        "sum": past().sum("number", event(ANY)),
        "squares": past().sum("square", event(ANY)),
    }


class AtHours(AfterEach):
    """At some hours: which events come in the next year?"""

    cutoffs = at(*((FIRST + timedelta(hours=hour)).isoformat() for hour in HOURS))


class Visits(AfterEach):
    """After each x by a method: will more of it come in this visit?"""

    cutoffs = None
    session = InactivityGap(hours=4)
    label = rest_of_session().any(event("x"))

    def is_cutoff(self, past):
        return past[-1].type == "x"
