"""The questions of the runs that the cost model is fitted on: they differ in width."""

from __future__ import annotations

from zap.examples import (
    Generator,
    Hash,
    InactivityGap,
    Instance,
    each,
    event,
    rest_of_session,
)

BUY, VIEW = event("purchase"), event("page_view")


class Four(Generator):
    """After every page view, with four properties: does the visit end in a purchase?"""

    session = InactivityGap(minutes=30)
    cutoffs = each(VIEW)
    label = rest_of_session().any(BUY)
    instance = Instance(
        types=["page_view"],
        last=10,
        fields=[Hash("url.path"), *(Hash(f"p{place}") for place in range(4))],
        hash_buckets=997,
    )


class One(Four):
    """The same with one property."""

    instance = Instance(
        types=["page_view"],
        last=10,
        fields=[Hash("url.path"), Hash("p0")],
        hash_buckets=997,
    )


class Twelve(Four):
    """The same with twelve."""

    instance = Instance(
        types=["page_view"],
        last=10,
        fields=[Hash("url.path"), *(Hash(f"p{place}") for place in range(12))],
        hash_buckets=997,
    )


class Rare(Four):
    """The same question at purchases alone: a twentieth of the examples."""

    cutoffs = each(BUY)
