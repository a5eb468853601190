"""Every sink gets every record, in order, whatever fails in between."""

from __future__ import annotations

import random
import threading
from pathlib import Path
from typing import Any

import pytest
from made_sinks import PATIENCE_S, QUICK, Listed, delivering, reported, until

from zap.collect.delivery import delivery
from zap.collect.delivery.delivery import Delivery
from zap.collect.delivery.options import DeliveryOptions
from zap.collect.delivery.report import read_report
from zap.collect.delivery.status import delivery_status
from zap.collect.spool import Positions, Spool, SpoolFull, SpoolOptions, SpoolReader
from zap.errors import CollectError


def records(count: int, size: int = 40, first: int = 0) -> list[bytes]:
    return [b'E{"n":"%d%s"}' % (first + n, b"x" * size) for n in range(count)]


def in_order(sink: Listed) -> list[bytes]:
    """What a sink holds, if it came in order and each once."""
    numbers = [number for number, _ in sink.taken]
    assert numbers == list(range(len(numbers)))
    return [record for _, record in sink.taken]


def test_each_sink_gets_all_in_order_while_more_comes(tmp_path: Path) -> None:
    sinks = [Listed("one"), Listed("other")]
    said = records(1_000)
    with Spool(tmp_path) as spool, delivering(tmp_path, sinks):
        for begin in range(0, 1_000, 37):
            spool.append(said[begin : begin + 37])
    for sink in sinks:
        assert in_order(sink) == said and sink.closed
        assert Positions(tmp_path).get(sink.name) == 1_000


def test_a_sink_that_stands_still_holds_up_no_other(tmp_path: Path) -> None:
    still, quick = Listed("still"), Listed("quick")
    still.open.clear()
    said = records(500)
    with Spool(tmp_path) as spool, delivering(tmp_path, [still, quick]):
        spool.append(said)
        until(lambda: len(quick.taken) == 500)
        assert still.taken == [] and Positions(tmp_path).get("still") == 0
        still.open.set()
    assert in_order(still) == in_order(quick) == said


def test_what_is_refused_comes_again_and_the_error_is_remembered(
    tmp_path: Path,
) -> None:
    down = threading.Event()
    down.set()
    sink = Listed(fails=lambda tries: "before" if down.is_set() else "")
    said = records(120)
    with Spool(tmp_path) as spool, delivering(tmp_path, [sink]):
        spool.append(said)
        until(lambda: sink.tries > 3)
        until(lambda: reported(tmp_path, "listed")["in_a_row"] > 3)
        told = reported(tmp_path, "listed")
        assert told["error"].startswith("refused, try") and told["taken"] == 0
        assert told["failing_since_us"] <= told["error_us"] < told["retry_us"]
        down.clear()
        until(lambda: len(sink.taken) == 120)
    told = reported(tmp_path, "listed")
    assert in_order(sink) == said
    assert told["in_a_row"] == 0 and told["error"].startswith("refused, try")
    assert told["taken"] == told["position"] == 120 and told["retry_us"] is None
    assert told["failures"] == sink.tries - len(sink.batches)


def test_a_sink_that_fails_after_it_has_kept_is_given_the_same_again(
    tmp_path: Path,
) -> None:
    rng = random.Random(3)
    fates = [rng.choice(["", "before", "after"]) for _ in range(200)]
    sink = Listed(fails=lambda tries: fates[tries % 200])
    said = records(1_000)
    with Spool(tmp_path) as spool, delivering(tmp_path, [sink]):
        spool.append(said)
        until(lambda: Positions(tmp_path).get("listed") == 1_000)
    assert dict(sink.taken) == dict(enumerate(said))
    repeated = len(sink.taken) - 1_000
    assert repeated > 0, "the test must see repeats"
    # Never a step ahead of what is missing: order holds but for what is repeated.
    highest = -1
    for number, _ in sink.taken:
        assert number <= highest + 1
        highest = max(highest, number)


def test_a_spool_that_is_full_refuses_and_takes_again_once_sinks_catch_up(
    tmp_path: Path,
) -> None:
    options = SpoolOptions(max_bytes=200_000, segment_bytes=20_000)
    sinks = [Listed("down"), Listed("up")]
    sinks[0].open.clear()
    said: list[bytes] = []
    with Spool(tmp_path, options) as spool, delivering(tmp_path, sinks):
        with pytest.raises(SpoolFull):
            while True:
                more = records(50, 100, len(said))
                spool.append(more)
                said += more
        assert spool.status().bytes <= 200_000
        until(lambda: len(sinks[1].taken) == len(said))
        with pytest.raises(SpoolFull):
            spool.append(records(50, 100))
        sinks[0].open.set()
        more = records(50, 100, len(said))
        until(lambda: appended(spool, more))
        said += more
    assert [in_order(sink) for sink in sinks] == [said, said]


def test_a_small_spool_takes_as_much_as_its_sinks_do(tmp_path: Path) -> None:
    """With the segments of a large one it would be full for good."""
    sink = Listed()
    with (
        Spool(tmp_path, SpoolOptions(max_bytes=50_000)) as spool,
        delivering(tmp_path, [sink]),
    ):
        for first in range(0, 5_000, 50):
            more = records(50, first=first)
            until(lambda more=more: appended(spool, more))
    assert len(in_order(sink)) == 5_000


def appended(spool: Spool, more: list[bytes]) -> bool:
    try:
        spool.append(more)
    except SpoolFull:
        return False
    return True


def test_what_all_have_taken_is_kept_as_long_as_there_is_room(tmp_path: Path) -> None:
    options = SpoolOptions(max_bytes=60_000, segment_bytes=5_000)
    with Spool(tmp_path, options) as spool:
        spool.append(records(100))
        with delivering(tmp_path, [Listed()]):
            until(lambda: Positions(tmp_path).get("listed") == 100)
        assert SpoolReader(tmp_path).oldest == 0, "all are younger than a day"
        for _ in range(16):
            spool.append(records(50))
        with delivering(tmp_path, [Listed()]):
            until(lambda: spool.status().bytes <= 30_000)
        gone = SpoolReader(tmp_path).oldest
        assert 0 < gone < 900
        late = Listed("late")
        with delivering(tmp_path, [late]):
            until(lambda: Positions(tmp_path).get("late") == 900)
        told = reported(tmp_path, "late")
        assert told["skipped"] == gone and told["taken"] == 900 - gone


def test_on_a_disk_that_is_nearly_full_what_all_have_taken_goes(tmp_path: Path) -> None:
    short = DeliveryOptions(**{**vars(QUICK), "free_bytes": 1 << 62})
    with Spool(tmp_path, SpoolOptions(segment_bytes=2_000)) as spool:
        for begin in range(0, 500, 20):
            spool.append(records(20, first=begin))
        with delivering(tmp_path, [Listed()], short):
            until(lambda: SpoolReader(tmp_path).oldest > 450)


def test_nothing_is_trimmed_before_the_slowest_has_it(tmp_path: Path) -> None:
    still, quick = Listed("still"), Listed("quick")
    still.open.clear()
    options = DeliveryOptions(**{**vars(QUICK), "keep_s": 0})
    with Spool(tmp_path, SpoolOptions(segment_bytes=2_000)) as spool:
        said = records(500)
        with delivering(tmp_path, [still, quick], options):
            for begin in range(0, 500, 20):
                spool.append(said[begin : begin + 20])
            until(lambda: len(quick.taken) == 500)
            assert SpoolReader(tmp_path).oldest == 0
            still.open.set()
            until(lambda: SpoolReader(tmp_path).oldest > 0)
    assert in_order(still) == said


def test_a_batch_is_bounded_by_bytes(tmp_path: Path) -> None:
    sink = Listed()
    options = DeliveryOptions(**{**vars(QUICK), "most": 10_000, "most_bytes": 10_000})
    with Spool(tmp_path) as spool:
        spool.append(records(300, 1_000))
        with delivering(tmp_path, [sink], options):
            until(lambda: len(sink.taken) == 300)
    assert len(in_order(sink)) == 300
    assert max(sum(map(len, batch.records)) for batch in sink.batches) <= 10_000


def test_what_a_sink_has_taken_is_told_though_its_process_was_killed(
    tmp_path: Path,
) -> None:
    """Killed between the sink's own note and the spool's, with nothing more to come."""

    class Noted(Listed):
        def position(self) -> int:
            return 5

    with Spool(tmp_path) as spool:
        spool.append(records(5))
        Positions(tmp_path).set("listed", 0)  # as it began
        sink = Noted()
        with delivering(tmp_path, [sink]):
            until(lambda: Positions(tmp_path).get("listed") == 5)
    assert sink.taken == []


def test_a_defect_of_a_sink_ends_the_delivery_and_is_not_passed_over(
    tmp_path: Path, monkeypatch
) -> None:
    seen = []
    monkeypatch.setattr(threading, "excepthook", lambda args: seen.append(args))
    broken, other = Listed("broken"), Listed("other")
    broken.counts = lambda: 1 // 0  # type: ignore[assignment]
    with Spool(tmp_path) as spool:
        spool.append(records(5))
        with pytest.raises(RuntimeError, match="ended by itself"):
            Delivery(tmp_path, [broken, other], QUICK).run(threading.Event())
    assert [args.exc_type for args in seen] == [ZeroDivisionError]
    assert len(other.taken) == 5 and broken.closed


def test_a_spool_that_can_not_be_trimmed_is_told(tmp_path: Path, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise CollectError("the disk refuses")

    monkeypatch.setattr("zap.collect.delivery.delivery.trim", refuse)
    sink = Listed()
    with Spool(tmp_path) as spool, delivering(tmp_path, [sink]):
        spool.append(records(5))
        until(lambda: (read_report(tmp_path) or {}).get("problem"))
        spool.append(records(5))
        until(lambda: len(sink.taken) == 10)
        told = delivery_status(tmp_path, ["listed"])
    assert told["delivery"]["problem"] == "the disk refuses" and not told["well"]


def test_one_delivery_a_spool(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("zap.collect.delivery.delivery.PATIENCE_S", 0.1)
    with Spool(tmp_path), delivering(tmp_path, [Listed()]):
        until(lambda: read_report(tmp_path) is not None)
        other = Listed("other")
        with pytest.raises(CollectError, match="no other process delivers"):
            Delivery(tmp_path, [other], QUICK).run(threading.Event())
        assert other.closed


def test_the_delivery_that_comes_next_waits_for_the_one_that_ends(
    tmp_path: Path,
) -> None:
    first, second = Listed(), Listed()
    first.open.clear()
    with Spool(tmp_path) as spool:
        spool.append(records(10))
        stop = threading.Event()
        old = threading.Thread(
            target=lambda: Delivery(tmp_path, [first], QUICK).run(stop)
        )
        old.start()
        until(lambda: read_report(tmp_path) is not None)
        stop.set()
        threading.Timer(0.3, first.open.set).start()
        with delivering(tmp_path, [second]):
            old.join(PATIENCE_S)
            spool.append(records(5))
    assert [len(sink.taken) for sink in (first, second)] == [10, 5]


def test_a_sink_of_another_spool_is_not_skipped_over(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        spool.append(records(3))
        Positions(tmp_path).set("listed", 9)
        sink = Listed()
        with delivering(tmp_path, [sink]):
            until(lambda: reported(tmp_path, "listed")["failures"])
        told = reported(tmp_path, "listed")
        assert "with 3 records" in told["error"] and sink.taken == []


def test_a_delivery_may_begin_before_there_is_a_spool(tmp_path: Path) -> None:
    sink = Listed()
    with delivering(tmp_path, [sink]):
        until(lambda: read_report(tmp_path) is not None)
        with Spool(tmp_path) as spool:
            spool.append(records(3))
            until(lambda: len(sink.taken) == 3)
    assert in_order(sink) == records(3)


@pytest.mark.parametrize("name", ["most", "most_bytes", "longest_pause_s", "keep_s"])
def test_bounds_that_are_none_are_refused(name: str) -> None:
    with pytest.raises(CollectError, match=name):
        DeliveryOptions(**{name: -1})


def test_no_sink_is_closed_while_its_thread_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def defect(*given: Any) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(delivery, "trim", defect)
    sink = Listed()
    sink.open.clear()
    ended = threading.Event()

    def run() -> None:
        with pytest.raises(ZeroDivisionError):
            Delivery(tmp_path, [sink], QUICK).run(threading.Event())
        ended.set()

    with Spool(tmp_path) as spool:
        spool.append(records(1))
        thread = threading.Thread(target=run)
        thread.start()
        assert not ended.wait(0.5) and not sink.closed
        sink.open.set()
        thread.join(PATIENCE_S)
    assert ended.is_set() and sink.closed and len(sink.taken) == 1
