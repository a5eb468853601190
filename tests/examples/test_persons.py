"""Cutoffs of persons: what was known of who is who, against the plain loops.

`made_people` has the oracle for cutoffs after events and at times, written from the
principle. The other rules are held against the plain loops of `test_slicing`, on the
plain histories of persons and visitors.
"""

from __future__ import annotations

from random import Random
from typing import Any, ClassVar

import pytest
from hypothesis import Phase, given, settings
from hypothesis import event as note
from hypothesis import strategies as st
from made_people import (
    HOURS,
    Cut,
    Row,
    Visits,
    cuts_after_events,
    cuts_at,
    everybody,
    known,
    links_of,
    of_owner,
    some_people,
    tied_at,
)
from test_slicing import HOUR_US, TIMED, cut_at, observed_range, points, zap_rule

from zap.examples import (
    Generator,
    Hash,
    InactivityGap,
    Instance,
    WholeHistory,
    at,
    each,
    event,
    future,
)
from zap.examples.slicing import slice_histories

OBSERVED = (-50, 5_000)


def asks(rule: Any, gap: int | None = None) -> Generator:
    made = {
        "subject": "person",
        "session": WholeHistory() if gap is None else InactivityGap(hours=gap),
        "cutoffs": rule,
        "label": future(hours=1).any(event("x")),
        "instance": Instance(types=("x",), fields=[Hash("type")]),
    }
    return type("Asks", (Generator,), made)()


@pytest.fixture(scope="session")
def found_cuts(histories_of: Any, plain: Any, base_us: int) -> Any:
    """The cutoffs that slicing finds, in the form of the oracle."""

    def find(generator: Generator, rows: list[Row]) -> tuple[list[Cut], Any]:
        histories = histories_of(rows, None, generator.settings())
        observed = observed_range(base_us, OBSERVED)
        slices = slice_histories(generator, histories, observed)
        cuts = [
            Cut(e["who"], (e["instant"] - base_us) / HOUR_US, e["past"], e["future"])
            for e in plain(slices)
        ]
        return in_one_order(cuts), slices

    return find


def in_one_order(cuts: list[Cut]) -> list[Cut]:
    return sorted(cuts, key=lambda cut: (cut.who, cut.instant, cut.past, cut.future))


def at_hours(hours: tuple[int, ...]) -> Any:
    return zap_rule(("at", hours))


@settings(max_examples=200, phases=[Phase.generate])
@given(rng=st.randoms(use_true_random=True))
def test_cutoffs_after_events_hold_what_was_linked_by_then(
    rng: Random, found_cuts: Any
) -> None:
    rows = some_people(rng)
    cuts, slices = found_cuts(asks(each(event("x"))), rows)
    wanted = in_one_order(cuts_after_events(rows, "x"))
    assert cuts == wanted, rows
    # Each event has its cutoff once, in one history or another.
    assert len(cuts) == sum(
        r["type"] == "x" and (r["who"] or r["user_id"]) is not None for r in rows
    )
    if slices.counts["cutoffs.dropped.other_history"]:
        note("some cutoffs before a link")


@settings(max_examples=150, phases=[Phase.generate])
@given(rng=st.randoms(use_true_random=True))
def test_cutoffs_at_times_hold_what_was_linked_by_then(
    rng: Random, found_cuts: Any
) -> None:
    rows = some_people(rng)
    hours = tuple(rng.sample(range(80), 5)) if rng.random() < 0.5 else HOURS
    cuts, _ = found_cuts(asks(at_hours(hours)), rows)
    assert cuts == in_one_order(cuts_at(rows, hours)), (hours, rows)


def plain_histories(rows: list[Row]) -> list[tuple[str, float, list[Row]]]:
    """Name, when its cutoffs end, and events of each history; a person's events are
    received when they were known to be the person's."""
    found = []
    for person in everybody(rows):
        every = of_owner(person, rows)
        tied = [{**r, "received": tied_at(r, rows), "early": False} for r in every]
        for turned, row in zip(tied, every, strict=True):
            turned["early"] = turned["received"] > known(row)
        found.append((":".join(person), float("inf"), tied))
        devices = {r["who"] for r in tied if r["early"]}
        for device in devices:
            mine = [{**r, "early": False} for r in every if r["who"] == device]
            ends = known(links_of(device, rows)[0])
            found.append((f"anonymous:{device}", ends, mine))
    return found


def plain_cuts(rule: Any, rows: list[Row], gap: int | None) -> list[Cut]:
    cuts = []
    for who, ends, history in plain_histories(rows):
        for point in points(rule, history, gap, OBSERVED):
            timed = rule[0] in TIMED
            if point[0] > ends or (point[0] == ends and not timed):
                continue
            if not timed and history[point[1] - 1]["early"]:
                continue
            cut = cut_at(point, history, timed, gap)
            if cut.past:
                past, after = (
                    tuple(r["uid"] for r in part) for part in (cut.past, cut.future)
                )
                cuts.append(Cut(who, cut.instant, past, after))
    return in_one_order(cuts)


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", ["each", "nth", "before_outcome", "at", "daily", "after"]
)
@settings(max_examples=60, phases=[Phase.generate])
@given(rng=st.randoms(use_true_random=True))
def test_every_rule_decides_within_the_history_that_was_known(
    kind: str, rng: Random, found_cuts: Any
) -> None:
    rows, gap = some_people(rng), rng.choice([None, 2, 6])
    rule: Any = {
        "nth": ("nth", "x", rng.randint(1, 3)),
        "at": ("at", HOURS),
        "daily": ("daily", 13),
        "after": ("after", "x", rng.choice([1, 5, 24])),
    }.get(kind, (kind, "y" if kind == "before_outcome" else "x"))
    if kind == "daily":
        cuts, _ = found_cuts(asks(zap_rule(rule), gap), rows)
        early = [cut for cut in cuts if cut.instant < 300]
        wanted = [cut for cut in plain_cuts(rule, rows, gap) if cut.instant < 300]
        assert early == wanted, rows
        return
    cuts, _ = found_cuts(asks(zap_rule(rule), gap), rows)
    assert cuts == plain_cuts(rule, rows, gap), (rule, gap, rows)


def row(uid: int, who: str | None, user: str | None, t: float, **more: Any) -> Row:
    found = {"uid": uid, "who": who, "user_id": user, "t": t, "received": None}
    return found | {"type": "x", "sequence": uid} | more


def test_by_hand_a_visitor_logs_in_and_has_a_second_device(found_cuts: Any) -> None:
    rows = [
        row(0, "laptop", None, 0),
        row(1, "phone", "ann", 1),
        row(2, "laptop", None, 2),
        row(3, "laptop", "ann", 3),
        row(4, "laptop", None, 4),
    ]
    cuts, slices = found_cuts(asks(each(event("x"))), rows)
    assert cuts == [
        Cut("anonymous:laptop", 0, (0,), (2, 3, 4)),
        Cut("anonymous:laptop", 2, (0, 2), (3, 4)),
        Cut("user:ann", 1, (1,), (2, 3, 4)),
        Cut("user:ann", 3, (0, 1, 2, 3), (4,)),
        Cut("user:ann", 4, (0, 1, 2, 3, 4), ()),
    ]
    # No split separates the visitor from the user.
    assert len(set(slices.histories.subject_hash.tolist())) == 1
    cuts, _ = found_cuts(asks(at_hours((3, 4))), rows)
    # What is known at 3 itself, the link too, was not known before 3.
    assert cuts == [
        Cut("anonymous:laptop", 3, (0, 2), (3, 4)),
        Cut("user:ann", 3, (1,), (3, 4)),
        Cut("user:ann", 4, (0, 1, 2, 3), (4,)),
    ]


def test_by_hand_a_tablet_passes_from_one_user_to_another_and_back(
    found_cuts: Any,
) -> None:
    rows = [
        row(0, "tablet", None, 0),
        row(1, "tablet", "ann", 1),
        row(2, "tablet", None, 2),
        row(3, "tablet", "bob", 3),
        row(4, "tablet", None, 4),
        row(5, "tablet", "ann", 5),
        row(6, "tablet", None, 6),
    ]
    cuts, _ = found_cuts(asks(at_hours((7,))), rows)
    assert [(cut.who, cut.past) for cut in cuts] == [
        ("user:ann", (0, 1, 2, 5, 6)),
        ("user:bob", (3, 4)),
    ]


def test_a_link_that_comes_in_late_joins_late(found_cuts: Any) -> None:
    rows = [
        row(0, "laptop", None, 0),
        row(1, "laptop", "ann", 1, received=10),
        row(2, "laptop", None, 5),
        row(3, "laptop", None, 12),
    ]
    cuts, _ = found_cuts(asks(each(event("x"))), rows)
    assert [(cut.who, cut.instant, cut.past) for cut in cuts] == [
        ("anonymous:laptop", 0, (0,)),
        ("anonymous:laptop", 5, (0, 2)),
        ("user:ann", 10, (0, 1)),
        ("user:ann", 12, (0, 1, 2, 3)),
    ]


def test_methods_see_what_was_known(found_cuts: Any, histories_of: Any) -> None:
    rows = [
        row(0, "laptop", None, 0),
        row(1, "laptop", None, 1),
        row(2, "laptop", "ann", 2),
    ]
    asked = type("Asked", (Visits,), {"statistics": {}})()
    cuts, slices = found_cuts(asked, rows)
    assert [(cut.who, cut.past) for cut in cuts] == [
        ("anonymous:laptop", (0,)),
        ("anonymous:laptop", (0, 1)),
        ("user:ann", (0, 1, 2)),
    ]
    assert sorted(slices.label.tolist()) == [0, 1, 1]
    added = {"person", "identity.linked_at"}
    histories = histories_of(rows, added, asked.settings())
    assert not added & set(histories.columns)


def test_a_method_that_raises_sets_aside_the_history_it_was_shown(
    histories_of: Any, plain: Any, base_us: int
) -> None:
    class Raises(Visits):
        statistics: ClassVar = {}

        def is_cutoff(self, past: Any) -> bool:
            if past[-1]["user_id"] is None:
                raise KeyError("nobody")
            return True

    rows = [row(0, "laptop", None, 0), row(1, "laptop", "ann", 1)]
    rows += [row(2, "phone", "ann", 2), row(3, None, "bob", 3)]
    generator = Raises()
    histories = histories_of(rows, {"user_id"}, generator.settings())
    slices = slice_histories(generator, histories, observed_range(base_us, OBSERVED))
    # The visitor's event is among the person's too, so both are named, and none else.
    names = {failure.subject for failure in slices.failures}
    assert names == {"anonymous:laptop", "user:ann"}
    assert {e["who"] for e in plain(slices)} == {"user:bob"}


@pytest.mark.slow
@settings(max_examples=200, phases=[Phase.generate])
@given(rng=st.randoms(use_true_random=True))
def test_later_links_change_nothing(rng: Random, found_cuts: Any) -> None:
    """Links that are received after everything else leave every past as it was."""
    rows = some_people(rng)
    ends = max([known(r) for r in rows], default=0) + 100
    late = [
        row(100 + i, rng.choice(["d0", "d1", "d2"]), "late user", rng.randint(0, 60))
        | {"received": ends, "type": "y"}
        for i in range(2)
    ]
    before, _ = found_cuts(asks(each(event("x"))), rows)
    after, _ = found_cuts(asks(each(event("x"))), [*rows, *late])

    def pasts(cuts: list[Cut]) -> list[tuple[Any, ...]]:
        return [(cut.who, cut.instant, cut.past) for cut in cuts]

    assert pasts(after) == pasts(before), (rows, late)


def test_names_of_users_and_visitors_do_not_mix(found_cuts: Any) -> None:
    rows = [row(0, "7", None, 0), row(1, None, "7", 1)]
    cuts, slices = found_cuts(asks(at("2024-02-02")), rows)
    assert [(cut.who, cut.past) for cut in cuts] == [
        ("anonymous:7", (0,)),
        ("user:7", (1,)),
    ]
    assert len(set(slices.histories.subject_hash.tolist())) == 2
