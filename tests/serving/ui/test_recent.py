"""What a server remembers for its console, against plain lists and numpy."""

from __future__ import annotations

import random
import threading
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pytest

from zap.serving.answers import Answer
from zap.serving.ui.durations import PER_OCTAVE, SLOT_US, SLOTS, Durations
from zap.serving.ui.recent import APPLICATIONS, REASONS, ROWS, SCORES, Recent

NOW_US = 1_770_000_000_000_000


@dataclass
class Clock:
    """A clock that is set by hand."""

    us: int = NOW_US

    def __call__(self) -> int:
        return self.us


@dataclass
class Model:
    """All answers, in a list."""

    answers: list[Answer] = field(default_factory=list)

    def made(self, number: int, version: str = "a" * 16) -> Answer:
        answer = Answer(
            prediction_id=f"P{number}",
            application="shop",
            version=version,
            probability=number / 1e6,
            segment="high",
            events=number % 7,
            instant_us=0,
        )
        self.answers.append(answer)
        return answer


def test_the_last_answers_are_kept_in_order_and_bounded() -> None:
    recent, model, rng = Recent(Clock()), Model(), random.Random(4)
    while len(model.answers) < SCORES + 3_000:
        size = rng.choice([1, 1, 2, 40, 700])
        version = rng.choice(["a" * 16, "b" * 16])
        number = len(model.answers)
        recent.add([model.made(number + i, version) for i in range(size)])
    seen = recent.glimpse("shop")
    wanted = model.answers
    assert seen.total == len(wanted)
    assert [row.id for row in seen.rows] == [
        each.prediction_id for each in reversed(wanted[-ROWS:])
    ]
    assert list(seen.scores) == [
        (each.version, each.probability) for each in wanted[-SCORES:]
    ]
    first = seen.rows[0]
    assert (first.segment, first.events) == ("high", wanted[-1].events)
    assert first.time_us == NOW_US
    assert recent.glimpse("other").total == 0


def test_of_classes_all_numbers_are_kept() -> None:
    recent = Recent(Clock())
    probabilities = {"gold": 0.2, "none": 0.8}
    recent.add(
        [
            Answer(
                prediction_id="P1",
                application="shop",
                version="c" * 16,
                probabilities=probabilities,
                events=1,
                instant_us=0,
            )
        ]
    )
    assert recent.glimpse("shop").rows[0].value == (0.2, 0.8)


def test_threads_lose_nothing() -> None:
    recent = Recent(Clock())

    def work(name: int) -> None:
        model = Model()
        for number in range(400):
            recent.add([model.made(1000 * name + number)])
            recent.took("shop", 100.0)
            recent.refuse("busy")

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = recent.glimpse("shop")
    assert seen.total == seen.latency.n == 3200
    assert recent.refusals() == {"busy": (3200, 3200)}
    assert len({value for _, value in seen.scores}) == 3200


def test_reasons_and_applications_are_bounded() -> None:
    recent = Recent(Clock())
    for number in range(3 * REASONS):
        recent.refuse(f"reason {number}")
    found = recent.refusals()
    assert len(found) == REASONS + 1
    assert sum(total for total, _ in found.values()) == 3 * REASONS
    assert found["other"] == (2 * REASONS, 2 * REASONS)
    for number in range(2 * APPLICATIONS):
        recent.took(f"app{number}", 5.0)
    seen = [recent.glimpse(f"app{n}").latency.n for n in range(2 * APPLICATIONS)]
    assert sum(seen) == APPLICATIONS


def test_refusals_of_ten_minutes_are_told_apart() -> None:
    clock, rng = Clock(), random.Random(7)
    recent = Recent(clock)
    told: list[tuple[int, str]] = []
    for _ in range(500):
        clock.us += rng.randrange(0, 20_000_000)
        reason = rng.choice(["busy", "bad_key", "invalid"])
        recent.refuse(reason)
        told.append((clock.us // SLOT_US, reason))
    first = clock.us // SLOT_US - SLOTS + 1
    total = Counter(reason for _, reason in told)
    lately = Counter(reason for slot, reason in told if slot >= first)
    assert 0 < lately.total() < total.total()
    assert recent.refusals() == {r: (total[r], lately[r]) for r in total}


def test_lines_of_requests_are_sorted_out() -> None:
    recent = Recent(Clock())
    path = "/v1/predictions/{application}"
    good = {"route": path, "status": 200, "ms": 1.5, "application": "shop"}
    recent.see(good)
    recent.see({**good, "route": f"{path}/batch"})
    recent.see({**good, "status": 503, "code": "busy"})
    recent.see({"route": "other", "status": 404, "ms": 0.1, "code": "not_found"})
    recent.see({"route": "/ready", "status": 503, "ms": 0.1})
    recent.see({"route": "/v1/events", "status": 499, "ms": 0.1})
    assert recent.glimpse("shop").latency.n == 1
    assert set(recent.refusals()) == {"busy", "not_found", "status 499"}


@pytest.mark.parametrize("seed", range(3))
def test_percentiles_are_near_numpys(seed: int) -> None:
    rng = np.random.default_rng(seed)
    durations, kept = Durations(), []
    now = NOW_US
    for value in rng.lognormal(7, 1.5, 4_000):
        now += int(rng.exponential(400_000))
        durations.add(now, float(value))
        kept.append((now // SLOT_US, value))
    found = durations.recent(now)
    last = now // SLOT_US
    slots = [[v for s, v in kept if s == slot] for slot in range(last - 59, last + 1)]
    near = 2 ** (0.51 / PER_OCTAVE)
    for spread, values in zip(found.series(), slots, strict=True):
        assert spread.n == len(values)
        for told, share in ((spread.p50_ms, 0.5), (spread.p99_ms, 0.99)):
            if not values:
                assert told is None
                continue
            exact = np.quantile(values, share, method="inverted_cdf") / 1000
            assert told is not None and 1 / near <= told / exact <= near
    whole = found.whole()
    assert whole.n == sum(map(len, slots)) < len(kept)
    exact = np.quantile([v for s in slots for v in s], 0.99, method="inverted_cdf")
    assert whole.p99_ms is not None
    assert 1 / near <= 1000 * whole.p99_ms / exact <= near


def test_no_duration_is_too_short_or_too_long() -> None:
    durations = Durations()
    for value in (-5.0, 0.0, 0.3, 1.0, 1e12):
        durations.add(NOW_US, value)
    assert durations.recent(NOW_US).whole().n == 5
