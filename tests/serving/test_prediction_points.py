"""Prediction points: training cuts where serving was asked, and sees what it saw."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from made_bundles import deployed, instance, made_bundle

from zap.beam.generate import GenerateOptions, generate
from zap.datasets.splits import SubjectSplit
from zap.events.mapping import EventMapping
from zap.examples import Generator, event, future, prediction_points
from zap.examples.cutoffs import PREDICTION_POINT
from zap.serving import points
from zap.serving.log import PredictionLog, read_log
from zap.serving.points import Points
from zap.serving.service import Service
from zap.serving.stores import open_store

SECOND_US, START_US = 1_000_000, 1_700_000_000_000_000
MAPPING = """
[fields]
event_id = "event_id"
anonymous_id = "anonymous_id"
type = "type"
timestamp = { column = "timestamp", unit = "us" }
received_at = { column = "received_at", unit = "us" }
[properties.page]
column = "page"
type = "string"
[observed]
from = "2023-11-01"
until = "2024-01-01"
"""


class AskedFor(Generator):
    """Wherever the server was asked: will the visitor buy within an hour?"""

    cutoffs = prediction_points()
    label = future(hours=1).any(event("buy"))
    instance = instance(any_type=True)


def made_events() -> list[dict[str, Any]]:
    """Twenty visitors; some events are received late, so that order matters."""
    found = []
    for visitor in range(20):
        for place in range(1 + visitor % 5):
            time_us = START_US + (place * 40 + visitor) * SECOND_US
            late_us = 50 * SECOND_US if (visitor + place) % 4 == 0 else SECOND_US
            found.append(
                {
                    "event_id": f"{visitor}-{place}",
                    "anonymous_id": f"v{visitor}",
                    "type": "buy" if (visitor + place) % 7 == 6 else "view",
                    "timestamp": time_us,
                    "received_at": time_us + late_us,
                    "page": "pqs"[(visitor + place) % 3],
                }
            )
    return sorted(found, key=lambda each: each["received_at"])


def test_one_word_for_both() -> None:
    assert points.PREDICTION_POINT == PREDICTION_POINT


def test_training_cuts_and_sees_where_serving_was_asked(tmp_path: Path) -> None:
    root, moment = tmp_path / "models", [START_US]
    sees = instance(any_type=True)
    deployed(root, made_bundle(tmp_path / "b", sees=sees))
    clock = lambda: moment[0]  # noqa: E731
    store = open_store(f"sqlite:{tmp_path / 'events.db'}", clock_us=clock)
    log, marks = PredictionLog(tmp_path / "log"), Points(tmp_path / "points")
    service = Service(root, store, log, points=marks, clock=clock)
    events = made_events()
    for number, posted in enumerate(events):
        moment[0] = posted["received_at"]
        service.append([posted])
        moment[0] += SECOND_US // 3
        if number % 2:
            service.predict_subject("shop", posted["anonymous_id"])
        elif number % 5 == 0:
            service.predict_subjects("shop", [posted["anonymous_id"], "v3", "v3"])
    service.close()
    served = list(read_log(tmp_path / "log", "shop"))
    assert len(served) > 30

    (tmp_path / "points" / "sent.jsonl").write_text(
        "".join(json.dumps(each) + "\n" for each in events)
    )
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(MAPPING)
    paths = [str(tmp_path / "points" / "*.jsonl")]
    options = GenerateOptions(split=SubjectSplit((0.6, 0.2, 0.2)), check=False)
    dataset = generate(
        AskedFor(), paths, EventMapping.load(mapping), tmp_path / "d", options
    )
    assert dataset.encoder.fingerprint == served[0].fingerprint
    trained = sorted((each["instant"], each["encoded"]) for each in dataset.recent())
    assert trained == sorted((each.instant, each.encoded) for each in served)
