"""What the real service logs comes out of the archive of the events it was sent."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from zap.bundles.id_key import id_key
from zap.bundles.registry import Registry
from zap.encoding.subject_names import keyed_subject, subject_hash
from zap.events.mapping import EventMapping
from zap.jobs.parity import result as causes
from zap.jobs.parity.job import Archive, parity, replay
from zap.serving.log import LogOptions, PredictionLog
from zap.serving.service import Service
from zap.serving.stores import open_store

MINUTE_US = 60_000_000
MAPPING = {
    "fields": {
        "event_id": "event_id",
        "anonymous_id": "anonymous_id",
        "timestamp": {"column": "timestamp", "unit": "us"},
        "received_at": {"column": "received_at", "unit": "us"},
        "type": "type",
        "url": "url",
    },
}


class Clock:
    """The server's clock, set by the test."""

    now_us = 1_768_471_200_000_000

    def __call__(self) -> int:
        return self.now_us


@pytest.mark.parametrize("late_share", [0.0, 0.2])
def test_logged_predictions_come_out_again(
    made_run, tmp_path: Path, late_share: float
) -> None:
    registry = Registry(tmp_path / "models", "shop")
    registry.add(made_run.bundle)
    registry.deploy(registry.versions()[0])
    key = id_key(tmp_path / "models")
    clock, rng = Clock(), random.Random(7)
    log = PredictionLog(tmp_path / "log", LogOptions(wait_ms=10_000))
    service = Service(
        tmp_path / "models",
        open_store(f"sqlite:{tmp_path}/events.db"),
        log,
        name=lambda subject: keyed_subject(key, subject_hash(subject)),
        clock=clock,
    )
    rows, held = [], []
    for number in range(400):
        clock.now_us += rng.randrange(MINUTE_US)
        row = {
            "event_id": f"e{number}",
            "anonymous_id": f"v{number % 9}",
            "timestamp": clock.now_us - rng.randrange(1_000),
            "received_at": clock.now_us,
            "type": rng.choice(["page_view"] * 5 + ["purchase"]),
            "url": f"https://shop.example/page/{rng.randrange(8)}?q=1",
        }
        if rng.random() < late_share:
            held.append(row)
        else:
            rows.append(row)
            service.append([row])
        clock.now_us += 2_000_000
        service.predict_subject("shop", f"v{rng.randrange(9)}")
        if number % 50 == 49:
            service.predict_subjects("shop", [f"v{n}" for n in range(9)])
            for each in held:
                late = {**each, "received_at": clock.now_us}
                rows.append(late)
                service.append([late])
            held = []
    for name in ("v1", "v2"):
        ours = [row for row in rows if row["anonymous_id"] == name]
        service.predict_events("shop", ours)
    service.close()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "events.parquet")
    archive = Archive(
        [str(tmp_path / "events.parquet")], EventMapping.from_dict(MAPPING)
    )
    found = parity("shop", tmp_path / "log", tmp_path / "models", archive)
    assert found["compared"] == found["logged"] == log.counts.written == 474
    if not late_share:
        assert found["share"] == 1
        return
    assert set(found["causes"]) == {causes.LATE} and 0.2 < found["share"] < 1
    told = replay(
        found["mismatches"][0]["prediction"],
        tmp_path / "log",
        tmp_path / "models",
        archive,
    )
    assert causes.LATE in {each["mark"] for each in told["events"]}
