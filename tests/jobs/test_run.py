"""The main job on made events: what it leaves, and that it leaves it again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_shop import MadeShop

from zap.datasets.splits import SPLITS
from zap.datasets.store import Dataset
from zap.errors import InputError, TrainingError
from zap.jobs.inputs import raw_input
from zap.jobs.run import check_output, run

REQUIRED = {
    "auc",
    "auc_low",
    "auc_high",
    "average_precision",
    "log_loss",
    "ece",
    "ece_null_mean",
    "ece_null_95",
    "ece_uncalibrated",
    "base_rate",
    "n",
    "segments",
    "top_decile_rate",
    "capture_top_20",
    "baseline",
}


def test_the_work_directory_holds_the_parts(made_run) -> None:
    names = {path.name for path in made_run.work.iterdir()}
    assert {"dataset", "bundle", "report.html", "metrics.json", "plots"} <= names
    assert not [name for name in names if name.startswith(".")]
    assert {p.suffix for p in (made_run.work / "plots").iterdir()} == {".png"}


def test_metrics_have_all_required_keys(made_run) -> None:
    metrics = json.loads((made_run.work / "metrics.json").read_text())
    assert set(metrics) >= REQUIRED
    assert metrics == made_run.bundle.json("metrics.json") == made_run.result.metrics
    test = made_run.dataset.read("test")
    assert metrics["n"] == test.cutoffs
    assert metrics["base_rate"] == pytest.approx(test.label.mean(dtype=float))
    assert len(metrics["segments"]) == 5
    assert 0 <= metrics["auc_low"] <= metrics["auc"] <= metrics["auc_high"] <= 1


def test_the_report_stands_alone_and_names_what_it_is_of(made_run) -> None:
    page = (made_run.work / "report.html").read_text()
    assert made_run.result.report == made_run.work / "report.html"
    assert MadeShop().question in page
    assert made_run.dataset.manifest["digest"] in page
    assert 'src="http' not in page and "<script src" not in page


def test_the_bundle_knows_where_it_is_from(made_run) -> None:
    bundle, manifest = made_run.bundle, made_run.dataset.manifest
    assert bundle.info["dataset"] == manifest["digest"]
    assert bundle.info["encoder_fingerprint"] == manifest["encoder_fingerprint"]
    assert bundle.info["generator"]["name"] == "made_shop"
    assert bundle.json("manifest.json") == manifest
    assert {"tensorflow", "keras", "zap", "bot_list"} <= set(bundle.info["versions"])


def test_all_who_watch_are_told(made_run) -> None:
    told = made_run.told
    stages = [what for name, what in told if name == "stage"]
    assert stages[:3] == ["generate", "train", "report"]
    assert any(name == "workspace" for name, _ in told)
    epochs = [what.epoch for name, what in told if name == "epoch"]
    assert epochs[:2] == [1, 2]


@pytest.mark.slow
def test_the_same_run_twice_is_the_same(made_run, tmp_path: Path) -> None:
    again = made_run.run_again(tmp_path / "again")
    dataset = Dataset.open(tmp_path / "again" / "dataset")
    assert dataset.manifest["digest"] == made_run.dataset.manifest["digest"]
    assert again.metrics == made_run.result.metrics
    first = made_run.bundle
    for name in ("model.tflite", "calibrator.json", "baseline.json", "encoder.json"):
        assert again.bundle.read(name) == first.read(name), name


def test_a_used_work_directory_is_left_alone(made_run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="--replace"):
        run(made_run.raw(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_stopped_replacement_leaves_no_report_of_other_examples(
    made_run, tmp_path: Path
) -> None:
    """The dataset is new, training refuses it: an old report would mislead."""
    from zap.beam.generate import GenerateOptions
    from zap.datasets.splits import SubjectSplit

    work = tmp_path / "work"
    work.mkdir()
    for name in ("report.html", "metrics.json"):
        (work / name).write_text("of an earlier run")
    raw = raw_input("made_shop:NeverBuys", made_run.inputs)
    options = GenerateOptions(split=SubjectSplit((0.6, 0.2, 0.2)))
    with pytest.raises(TrainingError, match="no positive labels"):
        run(raw, work, options, replace=True)
    assert Dataset.open(work / "dataset").parts(SPLITS[0])
    assert not (work / "report.html").exists()
    assert not (work / "metrics.json").exists()
    assert not (work / "bundle").exists()


def test_what_a_killed_run_left_of_a_dataset_does_not_take_the_directory(
    tmp_path: Path,
) -> None:
    for name in (".dataset.tmp-01234567", ".dataset.lock"):
        (tmp_path / name).mkdir()
    check_output(tmp_path, replace=False)
    for name in ("notes.txt", ".dataset", "dataset"):
        (tmp_path / name).mkdir()
        with pytest.raises(InputError, match="--replace"):
            check_output(tmp_path, replace=False)
        (tmp_path / name).rmdir()
