"""Predictions from events: those of the dataset, to the bit, and without engines."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import numpy as np

from zap.serving.predictor import Predictor
from zap.serving.scorer import Scorer


def test_events_give_the_very_prediction_of_the_dataset(made_run) -> None:
    predictor = Predictor.load(made_run.work / "bundle")
    dataset, scorer = made_run.dataset, Scorer.from_bundle(made_run.bundle)
    expected: dict[tuple[int, float], int] = {}
    for split in ("train", "validation", "test"):
        visits = dataset.read(split)
        scores = scorer.predictions(visits)
        for instant, score in zip(visits.instant_us, scores, strict=True):
            key = int(instant), float(score)
            expected[key] = expected.get(key, 0) + 1
    for example in dataset.recent():
        found = predictor.predict(example["events"], example["instant"])
        assert expected[example["instant"], found.value] > 0
        views = [e for e in example["events"] if e["type"] == "page_view"]
        assert found.events == min(4, len(views))


def test_the_probability_follows_from_the_logits(made_run) -> None:
    predictor = Predictor.load(made_run.work / "bundle")
    example = made_run.dataset.recent()[0]
    found = predictor.predict(example["events"], example["instant"])
    scaling = made_run.bundle.json("calibrator.json")
    z = np.array(scaling["weights"]) @ found.logits + scaling["bias"]
    assert math.isclose(found.value, 1 / (1 + math.exp(z[0] - z[1])), rel_tol=1e-9)


def test_a_subject_without_events_has_a_prediction(made_run) -> None:
    predictor = Predictor.load(made_run.work / "bundle")
    found = predictor.predict([], 1_700_000_000_000_000)
    assert found.events == 0 and 0 < found.value < 1


def test_serving_loads_no_engine(made_run) -> None:
    example = made_run.dataset.recent()[0]
    program = f"""
import json, sys
from zap.serving.predictor import Predictor
from zap.serving.verification import verify
from zap.bundles.bundle import Bundle
predictor = Predictor.load({str(made_run.work / "bundle")!r})
found = predictor.predict({example["events"]!r}, {example["instant"]})
passed = verify(Bundle.load({str(made_run.work / "bundle")!r})).passed
engines = ["tensorflow", "keras", "apache_beam", "pyarrow", "fsspec", "matplotlib"]
print(json.dumps([found.value, passed, [n for n in engines if n in sys.modules]]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    value, passed, engines = json.loads(done.stdout)
    here = Predictor.load(made_run.work / "bundle")
    assert value == here.predict(example["events"], example["instant"]).value
    assert passed and engines == []
