"""A web shop: an instance as a site would declare it, and events of its visitors."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from zap.encoding.encoder import Encoder
from zap.encoding.features import Hash, OneHot, SincePrevious
from zap.encoding.instance import ANY, Instance
from zap.encoding.metadata import Last

STEPS = ["list", "product", "cart", "checkout"]
INSTANCE = Instance(
    types=ANY,
    last=40,
    fields=[
        Hash("type"),
        Hash("url.path"),
        Hash("url.segments"),
        Hash("url.query_keys"),
        Hash("referrer.host"),
        Hash("referrer.path"),
        Hash("category"),
        Hash("product"),
        Hash("agent.family"),
        Hash("agent.os"),
        Hash("agent.device"),
        OneHot("step", values=STEPS),
        SincePrevious(5, 60, 3600, 40),
    ],
    metadata=[
        Last("agent.device", OneHot("agent.device", values=["desktop", "phone"])),
        Last("country", Hash("country")),
        Last("campaign", Hash("campaign")),
    ],
    hash_buckets=4096,
    metadata_buckets=256,
)

CATEGORIES = [f"category-{number}" for number in range(30)]
AGENTS = [
    (f"{family} {version}", system, device)
    for family in ("Chrome Mobile", "Mobile Safari", "Chrome", "Firefox")
    for version in range(5)
    for system, device in (("Android", "phone"), ("Mac OS X", "desktop"))
]
QUERIES = [None, None, ("page",), ("page", "sort"), ("utm_campaign", "utm_source")]
COUNTRIES = ["DE", "FR", "IT", "PL", "US"]
PRODUCTS = 50  # of a category
Event = dict[str, Any]


def visits(
    count: int, events: int, seed: int = 0, distinct_from: int | None = None
) -> Iterator[list[Event]]:
    """Visits of so many events each, flat, with derived fields by name.

    Args:
        count: how many.
        events: events of each.
        seed: of the draws.
        distinct_from: None for pages that are seen again and again; else every page has
            a number of its own in its path, from this one on.
    """
    draw = random.Random(seed)
    number = distinct_from
    for visit in range(count):
        agent = draw.choice(AGENTS)
        country, campaign = draw.choice(COUNTRIES), draw.choice("abc")
        referrer = ("www.search.example", "/")
        clock = draw.randrange(10**15, 2 * 10**15)
        made = []
        for _ in range(events):
            clock += int(draw.expovariate(1 / 40) * 1e6)
            event = page(draw, None if number is None else str(number))
            number = None if number is None else number + 1
            made.append(
                {
                    "event_id": f"{visit}-{clock}",
                    "anonymous_id": f"visitor-{visit}",
                    "timestamp": clock,
                    "referrer.host": referrer[0],
                    "referrer.path": referrer[1],
                    "agent.family": agent[0],
                    "agent.os": agent[1],
                    "agent.device": agent[2],
                    "country": country,
                    "campaign": campaign,
                    **event,
                }
            )
            referrer = ("www.shop.example", event["url.path"])
        yield made


def usual(count: int, events: int) -> Iterator[list[Event]]:
    """Visits to pages that are seen again and again."""
    return visits(count, events)


def new_pages(
    count: int, events: int, seed: int, first_number: int
) -> Iterator[list[Event]]:
    """Visits to pages that nobody has seen before."""
    return visits(count, events, seed, first_number)


def page(draw: random.Random, number: str | None) -> Event:
    """The fields of one page; every other one is a product's."""
    category = draw.choice(CATEGORIES)
    step = draw.choices(STEPS, [40, 45, 10, 5])[0]
    product = f"{category}-item-{int(draw.paretovariate(0.8)) % PRODUCTS}"
    segments = ["shop", category]
    if step == "product":
        segments.append(product)
    if number is not None:
        segments.append(number)
    return {
        "type": "page_view" if step != "cart" else "add_to_cart",
        "step": step,
        "category": category,
        "product": product if step in ("product", "cart") else None,
        "url.path": "/" + "/".join(segments),
        "url.segments": tuple(segments),
        "url.query_keys": draw.choice(QUERIES),
    }


def hashed_strings(encoder: Encoder, events: list[Event]) -> list[list[bytes]]:
    """The strings of one instance's rows: of each event, then of the metadata.

    Those of dropped repeats are not among them; those of other repeats are.
    """
    found = []
    for event, before in zip(events, [None, *events[:-1]], strict=True):
        row: list[bytes] = []
        for feature in encoder.instance.fields:
            if not isinstance(feature, Hash):
                continue
            value = event[feature.field]
            repeats = before is not None and before[feature.field] == value
            if not (feature.drops_repeats and repeats):
                row += _keys(feature, value)
        found.append(row)
    metadata: list[bytes] = []
    for source in encoder.instance.metadata:
        assert isinstance(source, Last)
        if isinstance(source.encode, Hash):
            metadata += _keys(source.encode, events[-1][source.field])
    return [*found, metadata]


def _keys(feature: Hash, value: Any) -> list[bytes]:
    if value is None:
        return []
    strings = value if isinstance(value, tuple) else (value,)
    return [f"{feature.field}={text}".encode() for text in strings[: feature.most]]
