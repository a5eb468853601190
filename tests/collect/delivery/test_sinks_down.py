"""Sinks that are away for a while, under load: nothing is lost, and all catch up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_collected import archived, first_of_each, made_events, made_records
from made_delivery import Site
from made_servers import Server
from made_sinks import QUICK, Listed, delivering, reported, until

from zap.collect.archive.sink import ArchiveSink
from zap.collect.delivery.options import DeliveryOptions
from zap.collect.delivery.status import delivery_status
from zap.collect.sinks.late import LateSink
from zap.collect.sinks.store import StoreSink
from zap.collect.spool import Positions, Spool, SpoolFull, SpoolOptions, SpoolReader
from zap.serving.stores import open_store
from zap.serving.stores.live_needs import LiveNeeds

EVENTS = made_events(800, seed=2)
PIECE = 50


def store_sink(site: Site) -> StoreSink:
    store = open_store(site.store, 500, keep_days=36_500)
    return StoreSink(store, site.mapping, LiveNeeds(site.folder / "models"))


def archive_sink(site: Site) -> LateSink:
    return LateSink("archive", lambda: ArchiveSink(site.archive))


def filled(spool: Spool, records: list[bytes], begin: int) -> int:
    """Spool from a place on until there is no room; how far it came."""
    try:
        while begin < len(records):
            spool.append(records[begin : begin + PIECE])
            begin += len(records[begin : begin + PIECE])
    except SpoolFull:
        pass
    return begin


def test_a_store_that_is_away_catches_up(tmp_path: Path, own_redis: Server) -> None:
    site = Site(tmp_path, store=own_redis.url)
    records, other = made_records(EVENTS), Listed()
    # Room for some 500 events; half of it is kept.
    room = SpoolOptions(max_bytes=400 * 500, segment_bytes=20_000)
    with (
        Spool(site.spool, room) as spool,
        delivering(site.spool, [store_sink(site), other]),
    ):
        spool.append(records[:PIECE])
        until(lambda: Positions(site.spool).get("store") == PIECE)
        own_redis.kill()
        until(lambda: filled(spool, records, PIECE) and reported(site.spool, "store"))
        begin = SpoolReader(site.spool).end
        assert PIECE < begin < len(records), "the spool must fill up"
        with pytest.raises(SpoolFull):
            spool.append(records[begin : begin + PIECE])
        until(lambda: Positions(site.spool).get("listed") == begin)
        until(lambda: reported(site.spool, "store")["in_a_row"] > 2)
        told = delivery_status(site.spool, ["store", "listed"])
        assert not told["well"] and told["sinks"]["store"]["failing"]
        assert told["sinks"]["store"]["lag_events"] == begin - PIECE
        assert told["sinks"]["listed"]["lag_events"] == 0
        assert f"127.0.0.1:{own_redis.port}" in told["sinks"]["store"]["error"]
        own_redis.start()

        def all_spooled() -> bool:
            nonlocal begin
            begin = filled(spool, records, begin)
            return begin == len(records)

        until(all_spooled)
        until(lambda: Positions(site.spool).get("store") == len(records))
        assert reported(site.spool, "store")["error"] != "", "it is remembered"
    assert [record for _, record in other.taken] == records
    assert site.pasts() == site.pasts_by_hand(list(enumerate(EVENTS)))


@pytest.mark.parametrize("fault", ["full", "away at the start"])
def test_an_archive_that_can_not_be_written_catches_up(
    tmp_path: Path, small_disk: Callable[[str], Path], fault: str
) -> None:
    disk = small_disk("size=48k" if fault == "full" else "size=64m")
    site = Site(tmp_path, archive=str(disk / "archive"))
    records = made_records(EVENTS)
    first = 0 if fault == "away at the start" else PIECE
    if fault == "away at the start":
        small_disk("ro")
    options = DeliveryOptions(**{**vars(QUICK), "most": 200})
    sinks: list[Any] = [archive_sink(site), store_sink(site)]
    with Spool(site.spool) as spool, delivering(site.spool, sinks, options):
        spool.append(records[:PIECE])
        if first:
            until(lambda: Positions(site.spool).get("archive") == first)
        for begin in range(PIECE, len(records), PIECE):
            spool.append(records[begin : begin + PIECE])
        until(lambda: Positions(site.spool).get("store") == len(records))
        until(lambda: reported(site.spool, "archive")["in_a_row"] > 2)
        told = reported(site.spool, "archive")
        assert str(disk) in told["error"] and told["position"] < len(records)
        small_disk("rw,size=64m")
        until(lambda: Positions(site.spool).get("archive") == len(records))
    expected = first_of_each(EVENTS)
    assert {row[2] for row in archived(site.archive)} == {*expected.values()}
    assert len(archived(site.archive)) == len(expected)
    assert site.pasts() == site.pasts_by_hand(list(enumerate(EVENTS)))


def test_on_one_full_disk_spool_and_sinks_go_on_once_there_is_room(
    tmp_path: Path, small_disk: Callable[[str], Path]
) -> None:
    """A disk that something else fills: nothing is acknowledged that is not kept."""
    disk = small_disk("size=6m")
    site = Site(tmp_path, spool=str(disk / "spool"), archive=str(disk / "archive"))
    records = made_records(EVENTS)
    options = SpoolOptions(keep_free_bytes=1 << 16, segment_bytes=50_000)
    quick = DeliveryOptions(**{**vars(QUICK), "free_bytes": 1 << 17})
    sinks: list[Any] = [archive_sink(site), store_sink(site)]
    with Spool(site.spool, options) as spool, delivering(site.spool, sinks, quick):
        spool.append(records[:PIECE])
        until(lambda: site_positions(site) == [PIECE, PIECE])
        rest = disk / "rest"
        with pytest.raises(OSError, match="No space"), rest.open("wb") as file:
            while True:
                file.write(b"x" * 4096)
                file.flush()
        until(lambda: filled(spool, records, PIECE) == PIECE)
        rest.unlink()

        def all_spooled() -> bool:
            begin = filled(spool, records, SpoolReader(site.spool).end)
            return begin == len(records)

        until(all_spooled)
        until(lambda: site_positions(site) == [len(records)] * 2)
    assert len(archived(site.archive)) == len(first_of_each(EVENTS))
    assert site.pasts() == site.pasts_by_hand(list(enumerate(EVENTS)))


def site_positions(site: Site) -> list[int]:
    positions = Positions(site.spool)
    return [positions.get(name) for name in ("archive", "store")]
