"""Each promise to Beam and to readers, broken once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from bench.guards.events import MAPPING, as_table, visit_rows
from bench.guards.plants import OBSERVED, Case
from bench.guards.questions import VIEW, Buys, OnlyReads, Remembers
from zap.checks import contract, harness
from zap.checks.findings import TITLES
from zap.checks.prove import check_generator
from zap.checks.report import Report
from zap.checks.sample import Sample
from zap.encoding.columns import Cutoffs
from zap.examples.rules import CutoffRule, after_events

TABLE = as_table(visit_rows(60))


def report(generator: Any, **more: Any) -> Report:
    return check_generator(
        generator, MAPPING, Sample(TABLE, OBSERVED, Counter()), rounds=1, **more
    )


class Twice(CutoffRule):
    """Every page view, each of them twice."""

    def generate(self, context: Any, observed: Any) -> Cutoffs:
        events = np.flatnonzero(context.mask(VIEW))
        return after_events(context, np.repeat(events, 2))

    def to_dict(self) -> dict[str, Any]:
        return {"rule": "twice"}


def test_a_rule_that_gives_a_cutoff_twice_fails() -> None:
    class Doubled(Buys):
        cutoffs = Twice()

    found = report(Doubled())
    assert found.finding("keys").status == "failed"
    assert "A rule must give each once" in found.finding("keys").says
    said = found.finding("json")
    assert (said.status, said.says) == (
        "skipped",
        "The rule Twice is the site's own code.",
    )


def test_a_method_that_answers_otherwise_each_time_fails() -> None:
    class Alternates(OnlyReads):
        calls = 0

        def eligible(self, past):
            type(self).calls += 1
            return type(self).calls % 3 > 0

    assert report(Alternates()).finding("deterministic").status == "failed"


def test_a_class_that_no_worker_can_import_fails_if_it_has_methods() -> None:
    class Local(OnlyReads):
        pass

    class Declared(Buys):
        pass

    finding = report(Local()).finding("picklable")
    assert finding.status == "failed"
    assert "Define its class at the top of a module" in finding.says
    assert report(Declared()).finding("picklable").status == "passed"


class Forgets(OnlyReads):
    """Of what it holds, not all arrives on a worker."""

    def __init__(self) -> None:
        self.least = 3

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.least = 1

    def eligible(self, past):
        return len(past) >= self.least


def test_a_copy_that_forgets_its_settings_fails() -> None:
    finding = report(Forgets()).finding("picklable")
    assert finding.status == "failed"
    assert "A pickled copy gave other examples: added the cutoff of" in finding.says


def test_a_json_form_of_another_question_fails(monkeypatch) -> None:
    class Other(Buys):
        """After every page view: will this visit end in a purchase?"""

        name = "buys"
        eligible = None

    monkeypatch.setattr(contract, "generator_from_dict", lambda said: Other())
    finding = report(Buys()).finding("json")
    assert finding.status == "failed" and "eligible" in finding.says


def test_histories_that_hang_on_the_order_of_rows_fail(monkeypatch) -> None:
    made = harness.histories_of

    def first_come(generator, table, mapping, settings=None):
        return made(generator, table.slice(0, table.num_rows - 30), mapping, settings)

    monkeypatch.setattr(harness, "histories_of", first_come)
    finding = report(Buys()).finding("order")
    assert finding.status == "failed"
    assert "With the rows in another order" in finding.says


def test_an_encoder_that_reads_more_than_train_fails(monkeypatch) -> None:
    assert report(Buys()).finding("encoder").status == "passed"

    def everybody(found, observed):
        return np.ones(len(found.cutoffs), bool)

    monkeypatch.setattr(harness, "training", everybody)
    finding = report(Buys()).finding("encoder")
    assert finding.status == "failed"
    assert "it reads more than them" in finding.says


def test_with_a_preparation_the_encoder_is_not_judged() -> None:
    finding = report(Buys(), prepare=lambda table: table).finding("encoder")
    assert finding.status == "skipped"


def test_a_bad_preparation_is_said() -> None:
    with pytest.raises(Exception, match=r"Received: without source\. Keep them"):
        report(Buys(), prepare=lambda table: table.drop_columns(["source"]))


def test_every_check_has_a_finding() -> None:
    found = report(Remembers())
    assert [finding.check for finding in found.findings] == list(TITLES)
    assert Case(Buys).check().verdict == "passed"
