"""A spool that is lost and begun anew: nothing of the new one passes for taken."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import msgspec
import pyarrow.dataset as ds

from zap.collect.app.config import CollectConfig
from zap.collect.app.server import open_spool
from zap.collect.archive.options import ArchiveOptions
from zap.collect.archive.sink import ArchiveSink
from zap.collect.delivery.delivery import Delivery
from zap.collect.delivery.report import SinkReport
from zap.collect.record import encode_event
from zap.collect.spool import Spool, SpoolReader

NOON_US = 1_700_000_000_000_000


def records(name: str, count: int) -> list[bytes]:
    event = {"type": "seen", "source": "shop", "user_id": "ann"}
    times = {"timestamp": NOON_US, "received_at": NOON_US}
    return [
        encode_event({**event, **times, "event_id": f"{name}{n}"}) for n in range(count)
    ]


def deliver(folder: Path) -> SinkReport:
    """Deliver what is there, and end."""
    stop = threading.Event()
    stop.set()
    sink = ArchiveSink(folder / "archive", ArchiveOptions(tidy_s=0))
    return Delivery(folder / "spool", [sink]).run(stop)["archive"]


def archived(folder: Path) -> list[str]:
    files = [str(path) for path in (folder / "archive").glob("source=*/*/*.parquet")]
    found = ds.dataset(files, format="parquet").to_table(columns=["event_id"])
    return sorted(found["event_id"].to_pylist())


def config_at(folder: Path) -> CollectConfig:
    said = {
        "sources": {"shop": {"protocols": ["zap"], "keys": ["k"]}},
        "spool": str(folder / "spool"),
        "archive": str(folder / "archive"),
    }
    return msgspec.convert(said, CollectConfig)


def test_a_new_spool_goes_on_where_the_archive_stands(tmp_path: Path) -> None:
    config = config_at(tmp_path)
    with open_spool(config) as spool:
        assert spool.append(records("a", 20)) == 0
    assert deliver(tmp_path).position == 20
    shutil.rmtree(tmp_path / "spool")
    with open_spool(config) as spool:
        assert spool.append(records("b", 5)) == 20
    assert deliver(tmp_path).position == 25
    with open_spool(config) as spool:
        assert spool.append(records("c", 30)) == 25
    told = deliver(tmp_path)
    assert (told.position, told.in_a_row, told.skipped) == (55, 0, 0)
    there = [
        f"{name}{n}"
        for name, count in (("a", 20), ("b", 5), ("c", 30))
        for n in range(count)
    ]
    assert archived(tmp_path) == sorted(there)


def test_a_spool_with_other_numbers_is_refused_for_good(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool") as spool:
        spool.append(records("a", 20))
    assert deliver(tmp_path).position == 20
    shutil.rmtree(tmp_path / "spool")
    for begin in (0, 15):  # below what the archive has taken, and then beyond
        with Spool(tmp_path / "spool") as spool:
            assert spool.append(records(f"b{begin}", 15)) == begin
        told = deliver(tmp_path)
        assert told.in_a_row and told.taken == 0
        assert "the spool that the sink was filled from" in told.error
    assert archived(tmp_path) == sorted(f"a{n}" for n in range(20))
    assert SpoolReader(tmp_path / "spool").oldest == 0


def test_a_new_spool_begins_at_no_less(tmp_path: Path) -> None:
    with Spool(tmp_path, least=7) as spool:
        assert spool.append([b"E{}"]) == 7
    with Spool(tmp_path, least=3) as spool:
        assert spool.append([b"E{}"]) == 8
    reader = SpoolReader(tmp_path)
    assert (reader.oldest, reader.end, reader.read(7).next) == (7, 9, 9)
