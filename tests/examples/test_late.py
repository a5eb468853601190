"""What the past of a cutoff holds cannot be changed by what comes after it.

The property is tested by mutation: all that lies after a cutoff is changed, dropped or
made up anew (late events too), and everything that a model may see is compared.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from zap.datasets.assemble import assemble
from zap.encoding.encoder import Encoder
from zap.encoding.fit import fit, sketch_instance
from zap.examples import (
    ANY,
    Generator,
    Hash,
    InactivityGap,
    Instance,
    Last,
    OneHot,
    PowerBins,
    SincePrevious,
    after,
    at,
    daily,
    each,
    event,
    future,
    in_session,
    nth,
    past,
    tenure,
    windows,
)
from zap.examples.late import without_late_events
from zap.examples.observed import ObservedRange
from zap.examples.slicing import slice_histories
from zap.histories.build import HistorySettings

HOUR_US = 3_600_000_000
EVERYTHING = ObservedRange(0, 10**16)
X = event("x")
Row = dict[str, Any]


def _instance(wait: bool) -> Instance:
    return Instance(
        types=("x", "y"),
        last=3,
        lookback_days=2,
        wait=wait,
        fields=[Hash("color"), PowerBins("amount"), SincePrevious()],
        metadata=[
            Last("color"),
            Last("flag", OneHot("flag", values=("true",))),
            tenure(),
        ],
        aggregates=windows([1, 2], of=["count", "amount"], by="type"),
    )


SEEN = {
    "eligible": past(hours=30).any(X) & in_session().none(event("z")),
    "count": in_session().count(event(ANY)),
    "sum": past(hours=24).sum("amount"),
    "since": past().since(event("y")),
    "duration": in_session().duration(),
    "last": past().last("amount", 2.0),
}


class AfterEach(Generator):
    """After every event."""

    session = InactivityGap(hours=5)
    cutoffs = each(event(ANY))
    eligible = SEEN["eligible"]
    label = future(hours=1).any(X)
    instance = _instance(wait=False)
    statistics = SEEN


class AtTimes(AfterEach):
    """At three times."""

    cutoffs = at("2024-01-30T07:00Z", "2024-01-31", "2024-02-01")
    instance = _instance(wait=True)


class ByMethods(AfterEach):
    """After every other event that is known, if a red one was seen."""

    eligible = None

    def is_cutoff(self, past: Any) -> bool:
        return len(past) % 2 == 1

    def eligible_(self, past: Any) -> bool:
        return "red" in past.values("color")


ByMethods.eligible = ByMethods.eligible_  # the attribute above hides the base's


rows_of_one = st.fixed_dictionaries(
    {
        "t": st.integers(0, 60),
        "lag": st.sampled_from([None, 0, 0, 1, 6, 40]),
        "type": st.sampled_from("xyz"),
        "amount": st.sampled_from([None, 0.0, 1.5, 20.0]),
        "color": st.sampled_from([None, "red", "green"]),
        "flag": st.sampled_from([None, True, False]),
    }
)


def _rows(drawn: list[Row], who: str = "a", first_uid: int = 0) -> list[Row]:
    rows = []
    for uid, row in enumerate(drawn, first_uid):
        known = None if row["lag"] is None else row["t"] + row["lag"]
        kept = {k: v for k, v in row.items() if k != "lag"}
        rows.append({**kept, "who": who, "uid": uid, "row": uid, "received": known})
    return rows


def _seen(generator: Generator, histories: Any, encoder: Encoder) -> dict[Any, Any]:
    """All that a model may see, by (instant, events of the past)."""
    slices = slice_histories(generator, histories, EVERYTHING)
    visits, _ = assemble(slices, encoder)
    uids = slices.histories.columns["uid"].values.astype(int)
    seen = {}
    for i, instant in enumerate(slices.cutoffs.instant_us.tolist()):
        row, position = slices.cutoffs.subject[i], slices.cutoffs.position[i]
        if slices.histories.subject[row] != "a":
            continue
        start = slices.histories.offsets[row]
        events = range(visits.start[i], visits.stop[i])
        seen[instant, tuple(uids[start:position].tolist())] = (
            [_row(visits.events, event_row) for event_row in events],
            _row(visits.metadata, i),
            {n: column[i].item() for n, column in slices.statistics.items()},
            {n: column[i].item() for n, column in slices.baseline.items()},
            {n: str(column[i]) for n, column in slices.moment.items()},
        )
    return seen


def _row(rows: Any, i: int) -> tuple[list[int], list[float]]:
    start, stop = rows.offsets[i : i + 2]
    return rows.indices[start:stop].tolist(), rows.values[start:stop].tolist()


def _fitted(generator: Generator, histories: Any) -> Encoder:
    slices = slice_histories(generator, histories, EVERYTHING)
    sketches = sketch_instance(generator.instance, slices.histories, slices.cutoffs)
    return Encoder(fit(generator.instance, sketches))


# Not shrunk: of descriptions as large as these that takes minutes.
@settings(max_examples=120, phases=[Phase.generate])
@given(data=st.data())
def test_changing_what_comes_after_a_cutoff_changes_nothing_that_is_seen(
    data: st.DataObject, histories_of: Any, base_us: int
) -> None:
    generator = data.draw(st.sampled_from([AfterEach, AtTimes, ByMethods]))()
    rows = _rows(data.draw(st.lists(rows_of_one, min_size=1, max_size=8)))
    settings_ = generator.settings()
    histories = histories_of(rows, None, settings_)
    encoder = _fitted(generator, histories)
    before = _seen(generator, histories, encoder)
    if not before:
        return
    instant_us, uids = data.draw(st.sampled_from(sorted(before)))
    instant = (instant_us - base_us) // HOUR_US
    kept = [row for row in rows if row["uid"] in uids]
    timed = isinstance(generator, AtTimes)
    at_least = instant if timed else max(row["t"] for row in kept)
    made_up = _rows(data.draw(st.lists(rows_of_one, max_size=6)), first_uid=100)
    for row in made_up:
        if row["t"] < at_least:  # it happened before, so it must be a late one
            row["received"] = instant + data.draw(st.sampled_from([1, 9]))
    if timed:
        for row in made_up:
            if row["t"] < at_least and data.draw(st.booleans()):
                row["received"] = instant  # received at t itself is not before t
    others = _rows(data.draw(st.lists(rows_of_one, max_size=3)), "b", 200)
    mixed = data.draw(st.permutations([*kept, *made_up, *others]))
    after = _seen(generator, histories_of(mixed, None, settings_), encoder)
    assert after[instant_us, uids] == before[instant_us, uids]


@settings(max_examples=60)
@given(
    drawn=st.lists(rows_of_one, max_size=8),
    cutoff=st.sampled_from([AfterEach, AtTimes]),
)
def test_eligibility_is_decided_from_what_is_seen(
    drawn: list[Row], cutoff: type[Generator], histories_of: Any
) -> None:
    """With and without the condition: the same cutoffs where it is true, no others."""
    anyone = type("Anyone", (cutoff,), {"eligible": None})
    histories = histories_of(_rows(drawn), None, cutoff().settings())
    free = slice_histories(anyone(), histories, EVERYTHING)
    bound = slice_histories(cutoff(), histories, EVERYTHING)
    wanted = free.statistics["eligible"] == 1
    assert bound.cutoffs.instant_us.tolist() == free.cutoffs.instant_us[wanted].tolist()
    assert (bound.statistics["eligible"] == 1).all()


def test_a_cutoff_with_late_events_gets_a_history_of_its_own(
    histories_of: Any, plain: Any, base_us: int
) -> None:
    """By hand: b happens at 2 and comes in at 7, after c (4) and before d (9)."""
    rows = [
        {"who": "a", "uid": 0, "t": 0, "received": 0, "type": "x"},
        {"who": "a", "uid": 1, "t": 2, "received": 7, "type": "x"},
        {"who": "a", "uid": 2, "t": 4, "received": 4, "type": "x"},
        {"who": "a", "uid": 3, "t": 9, "received": 9, "type": "x"},
    ]
    generator = AfterEach()
    slices = slice_histories(generator, histories_of(rows), EVERYTHING)
    found = sorted((e["instant"], e["past"], e["future"]) for e in plain(slices))
    hours = [((i - base_us) // HOUR_US, p, f) for i, p, f in found]
    assert hours == [
        (0, (0,), (1, 2, 3)),
        (4, (0, 2), (3,)),
        (7, (0, 1), (2, 3)),
        (9, (0, 1, 2, 3), ()),
    ]
    assert slices.counts["events.late"] == 1
    # The hash is that of the subject, so its copy cannot land in another split.
    assert len(set(slices.histories.subject_hash.tolist())) == 1


def test_without_receipts_nothing_is_copied(histories_of: Any) -> None:
    rows = [{"who": "a", "uid": i, "t": i, "type": "x"} for i in range(3)]
    histories = histories_of(rows, None, HistorySettings())
    slices = slice_histories(AfterEach(), histories, EVERYTHING)
    assert slices.histories is histories
    none = slices.cutoffs.select(np.zeros(3, bool))
    assert without_late_events(histories, none, False)[0] is histories


def _hours(generator: Generator, rows: list[Row], histories_of: Any) -> list[float]:
    """The instants of all cutoffs, in hours."""
    histories = histories_of(rows, None, generator.settings())
    slices = slice_histories(generator, histories, EVERYTHING)
    base = min(histories.time_us) - min(row["t"] for row in rows) * HOUR_US
    return [(i - base) / HOUR_US for i in sorted(slices.cutoffs.instant_us.tolist())]


def _at(t: float, received: float, kind: str = "x") -> Row:
    uid = int(t * 10)
    return {"who": "a", "uid": uid, "t": t, "received": received, "type": kind}


def _asks(rule: Any, **more: Any) -> Generator:
    made = {
        "cutoffs": rule,
        "label": future(hours=1).any(X),
        "instance": Instance(types=("x",), fields=[Hash("type")]),
    }
    return type("Asks", (Generator,), made | more)()


def test_the_nth_is_counted_among_what_was_known(histories_of: Any) -> None:
    """The event of hour 2 comes in at 9; at hour 4 only two events were known."""
    rows = [_at(0, 0), _at(2, 9), _at(4, 4), _at(6, 6)]
    assert _hours(_asks(nth(X, 2)), rows, histories_of) == [4]
    assert _hours(_asks(nth(X, 3)), rows, histories_of) == [6]
    # Both of hours 2 and 4 are the second by what was known; 4 was so earlier.
    assert _hours(_asks(nth(X, 4)), rows, histories_of) == []


def test_a_late_event_does_not_join_two_sessions_for_the_nth(histories_of: Any) -> None:
    """Without the event of hour 2, which comes in at 50, hour 4 begins a session."""
    rows = [_at(0, 0), _at(2, 50), _at(4, 4)]
    session = InactivityGap(hours=3)
    first = _asks(nth(X, 1), session=session)
    assert _hours(first, rows, histories_of) == [0, 4]


def test_an_anchor_that_came_too_late_gives_way_to_the_next(histories_of: Any) -> None:
    rows = [_at(0, 20), _at(3, 4), _at(5, 5)]
    assert _hours(_asks(after(X, hours=10)), rows, histories_of) == [13]
    assert _hours(_asks(after(X, hours=21)), rows, histories_of) == [21]


def test_an_event_received_before_it_happened_is_known_when_it_happens(
    histories_of: Any,
) -> None:
    """Or the event before it, without a receipt, would be late for it."""
    rows = [{**_at(3, 3), "received": None}, _at(4, 1)]
    slices = slice_histories(_asks(each(X)), histories_of(rows), EVERYTHING)
    assert slices.counts["events.late"] == 0
    assert slices.statistics == {} and slices.counts["cutoffs.examples"] == 2
    assert _hours(_asks(each(X)), rows, histories_of) == [3, 4]


def test_a_daily_cutoff_waits_until_the_activity_is_known(histories_of: Any) -> None:
    """Of a day's activity received on the third day, two of three cutoffs are left."""
    rows = [{**_at(0.5, 50), "who": who} for who in "ab"]
    generator = _asks(daily(), eligible=past(days=4).any(X))
    histories = histories_of(rows, None, generator.settings())
    slices = slice_histories(generator, histories, EVERYTHING)
    assert _hours(generator, rows, histories_of) == [72, 72, 96, 96]
    assert slices.counts["cutoffs.candidates"] == 4


@settings(max_examples=100)
@given(
    drawn=st.lists(rows_of_one, min_size=1, max_size=8),
    more=st.lists(rows_of_one, max_size=4),
    kind=st.sampled_from(["each", "at"]),
)
def test_an_event_that_comes_later_does_not_move_a_sample(
    drawn: list[Row], more: list[Row], kind: str, histories_of: Any
) -> None:
    """Events received after all others change no earlier cutoff's draw."""
    rule = each(event(ANY)) if kind == "each" else AtTimes.cutoffs
    generator = _asks(rule.sample(0.5))
    rows = _rows(drawn)
    late = [{**row, "received": 200} for row in _rows(more, first_uid=100)]
    before = set(_hours(generator, rows, histories_of))
    after_all = _hours(generator, [*rows, *late], histories_of)
    assert before == {hour for hour in after_all if hour < 200}


def test_a_method_that_places_cutoffs_sees_no_late_event(histories_of: Any) -> None:
    seen: list[list[float]] = []

    class Watches(Generator):
        label = future(hours=1).any(X)
        instance = Instance(types=("x",), fields=[Hash("type")])

        def is_cutoff(self, past: Any) -> bool:
            seen.append(past.values("uid"))
            return True

    rows = [
        {"who": "a", "uid": 0, "t": 0, "received": 0, "type": "x"},
        {"who": "a", "uid": 1, "t": 2, "received": 7, "type": "x"},
        {"who": "a", "uid": 2, "t": 4, "received": 4, "type": "x"},
    ]
    slices = slice_histories(Watches(), histories_of(rows), EVERYTHING)
    assert sorted(seen) == [[0], [0, 1], [0, 2]]
    assert slices.counts["cutoffs.examples"] == 3
    assert slices.counts["events.late"] == 1
