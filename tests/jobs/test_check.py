"""A check as a job: the report, the certificate, the chart."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from made_rows import made_rows, write_files

from zap.checks.report import Report
from zap.errors import InputError
from zap.jobs.check import check, write_certificate, write_plot
from zap.jobs.inputs import RawInput, raw_input


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> RawInput:
    folder = tmp_path_factory.mktemp("raw")
    return raw_input("made_shop:MadeShop", write_files(folder, made_rows(60)))


@pytest.fixture(scope="module")
def report(raw: RawInput) -> Report:
    return check(raw, rounds=1)


def test_the_order_of_files_is_no_matter(raw: RawInput, report: Report) -> None:
    assert report.passed
    again = check(replace(raw, paths=raw.paths[::-1]), rounds=1)
    assert again.digest == report.digest


def test_fewer_events_are_fewer_whole_subjects(raw: RawInput, report: Report) -> None:
    few = check(raw, events=60, rounds=1)
    assert few.asked["events"] <= 60 < report.asked["events"]
    assert 0 < few.asked["subjects"] < report.asked["subjects"]


def test_what_is_done_is_told(raw: RawInput) -> None:
    told: list[str] = []
    check(raw, events=60, rounds=1, watch=told.append)
    assert told[0].startswith("reading ") and "dropped by time" in told


@pytest.mark.parametrize("numbers", [{"events": 0}, {"rounds": 0}, {"seed": -1}])
def test_numbers_that_make_no_check_are_refused(raw: RawInput, numbers) -> None:
    with pytest.raises(InputError, match=r"of at least [01]\. Received: "):
        check(raw, **numbers)


def test_the_certificate_is_a_file(report: Report, tmp_path: Path) -> None:
    path = write_certificate(report, tmp_path / "new" / "certificate.json")
    said = json.loads(path.read_text())
    assert said.pop("digest") == report.digest
    assert said == json.loads(json.dumps(report.certificate()))


def test_the_chart_is_a_picture(report: Report, tmp_path: Path) -> None:
    path = write_plot(report, tmp_path / "new" / "rates.png")
    assert path.read_bytes()[:4] == b"\x89PNG"
    drawn = write_plot(report, tmp_path / "rates.svg").read_text()
    assert "<svg" in drawn
    with pytest.raises(InputError, match=r"Use \.png or \.svg"):
        write_plot(report, tmp_path / "rates.nothing")
    with pytest.raises(InputError, match="Leave --plot out"):
        write_plot(replace(report, bias=None), tmp_path / "rates.png")


def test_the_lines_of_the_chart_are_the_rates(report: Report) -> None:
    from zap.checks.plots import position_figure

    assert report.bias is not None
    rates = report.bias["rates"]
    every, rule = position_figure(rates, "made_shop").axes[0].lines
    for line, what in ((every, "every_rate"), (rule, "rule_rate")):
        wanted = [row[what] for row in rates if row[what] is not None]
        assert line.get_ydata().tolist() == wanted
