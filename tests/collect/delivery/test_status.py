"""The status tells what is there, counted by hand."""

from __future__ import annotations

import os
import time
from pathlib import Path

from made_sinks import Listed, delivering, reported, until

from zap.collect.delivery.report import REPORT, now_us
from zap.collect.delivery.status import delivery_status
from zap.collect.spool import Positions, Spool, SpoolOptions

RECORDS = [b'E{"n":%d}' % number for number in range(200)]


def test_nothing_waits_in_an_empty_spool(tmp_path: Path) -> None:
    with Spool(tmp_path):
        told = delivery_status(tmp_path, ["listed"])
    assert told["well"] and not told["delivery"]["running"]
    assert told["sinks"]["listed"]["lag_events"] == 0
    assert told["sinks"]["listed"]["lag_s"] == 0
    assert told["sinks"]["listed"]["error"] == ""


def test_what_waits_for_nobody_is_not_well(tmp_path: Path) -> None:
    before = now_us()
    with Spool(tmp_path) as spool:
        spool.append(RECORDS)
        time.sleep(0.02)
        spool.append(RECORDS)
    Positions(tmp_path).set("quick", 200)
    Positions(tmp_path).set("done", 400)
    told = delivery_status(tmp_path, ["new", "quick", "done"])
    most_s = (now_us() - before) / 1e6
    assert not told["well"] and told["delivery"]["pid"] is None
    lags = {name: sink["lag_events"] for name, sink in told["sinks"].items()}
    assert lags == {"new": 400, "quick": 200, "done": 0}
    seconds = {name: sink["lag_s"] for name, sink in told["sinks"].items()}
    assert seconds["done"] == 0 < seconds["quick"] <= seconds["new"] - 0.02 < most_s
    held = sum(path.stat().st_size for path in tmp_path.glob("*.spool"))
    assert told["spool"]["bytes"] == held and told["spool"]["end"] == 400


def test_a_running_delivery_and_its_errors_are_told(tmp_path: Path) -> None:
    down = [True]
    failing = Listed("failing", lambda tries: "before" if down[0] else "")
    with Spool(tmp_path) as spool, delivering(tmp_path, [failing, Listed("fine")]):
        spool.append(RECORDS)
        until(lambda: reported(tmp_path, "failing")["in_a_row"] > 1)
        until(lambda: Positions(tmp_path).get("fine") == 200)
        told = delivery_status(tmp_path, ["failing", "fine"])
        assert not told["well"]
        assert told["delivery"]["running"] and told["delivery"]["pid"] == os.getpid()
        bad = told["sinks"]["failing"]
        assert bad["failing"] and bad["lag_events"] == 200
        assert bad["error"].startswith("refused") and bad["counts"]["tries"] > 1
        assert bad["failing_since_us"] <= bad["error_us"] <= now_us()
        assert not told["sinks"]["fine"]["failing"]
        down[0] = False
        until(lambda: delivery_status(tmp_path, ["failing", "fine"])["well"])
        told = delivery_status(tmp_path, ["failing", "fine"])
        assert told["sinks"]["failing"]["error"].startswith("refused")
        until(lambda: Positions(tmp_path).get("failing") == 200)
        told = delivery_status(tmp_path, ["failing"])
        assert told["sinks"]["failing"]["lag_events"] == 0
    told = delivery_status(tmp_path, ["failing", "fine"])
    assert told["well"] and not told["delivery"]["running"]
    assert {name: sink["taken"] for name, sink in told["sinks"].items()} == {
        "failing": 200,
        "fine": 200,
    }


def test_a_full_spool_is_told(tmp_path: Path) -> None:
    with Spool(tmp_path, SpoolOptions(max_bytes=10_000)) as spool:
        spool.append(RECORDS)
        Positions(tmp_path).set("listed", 200)
        told = delivery_status(tmp_path, ["listed"])
        assert told["spool"]["full"] and not told["well"]
        assert told["spool"]["max_bytes"] == 10_000


def test_a_report_that_is_damaged_is_as_none(tmp_path: Path) -> None:
    with Spool(tmp_path):
        (tmp_path / REPORT).write_bytes(b'{"sinks": ')
        told = delivery_status(tmp_path, ["listed"])
    assert told["delivery"]["report_us"] is None and told["well"]
