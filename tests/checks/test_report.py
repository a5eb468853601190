"""The verdict, and a certificate that is the same for the same check."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from bench.guards.plants import PLANTS, Case
from bench.guards.questions import AtTheOutcome, Buys
from zap.checks.findings import Finding
from zap.checks.report import Report
from zap.examples import event, rest_of_session


@pytest.fixture(scope="module")
def report() -> Report:
    return Case(Buys).check()


def test_the_same_check_has_the_same_certificate(report: Report) -> None:
    again = Case(Buys).check()
    assert again.certificate() == report.certificate()
    assert again.digest == report.digest


def test_another_seed_or_question_has_another(report: Report) -> None:
    assert Case(Buys).check(seed=1).digest != report.digest
    assert Case(AtTheOutcome).check().digest != report.digest
    # The same outcome on other events is another certificate too.
    fewer = replace(report, asked={**report.asked, "proven": 1})
    assert fewer.digest != report.digest


def test_the_digest_can_be_made_by_hand(report: Report) -> None:
    text = json.dumps(report.certificate(), sort_keys=True, separators=(",", ":"))
    assert report.digest == hashlib.sha256(text.encode()).hexdigest()
    assert report.summary()["digest"] == report.digest


def test_the_certificate_says_what_was_checked(report: Report) -> None:
    said = report.certificate()
    assert said["generator"]["digest"] == Buys().digest()
    assert said["instance_fingerprint"] == Buys.instance.fingerprint
    assert said["checks"]["mutation"] == said["verdict"] == "passed"
    assert said["asked"]["seed"] == 0 and said["asked"]["rounds"] == 6
    assert 0 < said["asked"]["proven"] <= said["asked"]["cutoffs"]


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        (["passed", "skipped", "warned"], "passed"),
        (["passed", "marked"], "anticipates"),
        (["marked", "failed"], "failed"),
    ],
)
def test_the_worst_finding_is_the_verdict(report, statuses, verdict) -> None:
    findings = [Finding("mutation", status) for status in statuses]
    found = replace(report, findings=findings)
    assert found.verdict == verdict
    assert found.passed == (verdict == "passed")


def test_nothing_proven_is_not_passed(report: Report) -> None:
    empty = replace(report, asked={**report.asked, "proven": 0})
    assert (empty.verdict, empty.passed) == ("no cutoffs", False)


def test_the_text_shows_every_check_and_the_case(report: Report) -> None:
    text = report.text()
    assert text.startswith("buys: passed (")
    assert all(finding.check in text for finding in report.findings)
    assert report.digest in text
    leaky = PLANTS["dwell"].leaky.check()
    assert leaky.finding("mutation").says in leaky.text()


def test_an_amount_has_no_label_rate() -> None:
    class Spends(Buys):
        label = rest_of_session().count(event("purchase"))

    counts = Case(Spends).check().counts
    assert counts["examples"] and counts["label_rate"] is None


def test_all_of_it_is_json(report: Report) -> None:
    said = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert said["digest"] == report.digest
    assert said["counts"]["examples"] > 0 and 0 < said["counts"]["label_rate"] < 1
    example = PLANTS["dwell"].leaky.check().to_dict()["findings"][0]["example"]
    assert set(example) == {
        "check",
        "subject",
        "instant",
        "alteration",
        "what",
        "cause",
    }
