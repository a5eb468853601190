"""A bundle of each kind: made by one function, served and verified by one path."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lightgbm", reason="needs extra: train")

from zap.beam.generate import GenerateOptions, generate
from zap.bundles.bundle import Bundle
from zap.bundles.kinds import MODEL_KINDS
from zap.datasets.splits import SubjectSplit
from zap.datasets.store import Dataset
from zap.examples import distinct, gap, windows
from zap.jobs.inputs import raw_input
from zap.jobs.score import evaluate_dataset
from zap.jobs.train import train_bundle
from zap.jobs.tune import tune
from zap.jobs.tune_worker import stopping_half
from zap.serving.verification import VERIFICATION, verify
from zap.training.config import ModelConfig
from zap.training.settings import read_config

SIZES = {"embedding": 6, "units": 6, "metadata_units": 4, "merged_units": 6}
SETTINGS: dict[str, dict[str, Any]] = {
    **{kind: {"kind": kind, "epochs": 2, **SIZES} for kind in MODEL_KINDS[:3]},
    "trees": {"kind": "trees", "epochs": 2, "leaf_rows": 5},
}


@pytest.fixture(scope="module")
def dataset(made_run, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The made-up shop's examples, with aggregates."""
    raw = raw_input("made_shop:MadeShop", made_run.inputs)
    minutes = windows([1 / 1440, 1 / 24], of=["count", distinct("url.path"), gap()])
    instance = replace(raw.generator.instance, aggregates=[minutes])
    raw.generator.use_instance(instance)
    options = GenerateOptions(split=SubjectSplit((0.6, 0.2, 0.2)))
    output = tmp_path_factory.mktemp("kinds") / "examples"
    return generate(raw.generator, raw.paths, raw.mapping, output, options)


@pytest.fixture(scope="module")
def bundles(
    dataset: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    folder, made = tmp_path_factory.mktemp("kinds"), {}
    for kind, settings in SETTINGS.items():
        made[kind] = folder / kind
        train_bundle(dataset, made[kind], ModelConfig.from_dict(settings))
    return made


@pytest.mark.slow
@pytest.mark.parametrize("kind", MODEL_KINDS)
def test_a_bundle_holds_its_kind_and_verifies_to_the_bit(
    kind: str, bundles: dict[str, Path], dataset: Dataset
) -> None:
    bundle = Bundle.load(bundles[kind])
    assert bundle.info["model"] == {"kind": kind}
    assert ("model.tflite" in bundle.files) == (kind != "trees")
    assert ModelConfig.from_dict(bundle.json("config.json")).kind == kind
    verdict = verify(bundle)
    assert verdict.passed and verdict.exact == verdict.examples > 300
    stored = bundle.json("metrics.json")
    again = evaluate_dataset(bundle, dataset, "test")
    assert again["auc"] == stored["auc"] and 0.4 < stored["auc"] <= 1
    assert {"events", "metadata"} == {f["part"] for f in stored["importance"]["fields"]}
    assert len(bundle.json("history.json")["epochs"]) == 2
    assert b"<html" in bundle.read("report.html")


def test_trees_look_at_the_metadata_alone(bundles: dict[str, Path]) -> None:
    found = Bundle.load(bundles["trees"]).json("metrics.json")["importance"]["fields"]
    lost = {part: 0.0 for part in ("events", "metadata")}
    for field in found:
        lost[field["part"]] = max(lost[field["part"]], abs(field["auc_lost"]))
    assert lost["events"] == 0 < lost["metadata"]


def test_trees_are_served_without_what_trained_them(bundles: dict[str, Path]) -> None:
    line = Bundle.load(bundles["trees"]).records(VERIFICATION)[0][7]
    program = f"""
import json, sys
from zap.serving.predictor import Predictor
predictor = Predictor.load({str(bundles["trees"])!r})
found = predictor.predict({line["events"]!r}, {line["instant"]})
heavy = ["lightgbm", "sklearn", "scipy", "tensorflow", "keras", "ai_edge_litert"]
print(json.dumps([found.value, [n for n in heavy if n in sys.modules]]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [line["score"], []]


@pytest.mark.slow
def test_a_search_over_trees_writes_settings_of_trees(
    dataset: Dataset, tmp_path: Path
) -> None:
    base = ModelConfig(kind="trees", epochs=2)
    output = tmp_path / "config.json"
    result = tune(
        dataset, output, tmp_path / "s.db", trials=2, workers=1, base=base, seed=1
    )
    assert result.best.state == "complete" and read_config(output) == result.config
    assert result.config.kind == "trees" and "leaves" in result.best.settings
    assert stopping_half(dataset).cutoffs > 0
