"""How much the place of a cutoff alone tells about its label.

A rule can be honest and still choose cutoffs that are easier, or other, than those at
which predictions will be asked for. So labels are predicted from position, hour and
wait alone, once for the rule's cutoffs and once for a cutoff after every event; and
the label rate at each position is held against the rate of every event there. Beyond
chance means: a rule that drew as many of those events at random would show so large a
gap in fewer than one of a hundred draws.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from zap.checks.findings import Finding
from zap.encoding.columns import BoolArray, FloatArray, IntArray
from zap.encoding.instance import AnyType
from zap.evaluation.metrics import auc
from zap.examples.evaluate import Context
from zap.examples.generator import Generator
from zap.examples.observed import ObservedRange
from zap.examples.predicates import Event
from zap.examples.rules import Each
from zap.examples.slicing import Slices, slice_histories
from zap.histories.batch import HistoryBatch

HOUR_US = 3_600_000_000
POSITIONS = (*range(1, 16), 16, 21, 31, 51)
CHANCE, DRAWS = 0.99, 2_000
ALONE = ("position", "hour", "wait")


@dataclass(frozen=True)
class Alone:
    """What is known of cutoffs without their events, and their labels.

    Attributes:
        bins: int64 columns by name, each of shape (cutoffs,).
        position: events so far in the session; int64, shape (cutoffs,).
        label: float64, shape (cutoffs,).
        subject: the subjects' hashes; int64, shape (cutoffs,).
        weight: the examples' weights, which may repair a rule; float64, (cutoffs,).
    """

    bins: dict[str, IntArray]
    position: IntArray
    label: FloatArray
    subject: IntArray
    weight: FloatArray

    @classmethod
    def of(cls, slices: Slices) -> Alone:
        """Position, hour and wait of the examples' cutoffs."""
        cutoffs = slices.cutoffs
        start = Context(slices.histories).session_of(cutoffs)[0]
        position = cutoffs.position - start
        hour = cutoffs.instant_us // HOUR_US % 24
        wait = np.maximum(slices.baseline["wait_seconds"].astype(float), 0.0)
        bins = {
            "position": np.searchsorted(POSITIONS, position, "right"),
            "hour": hour,
            "wait": np.floor(2 * np.log2(1 + wait)).astype(np.int64),
        }
        subject = slices.histories.subject_hash[cutoffs.subject]
        label, weight = slices.label.astype(float), slices.weight.astype(float)
        return cls(bins, position, label, subject, weight)

    def aucs(self) -> dict[str, float]:
        """The AUC of labels predicted from each alone."""
        return {
            name: held_out_auc(self.bins[name], self.label, self.subject, self.weight)
            for name in ALONE
        }


def every_event(generator: Generator) -> Generator:
    """A copy of the question, asked after every event that its instance keeps."""
    made = copy.copy(generator)
    types = generator.instance.types
    named = types if isinstance(types, AnyType) else tuple(types)
    made.cutoffs = Each(Event(named))  # type: ignore[misc]
    made.is_cutoff = None  # type: ignore[attr-defined]
    return made


def held_out_auc(
    bins: IntArray,
    label: FloatArray,
    subject: IntArray,
    weight: FloatArray | None = None,
) -> float:
    """AUC of the label rate of each bin in the other half of the subjects.

    Args:
        bins: int64, shape (cutoffs,).
        label: 0 or 1, shape (cutoffs,).
        subject: hashes that decide about the half; int64, shape (cutoffs,).
        weight: of the cutoffs; shape (cutoffs,).

    Returns:
        The AUC; NaN where all labels are the same.
    """
    fold = subject & 1
    score = np.zeros(len(label))
    weight = np.ones(len(label)) if weight is None else weight
    mean = np.average(label, weights=weight) if len(label) else 0.0
    size = int(bins.max(initial=0)) + 1
    for half in (0, 1):
        other = fold != half
        total = np.bincount(bins[other], weight[other], minlength=size)
        positive = np.bincount(bins[other], (weight * label)[other], minlength=size)
        rate = (positive + mean) / (total + 1)
        score[~other] = rate[bins[~other]]
    return auc(label, score, weight)


def rates(rule: Alone, every: Alone) -> list[dict[str, Any]]:
    """The label rate at each position, under the rule and after every event."""
    rows = []
    for place, first in enumerate(POSITIONS, 1):
        mine, all_of = rule.bins["position"] == place, every.bins["position"] == place
        if not mine.any() and not all_of.any():
            continue
        stop = POSITIONS[place] - 1 if place < len(POSITIONS) else None
        shown = f"{first}-{stop}" if stop is not None else f"{first} or more"
        rows.append(
            {
                "position": str(first) if stop == first else shown,
                "rule_cutoffs": int(mine.sum()),
                "rule_rate": _rate(rule, mine),
                "every_cutoffs": int(all_of.sum()),
                "every_rate": _rate(every, all_of),
                "_subjects": _independent(rule, mine),
            }
        )
    return rows


def _rate(alone: Alone, chosen: BoolArray) -> float | None:
    if not chosen.any():
        return None
    return float(np.average(alone.label[chosen], weights=alone.weight[chosen]))


def _independent(alone: Alone, chosen: BoolArray) -> float:
    """How many independent draws the cutoffs are worth, by subjects and by weights."""
    weight = alone.weight[chosen]
    if not len(weight):
        return 0.0
    equal = float(weight.sum() ** 2 / np.square(weight).sum())
    return equal * len(np.unique(alone.subject[chosen])) / len(weight)


def largest_gap(rows: list[dict[str, Any]], seed: int) -> dict[str, Any]:
    """The largest gap between rates, weighted by the rule's share of cutoffs there.

    Returns:
        ``gap``, the ``position``, and ``chance``: the 99 % quantile of the largest gap
        of rules that draw as many cutoffs at random. Subjects, not cutoffs, are taken
        as independent.
    """
    both = [r for r in rows if r["rule_cutoffs"] and r["every_cutoffs"]]
    total = sum(r["rule_cutoffs"] for r in rows)
    if not both:
        return {"gap": 0.0, "position": None, "chance": 0.0}
    share = np.array([r["rule_cutoffs"] / total for r in both])
    gaps = share * np.array([abs(r["rule_rate"] - r["every_rate"]) for r in both])
    rate = np.array([r["every_rate"] for r in both])
    drawn = np.array([r["rule_cutoffs"] / r["every_cutoffs"] for r in both])
    rest = np.where(drawn > 1, 1.0, 1 - drawn)
    spread = np.sqrt(rate * (1 - rate) * rest / [r["_subjects"] for r in both])
    draws = np.abs(np.random.default_rng(seed).normal(size=(DRAWS, len(both))))
    most = (draws * spread * share).max(axis=1)
    return {
        "gap": float(gaps.max()),
        "position": both[int(gaps.argmax())]["position"],
        "chance": float(np.quantile(most, CHANCE)),
    }


def bias_of(
    generator: Generator,
    histories: HistoryBatch,
    observed: ObservedRange,
    slices: Slices,
    seed: int,
) -> tuple[Finding, dict[str, Any] | None]:
    """The finding, and the numbers behind it.

    Args:
        generator: the question.
        histories: the batch that ``slices`` is of.
        observed: the observed range.
        slices: the examples of the rule.
        seed: of the draws that say what chance gives.
    """
    if generator.label_schema()["kind"] != "binary":
        return Finding("bias", "skipped", "The label is not yes or no."), None
    rule = Alone.of(slices)
    every = Alone.of(slice_histories(every_event(generator), histories, observed))
    if not 0 < rule.label.sum() < len(rule.label):
        return Finding("bias", "skipped", "All labels are the same."), None
    rows = rates(rule, every)
    gap = largest_gap(rows, seed)
    for row in rows:
        del row["_subjects"]
    numbers = {
        "auc": {"rule": _plain(rule.aucs()), "every_event": _plain(every.aucs())},
        "rates": rows,
        **gap,
    }
    return _judged(generator, rule, gap), numbers


def _judged(generator: Generator, rule: Alone, gap: dict[str, Any]) -> Finding:
    cutoffs = {"cutoffs": len(rule.label)}
    own = generator.rule()
    if own is not None and own.timed and "is_cutoff" not in generator.methods():
        says = "Cutoffs at times are not held against those after events."
        return Finding("bias", "skipped", says, cutoffs)
    numbers = {**cutoffs, "gap": gap["gap"], "chance": gap["chance"]}
    if gap["gap"] <= gap["chance"] + 1e-9:
        return Finding("bias", "passed", numbers=numbers)
    return Finding(
        "bias",
        "warned",
        f"At position {gap['position']} of a session the label rate is another than "
        f"after every event there: weighted by the share of cutoffs the gap is "
        f"{gap['gap']:.4f}, where chance gives up to {gap['chance']:.4f}. The rule "
        "chooses its cutoffs by something that tells about the label.",
        numbers,
    )


def _plain(found: dict[str, float]) -> dict[str, float | None]:
    return {name: None if np.isnan(v) else v for name, v in found.items()}
