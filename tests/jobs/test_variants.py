"""A model on both versions of the test part, from raw rows to the report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from made_bots import WithBots, bot_rows, late_rows
from made_rows import made_rows, write_files
from made_run import SPLIT
from sklearn.metrics import roc_auc_score

from zap.beam.generate import GenerateOptions, generate
from zap.datasets.splits import NoSplit
from zap.datasets.store import Dataset
from zap.events.mapping import EventMapping
from zap.jobs.report import report_bundle
from zap.jobs.score import evaluate_dataset
from zap.jobs.variants import judge_variants
from zap.serving.scorer import Scorer

SITES = Path(__file__).parents[1] / "sites"
SHOP = EventMapping.load(SITES / "made_shop.toml").to_dict()
MAPPING = EventMapping.from_dict(
    SHOP | {"fields": SHOP["fields"] | {"received_at": "got"}}
)


def made(made_run, folder: Path, split) -> Dataset:
    """Bots and late events, encoded for the model of the whole run."""
    rows = late_rows([*made_rows(80), *bot_rows()])
    encoder = made_run.dataset.encoder
    return generate(
        WithBots(),
        write_files(folder / "raw", rows),
        MAPPING,
        folder / "examples",
        GenerateOptions(split=split, encoder=encoder),
    )


@pytest.fixture(scope="module")
def dataset(made_run, tmp_path_factory) -> Dataset:
    return made(made_run, tmp_path_factory.mktemp("variants"), SPLIT)


def test_the_numbers_of_a_variant_are_those_of_its_rows(made_run, dataset) -> None:
    metrics = evaluate_dataset(made_run.bundle, dataset, "test")
    scorer = Scorer.from_bundle(made_run.bundle)
    assert set(metrics["variants"]) == {"with_bots", "on_time"}
    for name, found in metrics["variants"].items():
        for key, visits in (
            ("as_is", dataset.read("test")),
            ("variant", dataset.read_variant(name)),
        ):
            p = scorer.probabilities(visits)
            assert found[key]["n"] == visits.cutoffs
            rate = visits.label.mean(dtype=float)
            assert found[key]["base_rate"] == pytest.approx(rate)
            auc = roc_auc_score(visits.label, p)
            assert found[key]["auc"] == pytest.approx(auc)
        hashes = dataset.read_touched(name).subject_hash
        own = np.isin(dataset.read("test").subjects_of_cutoffs(), hashes)
        assert found["touched"]["as_is"]["n"] == own.sum()
        assert found["as_is"]["auc"] == pytest.approx(metrics["auc"])
    late = metrics["variants"]["on_time"]
    assert 0 < late["lacking"] <= late["as_is"]["n"]
    json.dumps(metrics, allow_nan=False)


def test_only_the_test_part_has_variants(made_run, dataset, tmp_path) -> None:
    scorer = Scorer.from_bundle(made_run.bundle)
    assert judge_variants(scorer, dataset, "train") == {}
    assert judge_variants(scorer, dataset, "all") == {}
    assert "variants" not in made_run.result.metrics
    everything = made(made_run, tmp_path, NoSplit())
    assert set(judge_variants(scorer, everything, "all")["variants"]) == {
        "with_bots",
        "on_time",
    }


def test_labels_that_are_no_yes_or_no_have_no_variants(made_run, dataset) -> None:
    manifest = dict(dataset.manifest) | {"label": {"kind": "amount"}}
    scorer = Scorer.from_bundle(made_run.bundle)
    assert judge_variants(scorer, Dataset(dataset.path, manifest)) == {}


def test_the_report_has_a_section_on_what_was_left_out(
    made_run, dataset, tmp_path
) -> None:
    metrics = evaluate_dataset(made_run.bundle, dataset, "test")
    report = report_bundle(
        made_run.bundle, metrics, tmp_path / "report.html", scope="the test split"
    ).read_text()
    assert "What was left out, and what that changes" in report
    assert "What late arrival costs" in report
    plain = report_bundle(
        made_run.bundle, made_run.result.metrics, tmp_path / "b.html", scope="x"
    )
    assert "What late arrival costs" not in plain.read_text()
