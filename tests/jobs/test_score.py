"""Scores from a dataset and from raw events are the same scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from zap.beam.generate import GenerateOptions, generate
from zap.datasets.splits import SPLITS, NoSplit
from zap.errors import BundleError, DatasetError
from zap.evaluation.baseline import Baseline
from zap.jobs.inputs import raw_input
from zap.jobs.score import evaluate_dataset, evaluate_raw, judge_scores, read_split
from zap.serving.scorer import Scorer


def assert_close(one, two) -> None:
    """Equal structures with numbers within 1e-9."""
    if isinstance(one, dict):
        assert one.keys() == two.keys()
        for key in one:
            assert_close(one[key], two[key])
    elif isinstance(one, list):
        assert len(one) == len(two)
        for first, second in zip(one, two, strict=True):
            assert_close(first, second)
    elif isinstance(one, float):
        assert one == pytest.approx(two, abs=1e-9)
    else:
        assert one == two


def test_metrics_of_a_dataset_are_those_of_the_run(made_run) -> None:
    found = evaluate_dataset(made_run.bundle, made_run.dataset, "test")
    assert_close(found, made_run.result.metrics)


def test_raw_events_of_the_test_subjects_score_the_same(made_run) -> None:
    found = evaluate_raw(made_run.bundle, made_run.raw(), "test")
    assert found["n"] == made_run.dataset.read("test").cutoffs
    assert_close(found, made_run.result.metrics)


def test_raw_events_score_every_row_by_default(made_run) -> None:
    found = evaluate_raw(made_run.bundle, made_run.raw())
    parts = [made_run.dataset.read(name) for name in SPLITS]
    assert found["n"] == sum(part.cutoffs for part in parts)
    stored = evaluate_dataset(made_run.bundle, made_run.dataset, "all")
    # Only examples of a test part, which all of these are, say which field made what.
    assert found.pop("importance")["n"] <= found["n"]
    assert stored.pop("importance") is None
    assert_close(found, stored)


def test_all_reads_every_part(made_run) -> None:
    visits = read_split(made_run.dataset, "all")
    labels = [made_run.dataset.read(name).label for name in SPLITS]
    assert sorted(visits.label.tolist()) == sorted(np.concatenate(labels).tolist())


def test_the_model_is_judged_calibrated_and_the_other_not(made_run) -> None:
    scorer = Scorer.from_bundle(made_run.bundle)
    baseline = Baseline.from_dict(made_run.bundle.json("baseline.json"))
    visits = made_run.dataset.read("test")
    found = judge_scores(scorer, baseline, visits)
    logits = scorer.logits(visits).astype(float)
    plain = 1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))
    y = visits.label.astype(bool)
    loss = -np.where(y, np.log(scorer.probabilities(visits)), 0).sum()
    loss -= np.where(y, 0, np.log1p(-scorer.probabilities(visits))).sum()
    assert found["log_loss"] == pytest.approx(loss / len(y), rel=1e-6)
    bins = np.clip(np.ceil(plain * 15) - 1, 0, 14)
    gaps = [abs(plain[bins == b].sum() - y[bins == b].sum()) for b in range(15)]
    assert found["ece_uncalibrated"] == pytest.approx(sum(gaps) / len(y), abs=1e-6)


def test_a_generator_of_another_instance_is_refused(made_run) -> None:
    raw = raw_input("made_shop:OtherInstance", made_run.inputs)
    with pytest.raises(BundleError, match=r"made for another encoder.*other_instance"):
        evaluate_raw(made_run.bundle, raw)


def test_another_question_of_the_same_instance_is_scored(made_run) -> None:
    raw = raw_input("made_shop:NeverBuys", made_run.inputs)
    found = evaluate_raw(made_run.bundle, raw)
    assert found["base_rate"] == 0 and found["auc"] is None


def test_a_dataset_of_another_encoder_is_refused(made_run, tmp_path: Path) -> None:
    raw = raw_input("made_shop:OtherInstance", made_run.inputs)
    options = GenerateOptions(split=NoSplit())
    other = generate(raw.generator, raw.paths, raw.mapping, tmp_path / "d", options)
    with pytest.raises(BundleError, match="another encoder"):
        evaluate_dataset(made_run.bundle, other, "test")


def test_an_empty_part_is_refused(made_run, tmp_path: Path) -> None:
    raw = made_run.raw()
    options = GenerateOptions(
        split=NoSplit(), encoder=made_run.dataset.encoder, shards=1
    )
    dataset = generate(raw.generator, raw.paths, raw.mapping, tmp_path / "d", options)
    with pytest.raises(DatasetError, match="split 'train'"):
        evaluate_dataset(made_run.bundle, dataset, "train")
