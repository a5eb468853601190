"""What the comparison with plain loops leaves open about rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zap.encoding.columns import Categorical
from zap.examples import (
    ANY,
    Generator,
    Hash,
    Instance,
    after,
    at,
    before_outcome,
    daily,
    each,
    event,
    future,
    gt,
    monthly,
    nth,
    past,
    random_k,
)
from zap.examples.calendar import day_instants, month_instants
from zap.examples.cutoffs import rule_from_dict
from zap.examples.evaluate import Context
from zap.examples.observed import ObservedRange
from zap.examples.rules import CutoffRule
from zap.examples.slicing import slice_histories
from zap.histories.batch import HistoryBatch, session_bounds
from zap.times import DAY_US, instant_us, iso

EVERYTHING = ObservedRange(0, 10**16)
X = event("x", amount=gt(0.5))
RULES = [
    each(X),
    nth(X, 4),
    at("2024-03-01T10:00:00.5Z", "2024-02-01"),
    monthly("2011-11", "2012-02", day=3, at="10:30Z"),
    daily(at="23:59:59Z"),
    after(X, days=1.5),
    before_outcome(X),
    each(X).sample(0.3).sample(0.5),
    random_k(X, 3),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_a_rule_survives_json(rule: CutoffRule) -> None:
    assert rule_from_dict(rule.to_dict()) == rule


def test_which_rules_lie_in_time_and_which_anticipate() -> None:
    timed = [type(rule).__name__ for rule in RULES if rule.timed]
    assert timed == ["At", "Monthly", "Daily", "After"]
    assert [rule.anticipating for rule in RULES] == [False] * 6 + [True, False, True]
    assert before_outcome(X).sample(0.5).anticipating
    assert daily().sample(0.5).timed


def test_months_and_days() -> None:
    times = month_instants("2011-11", "2012-02", 3, "10:30Z")
    months = ["2011-11", "2011-12", "2012-01", "2012-02"]
    assert [iso(time) for time in times] == [f"{m}-03T10:30:00Z" for m in months]
    first = instant_us("2024-02-28T12:00Z")
    days = day_instants(first, first + 2 * DAY_US, "12:00Z")
    assert [iso(time)[:13] for time in days.tolist()] == [
        "2024-02-28T12",
        "2024-02-29T12",
    ]
    before_1970 = day_instants(-3 * DAY_US, 0, "00:00:01Z")
    assert before_1970.tolist() == [day * DAY_US + 1_000_000 for day in (-3, -2, -1)]


def _chosen(rule: CutoffRule, histories: Any) -> set[tuple[str, int]]:
    cutoffs = rule.generate(Context(histories), EVERYTHING)
    uids = histories.columns["uid"].values[cutoffs.position - 1]
    assert len(set(uids)) == len(uids)
    return set(uids.astype(int).tolist())


def test_a_sample_is_a_share_that_depends_on_nothing_else(histories_of: Any) -> None:
    rows = [
        {"who": f"v{i % 70}", "uid": i, "t": i // 70, "type": "x"} for i in range(2100)
    ]
    rule = each(event(ANY))
    histories = histories_of(rows)
    everything = _chosen(rule, histories)
    some, more = (_chosen(rule.sample(share), histories) for share in (0.3, 0.6))
    assert _chosen(rule.sample(1), histories) == everything == set(range(2100))
    assert len(some) == pytest.approx(630, abs=85)  # four standard deviations
    assert some < more < everything
    half = [row for row in rows if row["who"] < "v4"]
    assert _chosen(rule.sample(0.3), histories_of(half)) == {
        uid for uid in some if f"v{uid % 70}" < "v4"
    }


def test_events_at_one_instant_are_sampled_one_by_one(histories_of: Any) -> None:
    """Or a visit's page views of one second would stay or go together."""
    rows = [{"who": "a", "uid": i, "t": 0, "type": "x"} for i in range(200)]
    chosen = _chosen(each(event(ANY)).sample(0.5), histories_of(rows))
    assert 60 < len(chosen) < 140


def test_daily_without_days_or_events(histories_of: Any) -> None:
    narrow = ObservedRange(1, 2)
    rows = [{"who": "a", "uid": 0, "t": 0, "type": "x"}]
    for histories in (histories_of(rows), histories_of([])):
        assert not len(daily().generate(Context(histories), narrow))
        assert not len(at("2020-01-01").generate(Context(histories), narrow))
    assert np.array_equal(
        daily().generate(Context(histories_of([])), EVERYTHING).subject, []
    )


@pytest.mark.parametrize("share", [None, 0.25])
def test_daily_makes_the_eligible_cutoffs_and_not_every_day_of_everybody(
    share: float | None,
) -> None:
    """900,000 days of subjects, of which 64,000 come within a week after activity."""
    subjects, days = 5_000, 180
    rng = np.random.default_rng(3)
    row, day = np.divmod(np.sort(rng.choice(subjects * days, 9_420, False)), days)
    start = instant_us("2024-01-01")
    batch = _histories(row, start + day * DAY_US + DAY_US // 2, subjects)
    active = np.zeros((subjects, days + 8), bool)
    for later in range(1, 8):  # noon of a day is within the seven midnights after it
        active[row, day + later] = True
    eligible = int(active[:, :days].sum())
    assert 62_000 < eligible < 66_000 and subjects * days == 900_000
    rule = daily() if share is None else daily().sample(share)
    generator = _active_in_a_week(rule)
    observed = ObservedRange(start, start + days * DAY_US)
    made: list[int] = []

    class Counting(Context):
        """Counts the cutoffs that any rule asks the index for."""

        @property
        def times(self) -> Any:
            index = super().times

            class Index:
                def first_at_or_after(self, subject: Any, time_us: Any) -> Any:
                    made.append(len(subject))
                    return index.first_at_or_after(subject, time_us)

            return Index()

    cutoffs = generator.rule().generate(Counting(batch), observed)
    assert made == [eligible]
    found = slice_histories(generator, batch, observed).counts
    assert found["cutoffs.candidates"] == len(cutoffs)
    assert found["cutoffs.dropped.not_eligible"] == 0
    share = share or 1
    spread = 4 * (eligible * share * (1 - share)) ** 0.5
    assert abs(len(cutoffs) - eligible * share) <= spread


def _active_in_a_week(rule: CutoffRule) -> Generator:
    made = {
        "cutoffs": rule,
        "eligible": past(days=7).any(event("x")) & past().any(event("x")),
        "label": future(days=1).any(event("x")),
        "instance": Instance(types=("x",), fields=[Hash("type")]),
    }
    return type("ActiveInAWeek", (Generator,), made)()


def _histories(row: Any, time_us: Any, subjects: int) -> HistoryBatch:
    """One event of type x at each time of each row."""
    offsets = np.searchsorted(row, np.arange(subjects + 1))
    start, stop = session_bounds(offsets, time_us, None)
    return HistoryBatch(
        offsets=offsets,
        time_us=time_us,
        columns={"type": Categorical(np.zeros(len(row), np.int32), ["x"])},
        subject=[f"s{i}" for i in range(subjects)],
        subject_hash=np.arange(subjects),
        received_us=None,
        session_start=start,
        session_stop=stop,
        session_gap_us=None,
    )
