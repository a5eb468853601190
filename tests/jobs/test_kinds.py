"""The whole job for labels that are amounts or classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_run import SETTINGS, SPLIT, MadeRun
from sklearn.metrics import log_loss, mean_absolute_error

from zap.beam.generate import GenerateOptions, generate
from zap.bundles.bundle import Bundle
from zap.cli.main import main
from zap.datasets.store import Dataset
from zap.errors import BundleError
from zap.jobs.inputs import raw_input
from zap.jobs.run import RunResult, run
from zap.jobs.score import evaluate_dataset, evaluate_raw
from zap.serving.scorer import Scorer
from zap.training.config import ModelConfig

NAMES = ["buys", "browses", "leaves"]


def result_of(made_run: MadeRun, folder: Path, name: str) -> RunResult:
    raw = raw_input(f"made_shop:{name}", made_run.inputs)
    config = ModelConfig.from_dict(SETTINGS)
    return run(raw, folder, GenerateOptions(split=SPLIT), config)


@pytest.fixture(scope="module")
def amounts(made_run, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("amounts") / "work"
    result_of(made_run, folder, "MorePages")
    return folder


@pytest.fixture(scope="module")
def classes(made_run, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("classes") / "work"
    result_of(made_run, folder, "WhatNext")
    return folder


def loaded(work: Path) -> tuple[Bundle, Dataset]:
    return Bundle.load(work / "bundle"), Dataset.open(work / "dataset")


def test_a_run_of_amounts_predicts_means(amounts: Path) -> None:
    bundle, dataset = loaded(amounts)
    metrics = bundle.json("metrics.json")
    test = dataset.read("test")
    means = Scorer.from_bundle(bundle).predictions(test)
    assert means.shape == (test.cutoffs,) and (means > 0).all()
    assert metrics["kind"] == "amount"
    assert metrics["mae"] == pytest.approx(mean_absolute_error(test.label, means))
    assert metrics["mean_observed"] == pytest.approx(test.label.mean(dtype=float))
    calibrator, target = bundle.json("calibrator.json"), bundle.info["target"]
    assert (calibrator["kind"], calibrator["link"]) == ("mean_scaling", "log")
    assert target["link"] == "log" and target["scale"] == calibrator["scale"]


def test_the_plain_means_of_training_add_up_to_what_came(amounts: Path) -> None:
    bundle, dataset = loaded(amounts)
    train, scorer = dataset.read("train"), Scorer.from_bundle(bundle)
    plain = scorer.calibrator.uncalibrated.apply(scorer.logits(train))
    assert plain.sum() == pytest.approx(train.label.sum(dtype=float), rel=1e-6)


def test_a_run_of_classes_predicts_probabilities(classes: Path) -> None:
    bundle, dataset = loaded(classes)
    metrics = bundle.json("metrics.json")
    test = dataset.read("test")
    scorer = Scorer.from_bundle(bundle)
    p = scorer.predictions(test)
    assert p.shape == (test.cutoffs, 3)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert metrics["log_loss"] == pytest.approx(log_loss(test.label, p))
    assert [one["name"] for one in metrics["classes"]] == NAMES
    assert list(scorer.calibrator.classes) == NAMES  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", ["amounts", "classes"])
def test_the_report_and_the_plots_are_there(kind: str, request) -> None:
    work = request.getfixturevalue(kind)
    page = (work / "report.html").read_text()
    bundle, dataset = loaded(work)
    assert bundle.info["generator"]["question"] in page
    assert dataset.manifest["digest"] in page
    assert "Label kind" in page
    assert ("Mean label" in page) is (kind == "amounts")
    assert {p.suffix for p in (work / "plots").iterdir()} == {".png"}


def test_raw_events_score_as_the_dataset_does(made_run, amounts: Path) -> None:
    bundle, dataset = loaded(amounts)
    raw = raw_input("made_shop:MorePages", made_run.inputs)
    found = evaluate_raw(bundle, raw, "test")
    again = evaluate_dataset(bundle, dataset, "test")
    for key in ("n", "ratio", "rmse", "gini", "gini_low", "deviance_explained"):
        assert found[key] == pytest.approx(again[key], abs=1e-9)


def test_labels_of_another_kind_are_not_judged(made_run, amounts, classes) -> None:
    bundle, _ = loaded(amounts)
    with pytest.raises(BundleError, match=r"another kind.*'amount'.*'classes'"):
        evaluate_dataset(bundle, loaded(classes)[1], "test")
    with pytest.raises(BundleError, match=r"another kind.*'amount'.*'binary'"):
        evaluate_raw(bundle, made_run.raw())


def test_a_method_gives_the_same_classes(made_run, classes: Path, tmp_path) -> None:
    raw = raw_input("made_shop:WhatNextByMethod", made_run.inputs)
    options = GenerateOptions(split=SPLIT)
    found = generate(raw.generator, raw.paths, raw.mapping, tmp_path / "d", options)
    declared = loaded(classes)[1]
    assert found.manifest["label"] == declared.manifest["label"]
    assert found.manifest["digest"] == declared.manifest["digest"]


def test_the_command_prints_rows_of_the_kind(amounts, classes, capsys) -> None:
    for work, words in ((amounts, "Gini, normalised"), (classes, "Right class")):
        arguments = ["--bundle", str(work / "bundle")]
        arguments += ["--examples", str(work / "dataset")]
        assert main(["evaluate", *arguments]) == 0
        assert words in capsys.readouterr().out
