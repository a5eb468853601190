"""All checks of a generator on canonical events: the room's one entrance.

`check_generator` runs all of them; `prove` runs the two that matter before every job,
mutation and anticipation, on a small sample.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from zap.checks.bias import bias_of
from zap.checks.causes import anticipates
from zap.checks.contract import contract
from zap.checks.explain import Counterexample, Explainer
from zap.checks.findings import Finding
from zap.checks.harness import Harness, Prepare
from zap.checks.known import Known
from zap.checks.made import Made
from zap.checks.report import Report
from zap.checks.rounds import Proof, prove_rounds
from zap.checks.sample import Sample
from zap.events.bad_rows import MOST_BAD
from zap.events.mapping import EventMapping
from zap.examples.generator import Generator
from zap.examples.methods import refuse_failures
from zap.examples.slicing import slice_histories

ROUNDS, EVENTS, SEED = 2, 200_000, 0
PROOF_EVENTS = 20_000
_MOST_EXPLAINED = 6

Watch = Callable[[str], Any]


def check_generator(
    generator: Generator,
    mapping: EventMapping,
    sample: Sample,
    *,
    prepare: Prepare | None = None,
    rounds: int = ROUNDS,
    seed: int = SEED,
    watch: Watch = lambda text: None,
    max_bad_share: float = MOST_BAD,
) -> Report:
    """Check a generator on events.

    Args:
        generator: the question.
        mapping: how rows fold into events.
        sample: canonical events, of whole subjects for numbers that mean something.
        prepare: a site's own work on the events before Zap's, to be proven with it.
        rounds: rounds of each kind, with each of three mutations.
        seed: of all random choices.
        watch: told what is being done.
        max_bad_share: share of subjects that a method of the generator may raise on.

    Raises:
        ZapError: the generator does not fit the events, or raises on too many.
    """
    setup = _Setup(generator, mapping, sample, prepare, rounds, seed, watch)
    findings = [*setup.proven(), *setup.contract()]
    finding, counts, bias = setup.numbers(max_bad_share)
    return setup.report([*findings, finding], counts, bias)


def prove(
    generator: Generator, mapping: EventMapping, sample: Sample, seed: int = SEED
) -> Report:
    """Only mutation and anticipation, one round of each: quick, before a job."""
    setup = _Setup(generator, mapping, sample, None, 1, seed, lambda text: None)
    return setup.report(setup.proven())


class _Setup:
    """A generator, its harness, and what is made of the sample as it is."""

    def __init__(
        self,
        generator: Generator,
        mapping: EventMapping,
        sample: Sample,
        prepare: Prepare | None,
        rounds: int,
        seed: int,
        watch: Watch,
    ):
        self.table = sample.table.combine_chunks()
        self.sample, self.mapping = sample, mapping
        self.generator, self.rounds, self.seed = generator, rounds, seed
        self.watch = watch
        self.known = Known.of(self.table, generator.subject)
        self.harness = Harness.of(
            generator, mapping, sample.observed, self.table, prepare
        )
        self.before: Made = self.harness.make(self.table)
        self.proof = Proof()

    def proven(self) -> list[Finding]:
        """The findings of mutation and anticipation."""
        self.proof = prove_rounds(
            self.harness,
            self.table,
            self.known,
            self.before,
            self.rounds,
            self.seed,
            self.watch,
        )
        explainer = Explainer(self.harness, self.table, self.known, self.before)
        cases: list[Counterexample] = []
        for found in self.proof.differences[:_MOST_EXPLAINED]:
            cases += explainer.explain(found)
        return [self._mutation(cases), self._anticipation(cases)]

    def _numbers(self) -> dict[str, float]:
        return {"cutoffs": len(self.proof.proven), "rounds": self.proof.rounds}

    def _mutation(self, cases: list[Counterexample]) -> Finding:
        mine = [case for case in cases if case.check == "mutation"]
        if mine:
            return _failed("mutation", mine[0], self._numbers())
        if self.before.written:
            method, names = next(iter(self.before.written.items()))
            says = (
                f"The method {method}() writes into the events that it is shown "
                f"({', '.join(map(repr, names))}). A method must only read."
            )
            return Finding("mutation", "failed", says, self._numbers())
        return self._passed("mutation")

    def _anticipation(self, cases: list[Counterexample]) -> Finding:
        mine = [case for case in cases if case.check == "anticipation"]
        declared = anticipates(self.generator)
        others = [case for case in mine if not (declared and case.by_rule)]
        if others:
            return _failed("anticipation", others[0], self._numbers())
        if not declared:
            return self._passed("anticipation")
        says = "The rule says that it anticipates"
        says += f"; so it does: {mine[0]}" if mine else "; this sample did not show it."
        if getattr(self.generator.rule(), "repaired_by_weight", False):
            says += " Its own weight repairs the label rate; keep the weight."
        example = mine[0].to_dict() if mine else None
        return Finding("anticipation", "marked", says, self._numbers(), example)

    def _passed(self, check: str) -> Finding:
        if self.proof.proven:
            return Finding(check, "passed", numbers=self._numbers())
        return Finding(check, "skipped", "The events give no cutoffs to prove.")

    def contract(self) -> list[Finding]:
        """The findings of what every reader relies on."""
        return list(
            contract(
                self.harness, self.table, self.known, self.before, self.seed, self.watch
            )
        )

    def numbers(
        self, max_bad_share: float
    ) -> tuple[Finding, dict[str, float | None], Mapping[str, Any] | None]:
        """The finding "bias", what was counted, and the numbers of the bias."""
        self.watch("labels by position")
        observed = self.sample.observed
        histories = self.harness.histories(self.table)
        slices = slice_histories(self.generator, histories, observed)
        failed = [asdict(each) for each in slices.failures]
        first = failed[0] if failed else {}
        refuse_failures(len(failed), histories.subjects, max_bad_share, first)
        finding, bias = bias_of(self.generator, histories, observed, slices, self.seed)
        found = slices.counts
        dropped = ("empty_past", "not_eligible")
        candidates = found["cutoffs.candidates"]
        examples = len(slices.cutoffs)
        # The mean of numbers of classes, or of amounts, is no rate.
        rated = examples and self.generator.label_schema()["kind"] == "binary"
        counts: dict[str, float | None] = {
            "candidates": candidates,
            "eligible": candidates
            - sum(found[f"cutoffs.dropped.{name}"] for name in dropped),
            "censored": found["cutoffs.dropped.censored"],
            "examples": examples,
            "label_rate": float(slices.label.mean(dtype=float)) if rated else None,
            "late": found["events.late"],
            "generator_errors": len(slices.failures),
            "rows_bad": sum(
                n for name, n in self.sample.counts.items() if ".bad." in name
            ),
        }
        return finding, counts, bias

    def report(
        self,
        findings: list[Finding],
        counts: Mapping[str, float | None] | None = None,
        bias: Mapping[str, Any] | None = None,
    ) -> Report:
        """The report of the findings."""
        generator = self.generator
        return Report(
            generator={
                "name": generator.name,
                "digest": generator.digest(),
                "anticipating": anticipates(generator),
            },
            instance=generator.instance.fingerprint,
            mapping=self.mapping.digest(),
            asked={
                "events": self.table.num_rows,
                "subjects": self.before.histories.subjects,
                "cutoffs": len(self.before.places),
                "proven": len(self.proof.proven),
                "rounds": self.proof.rounds,
                "seed": self.seed,
            },
            findings=findings,
            counts=counts or {},
            bias=bias,
        )


def _failed(check: str, case: Counterexample, numbers: dict[str, float]) -> Finding:
    return Finding(check, "failed", str(case), numbers, case.to_dict())
