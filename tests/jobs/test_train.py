"""What training refuses before it costs anything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from zap.beam.generate import GenerateOptions, generate
from zap.bundles.target import Target
from zap.datasets.splits import SubjectSplit
from zap.datasets.store import Dataset
from zap.errors import BundleError, DatasetError, TrainingError
from zap.jobs import train as job
from zap.jobs.inputs import raw_input
from zap.training.calibration import halves
from zap.training.config import ModelConfig


@pytest.fixture
def untrained(monkeypatch) -> None:
    """Training itself would be noticed."""

    def trained(*args, **kwargs):
        raise AssertionError("training began")

    monkeypatch.setattr(job, "fit", trained)


def dataset_of(made_run, folder: Path, name: str, shares=(0.6, 0.2, 0.2)) -> Dataset:
    raw = raw_input(f"made_shop:{name}", made_run.inputs)
    options = GenerateOptions(split=SubjectSplit(shares))
    return generate(raw.generator, raw.paths, raw.mapping, folder / "d", options)


def test_a_taken_output_is_noticed_first(made_run, tmp_path, untrained) -> None:
    with pytest.raises(BundleError, match="--replace to replace the bundle"):
        job.train_bundle(made_run.dataset, made_run.work / "bundle")
    (tmp_path / "b").mkdir()
    with pytest.raises(BundleError, match="Choose another path"):
        job.train_bundle(made_run.dataset, tmp_path / "b", replace=True)
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    with pytest.raises(BundleError, match="Choose another path"):
        job.train_bundle(made_run.dataset, tmp_path / "link")


def test_a_missing_test_split_is_noticed_first(made_run, tmp_path, untrained) -> None:
    dataset = dataset_of(made_run, tmp_path, "MadeShop", (0.7, 0.3, 0.0))
    with pytest.raises(DatasetError, match=r"examples in the split 'test'"):
        job.train_bundle(dataset, tmp_path / "b")
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [("NeverBuys", "no positive labels"), ("AlwaysBuys", "all labels are positive")],
)
def test_labels_of_one_class_are_refused(made_run, tmp_path, name, words) -> None:
    dataset = dataset_of(made_run, tmp_path, name)
    with pytest.raises(TrainingError, match=words):
        job.train_bundle(dataset, tmp_path / "b", ModelConfig(epochs=1))
    assert not (tmp_path / "b").exists()


def test_labels_of_an_unknown_kind_are_refused(made_run, tmp_path, untrained) -> None:
    manifest = {**made_run.dataset.manifest, "label": {"kind": "ranking"}}
    dataset = Dataset(made_run.dataset.path, manifest)
    with pytest.raises(TrainingError, match="label kind='ranking'"):
        job.train_bundle(dataset, tmp_path / "b")


@pytest.mark.parametrize("split", ["validation", "test"])
@pytest.mark.parametrize("weight", [0.0, -1.0, np.nan])
def test_weights_that_cannot_be_judged_with_are_noticed_first(
    made_run, tmp_path, untrained, monkeypatch, split, weight
) -> None:
    read = Dataset.read

    def with_a_bad_weight(self, name):
        visits = read(self, name)
        if name == split:
            visits.weight[-1] = weight
        return visits

    monkeypatch.setattr(Dataset, "read", with_a_bad_weight)
    with pytest.raises(TrainingError, match=f"weights above 0 in the {split} examples"):
        job.train_bundle(made_run.dataset, tmp_path / "b")


class Silent:
    """A model that says the same of everybody."""

    def logits(self, visits):
        return np.zeros((visits.cutoffs, 2))


def test_calibration_counts_examples_by_their_weights(made_run) -> None:
    stopping, judging = (
        replace(half, weight=np.where(half.label == 1, 0.01, 1).astype(np.float32))
        for half in halves(made_run.dataset.read("validation"))
    )
    _, found = job._calibrated(Silent(), Target(), stopping, stopping, judging)
    (predicted,) = found.scaling.apply(np.zeros((1, 2)))
    expected = np.average(stopping.label, weights=stopping.weight)
    assert found.kept and predicted == pytest.approx(expected, rel=1e-4)
    assert found.log_loss_after == pytest.approx(
        np.average(
            -np.log(np.where(judging.label == 1, predicted, 1 - predicted)),
            weights=judging.weight,
        )
    )


def test_a_calibration_is_judged_by_subject(made_run, monkeypatch) -> None:
    stopping, judging = halves(made_run.dataset.read("validation"))
    told = []
    monkeypatch.setattr(
        job, "calibrate_target", lambda *given: told.append(given) or given
    )
    job._calibrated(Silent(), Target(), stopping, stopping, judging)
    np.testing.assert_array_equal(told[0][-1], judging.subjects_of_cutoffs())
