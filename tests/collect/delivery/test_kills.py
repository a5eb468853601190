"""A delivery that is killed at random moments loses nothing and doubles nothing."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import pytest
from made_collected import made_events, with_bad_rows
from made_delivery import SINKS, Site
from made_sinks import until

from tests.collect.clients.killing import PROVE
from zap.collect.delivery.status import delivery_status
from zap.collect.spool import Spool

MANY = 20 if PROVE else 6


@pytest.mark.parametrize(
    "kills", [2, pytest.param(MANY, marks=pytest.mark.slow)], ids="{} kills".format
)
def test_all_sinks_hold_each_event_once(tmp_path: Path, kills: int) -> None:
    rng = random.Random(kills)
    site = Site(tmp_path)
    records, numbered, bad = with_bad_rows(made_events(250 * (kills + 1)), every=10)
    written = threading.Event()

    def write() -> None:
        """Spool while deliveries come and go."""
        with Spool(site.spool) as spool:
            begin = 0
            while begin < len(records):
                piece = rng.randrange(1, 16)
                spool.append(records[begin : begin + piece])
                begin += piece
                time.sleep(0.04)
        written.set()

    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(kills):
        before = site.least()
        site.start()
        until(lambda before=before: written.is_set() or site.least() > before)
        time.sleep(rng.random())  # a moment of no choice, in the midst of its work
        site.kill()
    site.start()
    until(lambda: written.is_set() and site.least() == len(records))
    writer.join()
    until(lambda: delivery_status(site.spool, SINKS)["delivery"]["running"])
    assert delivery_status(site.spool, SINKS)["well"]
    assert site.stop() == 0, site.log
    site.check(numbered, bad)


def test_a_delivery_that_is_asked_to_end_delivers_what_is_there(
    tmp_path: Path,
) -> None:
    site = Site(tmp_path)
    records, numbered, bad = with_bad_rows(made_events(300), every=10)
    site.spooled(records[:5])
    site.start()
    until(lambda: site.least() == 5)
    site.spooled(records[5:])
    assert site.stop() == 0, site.log
    assert site.least() == len(records)
    site.check(numbered, bad)
    assert not delivery_status(site.spool, SINKS)["delivery"]["running"]


def test_once_delivers_what_is_there_and_ends(tmp_path: Path) -> None:
    site = Site(tmp_path)
    records, numbered, bad = with_bad_rows(made_events(300), every=10)
    site.spooled(records)
    site.start("--once", "--json")
    assert site.process is not None and site.process.wait(60) == 0, site.log
    site.check(numbered, bad)
    assert f'"taken": {len(records)}' in site.log
