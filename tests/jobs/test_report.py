"""Reports and metrics as files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from zap.jobs.report import facts_of, report_bundle, write_metrics


def test_facts_are_those_of_the_bundle(made_run) -> None:
    facts = facts_of(made_run.bundle, "some examples")
    manifest = made_run.dataset.manifest
    assert facts["scope"] == "some examples"
    assert facts["data"]["digest"] == manifest["digest"]
    assert facts["data"]["files"] == 3
    assert facts["data"]["observed range is"] == "declared"
    assert facts["counters"] == manifest["counts"]
    assert facts["check"] == manifest["check"]
    assert facts["check"]["verdict"] == "passed" and facts["check"]["cutoffs"] > 500
    assert facts["splits"]["test"]["examples"] == made_run.result.metrics["n"]
    assert json.loads(json.dumps(facts))["generator"]["name"] == "made_shop"


def test_a_report_says_which_examples_it_is_of(made_run, tmp_path: Path) -> None:
    path = report_bundle(
        made_run.bundle,
        made_run.result.metrics,
        tmp_path / "new" / "report.html",
        scope="the rows of April",
    )
    page = path.read_text()
    assert "the rows of April" in page
    digest = made_run.dataset.manifest["check"]["digest"]
    assert "<h2>Check</h2>" in page and digest in page


def test_metrics_are_json_without_nan(tmp_path: Path) -> None:
    path = write_metrics({"auc": None, "n": 3}, tmp_path / "new" / "metrics.json")
    assert json.loads(path.read_text()) == {"auc": None, "n": 3}
    with pytest.raises(ValueError, match="JSON compliant"):
        write_metrics({"auc": float("nan")}, path)
