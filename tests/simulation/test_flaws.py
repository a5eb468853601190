"""What goes wrong on the way, as often as it is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from zap.simulation.flaws import DUPLICATE, LATE, NO_TIME, Sent, send
from zap.simulation.settings import DAY_MS, Settings

TIME = np.arange(100_000) * 1_000
RECEIVED = TIME + 500


def sent(**shares: float) -> Sent:
    none = {"duplicates": 0.0, "late": 0.0, "broken": 0.0}
    return send(
        np.random.default_rng(1), TIME, RECEIVED, Settings(**{**none, **shares})
    )


def test_nothing_goes_wrong_unless_asked_for() -> None:
    found = sent()
    assert (found.event == np.arange(len(TIME))).all()
    assert (found.received_ms == RECEIVED).all() and not found.fault.any()


@pytest.mark.parametrize(
    "shares",
    [
        {"duplicates": 0.1},
        {"late": 0.2},
        {"broken": 0.3},
        {"duplicates": 0.02, "late": 0.05, "broken": 0.01},
        {"duplicates": 0.5, "broken": 0.4},
    ],
)
def test_shares_are_of_all_rows(shares: dict[str, float]) -> None:
    fault = sent(**shares).fault
    found = {
        "duplicates": (fault == DUPLICATE).mean(),
        "late": (fault == LATE).mean(),
        "broken": (fault >= NO_TIME).mean(),
    }
    for name, share in found.items():
        assert share == pytest.approx(shares.get(name, 0.0), abs=0.005 + 0.05 * share)


def test_each_event_is_sent_once_as_it_was() -> None:
    found = sent(duplicates=0.1, late=0.1, broken=0.1)
    whole = found.fault < DUPLICATE
    assert (found.event[whole] == np.arange(len(TIME))).all()
    assert (found.own[whole] == np.arange(len(TIME))).all()


def test_late_is_minutes_to_days_and_a_repeat_comes_after() -> None:
    found = sent(duplicates=0.1, late=0.1)
    late = found.fault == LATE
    delay = found.received_ms[late] - TIME[found.event[late]]
    assert delay.min() >= 5 * 60_000 and delay.max() <= 3 * DAY_MS
    assert 3_600_000 < np.median(delay) < DAY_MS
    again = found.fault == DUPLICATE
    assert (found.own[again] == found.event[again]).all()
    assert (found.received_ms[again] > RECEIVED[found.event[again]]).all()


def test_a_broken_row_has_an_id_of_its_own() -> None:
    found = sent(broken=0.1, duplicates=0.1)
    broken = found.fault >= NO_TIME
    assert len(np.unique(found.own[broken])) == broken.sum()
    assert found.own[broken].min() >= len(TIME)
