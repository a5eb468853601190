"""Evaluations in a table: every number once, beside what it is of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bigquery_server import BigQueryServer

from zap.bigquery.names import parse_table
from zap.evaluation.flat import MetricRow, flat_metrics
from zap.jobs.metric_rows import Judged, evaluation_id, metrics_table, write_metrics

JUDGED = Judged("evaluate", "shop", "0123456789abcdef", "Buys?", "the test split")
METRICS = {
    "auc": 0.75,
    "auc_low": 0.7,
    "auc_high": 0.8,
    "kind": "binary",
    "n": 200,
    "rough": False,
    "missing": None,
    "histogram": [1, 2, 3],
    "baseline": {"auc": 0.6, "name": "counts"},
    "segments": [{"name": "high", "n": 20, "positive_rate": 0.9}, {"n": 180}],
    "slices": [
        {
            "statistic": "country",
            "groups": [{"name": "DE", "auc": 0.5, "n": 9}, {"name": "FR", "auc": 1}],
        },
        {
            "statistic": "spend",
            "groups": [
                {"from": None, "below": 1.5, "n": 3},
                {"from": 1.5, "below": 60.0, "n": 4},
                {"from": 60.0, "below": None, "n": 5, "curve": [{"rate": 1.0}]},
            ],
        },
    ],
}
ROWS = [
    MetricRow(None, None, "auc", 0.75, 0.7, 0.8, 200),
    MetricRow(None, None, "n", 200.0, None, None, 200),
    MetricRow("baseline", None, "auc", 0.6),
    MetricRow("segments", "high", "n", 20.0, None, None, 20),
    MetricRow("segments", "high", "positive_rate", 0.9, None, None, 20),
    MetricRow("segments", "2", "n", 180.0, None, None, 180),
    MetricRow("slices.country", "DE", "auc", 0.5, None, None, 9),
    MetricRow("slices.country", "DE", "n", 9.0, None, None, 9),
    MetricRow("slices.country", "FR", "auc", 1.0),
    MetricRow("slices.spend", "below 1.5", "n", 3.0, None, None, 3),
    MetricRow("slices.spend", "1.5 to 60", "n", 4.0, None, None, 4),
    MetricRow("slices.spend", "from 60", "n", 5.0, None, None, 5),
    MetricRow("slices.spend.curve", "from 60: 1", "rate", 1.0),
]


def numbers_in(value: Any) -> list[float]:
    """Every number of a tree that is in no list of bare numbers; brute force."""
    if isinstance(value, dict):
        return [
            n
            for name, each in value.items()
            if name not in ("from", "below")
            for n in numbers_in(each)
        ]
    if isinstance(value, list):
        return [n for each in value if isinstance(each, dict) for n in numbers_in(each)]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return [float(value)] if is_number else []


def test_numbers_become_rows() -> None:
    assert flat_metrics(METRICS) == ROWS


def test_checks_of_one_name_are_told_apart() -> None:
    checks = [
        {"name": "drift", "of": version, "value": value, "rings": False}
        for version, value in (("a1", 0.25), ("b2", 0.5))
    ]
    checks.append({"name": "immature", "of": "", "value": 0.75, "rings": False})
    assert flat_metrics({"checks": checks}) == [
        MetricRow("checks", "drift: a1", "value", 0.25),
        MetricRow("checks", "drift: b2", "value", 0.5),
        MetricRow("checks", "immature", "value", 0.75),
    ]


def test_no_number_is_lost() -> None:
    found = [
        n
        for row in flat_metrics(METRICS)
        for n in (row.value, row.low, row.high)
        if n is not None
    ]
    assert sorted(found) == sorted(numbers_in(METRICS))


def test_rows_have_names_of_their_own() -> None:
    names = [(row.section, row.item, row.metric) for row in flat_metrics(METRICS)]
    assert len(set(names)) == len(names)


def test_an_evaluation_is_added_once(bigquery: BigQueryServer) -> None:
    where = f"bigquery://{bigquery.new_dataset()}.evaluations"
    table = metrics_table(where)
    first = write_metrics(table, JUDGED, METRICS)
    again = write_metrics(metrics_table(where), JUDGED, METRICS)
    assert (first["repeated"], again["repeated"]) == (False, True)
    assert first["evaluation_id"] == again["evaluation_id"]
    other = write_metrics(table, JUDGED, {**METRICS, "auc": 0.76})
    assert not other["repeated"]
    query = f"""
        SELECT section, item, metric, value, low, high, n
        FROM {parse_table(where).sql} WHERE evaluation_id = @id
    """
    from google.cloud import bigquery as vendor

    asked = vendor.ScalarQueryParameter("id", "STRING", first["evaluation_id"])
    config = vendor.QueryJobConfig(query_parameters=[asked])
    found = bigquery.client().query(query, job_config=config).result()
    rows = [MetricRow(**dict(row)) for row in found]
    assert sorted(rows, key=str) == sorted(ROWS, key=str)


def test_what_an_evaluation_says_makes_its_id() -> None:
    rows = flat_metrics(METRICS)
    assert evaluation_id(JUDGED, rows) == evaluation_id(JUDGED, flat_metrics(METRICS))
    others = [
        evaluation_id(JUDGED, rows[:-1]),
        evaluation_id(Judged("analyse", "shop", None, "Buys?", "all"), rows),
    ]
    assert len({evaluation_id(JUDGED, rows), *others}) == 3


def test_when_it_was_made_does_not_matter(bigquery: BigQueryServer) -> None:
    table = metrics_table(f"bigquery://{bigquery.new_dataset()}.evaluations")
    for made_at, repeated in (("2026-01-01", False), ("2026-01-02", True)):
        said = write_metrics(table, JUDGED, {**METRICS, "made_at": made_at})
        assert said["repeated"] is repeated


@pytest.mark.slow
def test_the_commands_write_what_they_print(
    bigquery: BigQueryServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from zap.cli.main import main

    work, config = str(tmp_path / "work"), tmp_path / "config.json"
    config.write_text('{"epochs": 1}')
    run = ["run", "cdnow_repurchase", "--output", work, "--config", str(config)]
    assert main([*run, "--json"]) == 0
    capsys.readouterr()
    where = f"bigquery://{bigquery.new_dataset()}.evaluations"
    asked = ["--bundle", f"{work}/bundle", "--examples", f"{work}/dataset"]
    for repeated in (False, True):
        assert main(["evaluate", *asked, "--to", where, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["written"]["repeated"] is repeated
    query = f"SELECT value FROM {parse_table(where).sql}"
    query += " WHERE metric = 'auc' AND section IS NULL"
    assert [r.value for r in bigquery.client().query(query).result()] == [told["auc"]]
