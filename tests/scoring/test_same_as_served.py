"""The scores of a batch are those of a real server over HTTP, to the bit.

The server has a real store, was sent the events as they came in until the instant, and
is asked for that instant. The batch reads an archive of all events, later ones too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from live_server import Client, live_server
from made_bundles import deployed
from made_scored import (
    AT_US,
    CLASS_NAMES,
    PAGES,
    WINDOWS,
    archive_of,
    known_then,
    scored_bundle,
    scored_events,
    subjects_of,
)
from made_servers import Server

from zap.bundles.registry import Registry
from zap.jobs.batch_score import score
from zap.jobs.score_options import ScoreOptions
from zap.serving.prediction_ids import is_prediction_id, time_us_of

EVENTS = scored_events()
Events = list[dict[str, Any]]
Models = dict[str, dict[str, Any]]
FEW = scored_events(250, seed=1)
TREES: Models = {
    "windows": {"sees": WINDOWS},
    "classes": {"sees": WINDOWS, "kind": "classes", "seed": 1},
    "amounts": {"sees": WINDOWS, "kind": "amount", "seed": 2},
    "persons": {"sees": WINDOWS, "subject": "person", "seed": 3},
}
SEQUENCES: Models = {
    "pages": {"sees": PAGES, "model": "gru", "seed": 4},
    "gru_windows": {"sees": WINDOWS, "model": "gru", "seed": 5},
    "gru_classes": {"sees": PAGES, "model": "gru", "kind": "classes", "seed": 6},
    "gru_amounts": {"sees": PAGES, "model": "gru", "kind": "amount", "seed": 7},
    "gru_persons": {"sees": PAGES, "model": "gru", "subject": "person", "seed": 8},
}


def registry_of(folder: Path, models: Models) -> Path:
    for name, made in models.items():
        bundle = scored_bundle(folder / "bundles" / name, **made)
        deployed(folder / "models", bundle, name)
    return folder / "models"


def served_answers(
    folder: Path, registry: Path, store: str, models: Models, events: Events
) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the server answers, for each application by subject."""
    settings = {"store": store, "store_keep_days": 36_500, "store_timeout_ms": 20_000}
    with live_server(folder, registry, **settings) as server:
        client = Client(server.port)
        known = known_then(events)
        for begin in range(0, len(known), 200):
            said = client.post("/v1/events", {"events": known[begin : begin + 200]})
            assert said[0] == 200, said
        for name, made in models.items():
            answers = {}
            for subject in subjects_of(events, made.get("subject", "anonymous_id")):
                status, answer = client.predict(name, subject=subject, instant=AT_US)
                assert status == 200, answer
                answers[subject] = answer
            yield name, answers
        client.close()


def check(rows: list[dict[str, Any]], answers: dict[str, Any]) -> None:
    """Every subject is there, once, with what the server said."""
    assert sorted(row["subject"] for row in rows) == sorted(answers)
    for row in rows:
        answer = answers[row["subject"]]
        assert row["probability"] == answer.get("probability")
        assert row["amount"] == answer.get("amount")
        pairs = row["probabilities"]
        if pairs is None:
            assert answer.get("probabilities") is None
        else:
            found = {each["class"]: each["probability"] for each in pairs}
            assert found == answer["probabilities"]
            assert tuple(found) == CLASS_NAMES
        for name in ("segment", "events", "version", "application"):
            assert row[name] == answer.get(name), (name, row, answer)
        assert is_prediction_id(row["prediction_id"])
        assert time_us_of(row["prediction_id"]) == AT_US
    assert len({row["prediction_id"] for row in rows}) == len(rows)
    scores = {str(row["probability"] or row["amount"]) for row in rows}
    assert len(scores) > len(rows) / 20 or rows[0]["probabilities"]


def compare(folder: Path, store: str, models: Models, events: Events) -> int:
    """How many predictions of each model were compared; all were equal."""
    archive = archive_of(folder / "archive", events)
    registry = registry_of(folder, models)
    sizes = set()
    for name, answers in served_answers(folder, registry, store, models, events):
        bundle = Registry(registry, name).load("live")
        output = folder / "predictions" / name
        score(name, bundle, archive, [AT_US], str(output), None, ScoreOptions())
        rows = pq.read_table(output / "day=2024-03-21").to_pylist()
        check(rows, answers)
        sizes.add(len(rows))
    return min(sizes)


def test_windows_of_persons_by_way_of_sqlite(tmp_path: Path) -> None:
    models = {"persons": TREES["persons"]}
    assert compare(tmp_path, f"sqlite:{tmp_path / 'events.db'}", models, FEW) > 100


@pytest.mark.slow
def test_all_kinds_of_models_by_way_of_sqlite(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path / 'events.db'}"
    assert compare(tmp_path, url, TREES | SEQUENCES, EVENTS) > 1_000


@pytest.mark.slow
def test_all_kinds_of_windows_by_way_of_redis(tmp_path: Path, redis: Server) -> None:
    assert compare(tmp_path, f"{redis.url}7", TREES, EVENTS) > 1_000
