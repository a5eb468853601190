"""``zap analyse`` as people type it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from bigquery_server import BigQueryServer
from made_served import (
    APPLICATION,
    ServedSite,
    made_views,
    rows_of,
    write_rows,
)

from tests.bigquery.conftest import bigquery, bigquery_server  # noqa: F401
from zap.cli.main import main
from zap.errors import GeneratorError
from zap.jobs.analyse import released
from zap.times import iso


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> ServedSite:
    return ServedSite(tmp_path_factory.mktemp("served"))


def argv_of(site: ServedSite, output: Path, score: float | None = None) -> list[str]:
    """The command on a log of right scores, or of one score for all."""
    views = made_views(150, 21)
    site.write_log([site.entry(view, score) for view in views])
    events = write_rows(site.folder / "events.jsonl", rows_of(views, 21))
    places = ["--log", str(site.log), "--registry", str(site.registry)]
    return [
        "analyse",
        APPLICATION,
        *places,
        "--events",
        events,
        "--output",
        str(output),
    ]


def test_a_generator_of_ones_own_must_be_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A bundle holds the name alone, by which nobody finds a site's module again."""
    bundle = SimpleNamespace(info={"generator": {"name": "visitor_buys"}})
    monkeypatch.setattr(released, "reference_bundle", lambda registry: bundle)
    with pytest.raises(GeneratorError, match=r"--generator package\.mod") as no:
        released.question_of("models", "shop")
    assert "generator='visitor_buys', which does not ship with Zap" in str(no.value)


def test_a_table_a_report_and_a_copy_for_the_console(
    site: ServedSite, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = argv_of(site, tmp_path / "out")
    assert main(argv) == 0
    shown = capsys.readouterr()
    for words in ("will the visitor buy within a week?", "Matured", "AUC", "Report:"):
        assert words in shown.out
    assert "ALARM" not in shown.out and shown.err == ""
    assert (tmp_path / "out" / "analysis.html").exists()
    beside = site.log / APPLICATION / "analysis.json"
    written = json.loads((tmp_path / "out" / "analysis.json").read_text())
    assert json.loads(beside.read_text()) == written
    assert written["checks"] and not written["alarms"]


@pytest.mark.slow
def test_rows_in_a_table_tell_what_time_was_analysed(
    site: ServedSite,
    tmp_path: Path,
    bigquery: BigQueryServer,  # noqa: F811
) -> None:
    argv = argv_of(site, tmp_path / "out")
    answered = [site.entry(view).time for view in made_views(150, 21)]
    name = f"{bigquery.new_dataset()}.evaluations"
    assert main([*argv, "--to", f"bigquery://{name}"]) == 0
    rows = bigquery.client().query(f"SELECT DISTINCT scope FROM `{name}`").result()
    expected = f"served predictions, {iso(min(answered))} to {iso(max(answered))}"
    assert [row.scope for row in rows] == [expected]


def test_an_alarm_exits_with_1_and_limits_are_those_given(
    site: ServedSite, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = argv_of(site, tmp_path / "out", 0.9)
    limits = ["--min-auc", "0.99", "--max-drift", "1000"]
    beside = site.log / APPLICATION / "analysis.json"
    beside.unlink(missing_ok=True)
    assert main([*argv, *limits, "--json", "--no-publish"]) == 1
    found = json.loads(capsys.readouterr().out)
    said = {alarm["name"]: alarm["said"] for alarm in found["alarms"]}
    assert set(said) == {"auc", "ece", "offline"}
    assert said["auc"] == "AUC of the matured predictions 0.500, at least 0.99"
    assert said["ece"].startswith("calibration error of version")
    assert not beside.exists()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--log", "nowhere"], "Expected the log of an application"),
        (["--since", "tomorrow"], "ISO 8601"),
        (["--since", "2030-01-01"], "Expected predictions in the log"),
        (["--registry", "nowhere"], "Expected a version of served_shop"),
        (["--max-ece", "-1"], "max_ece=-1"),
        (["--generator", "made_served:ServedCount"], "labels of another kind"),
        (["--events", "nowhere.jsonl"], "nowhere.jsonl"),
    ],
)
def test_a_mistake_exits_with_2_and_a_message(
    site: ServedSite,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    words: str,
) -> None:
    assert main([*argv_of(site, tmp_path / "out"), *more]) == 2
    shown = capsys.readouterr()
    assert words in shown.err and "Traceback" not in shown.err
    assert not (tmp_path / "out").exists()


def test_another_key_finds_nobody(
    site: ServedSite,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    argv = argv_of(site, tmp_path / "out")
    monkeypatch.setenv("ZAP_ID_KEY", "ab" * 32)
    assert main(argv) == 2
    assert "registry's key" in capsys.readouterr().err
