"""When a question is asked, on a history small enough to work out by hand."""

from __future__ import annotations

from typing import Any

from zap.examples import Generator, Hash, InactivityGap, Instance, at, each, event
from zap.examples import future as after
from zap.examples.observed import ObservedRange
from zap.examples.slicing import slice_histories

HOUR = 3_600
EVERYTHING = ObservedRange(-(2**60), 2**60)
ROWS = [
    {"who": "a", "uid": uid, "t": t, "type": kind}
    for uid, (t, kind) in enumerate([(0, "y"), (1, "x"), (2, "x"), (9, "x"), (10, "y")])
]


class AfterEach(Generator):
    """Will there be another within an hour?"""

    session = InactivityGap(hours=3)
    cutoffs = each(event("x", "y"))
    label = after(hours=1).any(event("x"))
    instance = Instance(types=["x"], fields=[Hash("color")], hash_buckets=8)


class AtTimes(AfterEach):
    """The same at times: within the first session, after it, within the second."""

    cutoffs = at("2024-01-30T04:00", "2024-01-30T08:00", "2024-01-30T12:00")


def moments_of(
    generator: Generator, histories_of: Any
) -> list[tuple[float | None, ...]]:
    histories = histories_of(ROWS, generator.fields(), generator.settings())
    found = slice_histories(generator, histories, EVERYTHING).moment
    names = ("position", "elapsed_seconds", "wait_seconds")
    columns = (found[name].tolist() for name in names)
    return [
        tuple(None if value != value else value for value in row)
        for row in zip(*columns, strict=True)
    ]


def test_positions_begin_again_with_a_session_and_waits_do_not(
    histories_of: Any,
) -> None:
    assert moments_of(AfterEach(), histories_of) == [
        (0, 0, None),  # y is no type of the instance
        (1, 1 * HOUR, 0),
        (2, 2 * HOUR, 0),
        (1, 0, 0),
        (1, 1 * HOUR, 1 * HOUR),
    ]


def test_a_time_after_a_session_has_no_position_and_still_a_wait(
    histories_of: Any,
) -> None:
    assert moments_of(AtTimes(), histories_of) == [
        (2, 4 * HOUR, 2 * HOUR),
        (0, None, 6 * HOUR),
        (1, 3 * HOUR, 3 * HOUR),
    ]
