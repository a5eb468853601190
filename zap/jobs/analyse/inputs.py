"""What predictions were made of, beside what the model was verified with.

A bundle holds about a thousand examples as events, one of each subject before a second
of any. The same is drawn here of the log: one prediction of each subject by lot, with
its events as the archive has them. So both are samples of subjects, and each input's
distribution can be held against the other's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zap.bundles.bundle import Bundle
from zap.encoding.columns import IntArray
from zap.encoding.encoder import Encoder
from zap.encoding.recent import of_subjects, recent_events
from zap.evaluation.served_drift import drift_of_values
from zap.histories.subjects import scrambled
from zap.jobs.analyse.outcomes import Outcomes
from zap.serving.verification import VERIFICATION
from zap.times import SECOND_US

MOST = 2_000
Told = Mapping[str, Any]


def reference_of(bundle: Bundle) -> list[dict[str, Any]]:
    """The examples that a bundle tells as events, one of each subject; or none."""
    if VERIFICATION not in bundle.sealed:
        return []
    lines, _ = bundle.records(VERIFICATION)
    firsts: dict[Any, dict[str, Any]] = {}
    for number, line in enumerate(lines):
        subject = line.get("subject")
        firsts.setdefault(number if subject is None else subject, line)
    return list(firsts.values())


def one_of_each(subjects: IntArray, instant_us: IntArray) -> IntArray:
    """One row of each subject by lot, ascending."""
    lots = scrambled(subjects, instant_us)
    order = np.lexsort((lots, subjects))
    _, first = np.unique(subjects[order], return_index=True)
    return np.sort(order[first])


def served_inputs(
    encoder: Encoder, outcomes: Outcomes, rows: IntArray
) -> list[dict[str, Any]]:
    """The events that predictions were made of, by the archive.

    Args:
        encoder: whose instance is looked at.
        outcomes: where predictions are placed.
        rows: places in ``outcomes.placed``; at most ``MOST`` are told.
    """
    chosen = outcomes.cutoffs.select(rows[:: max(-(-len(rows) // MOST), 1)])
    order = np.argsort(chosen.subject, kind="stable")
    few, cutoffs = of_subjects(outcomes.histories, chosen.select(order))
    if not len(cutoffs):
        return []
    told = recent_events(encoder.instance, few, cutoffs)
    instants = cutoffs.instant_us.tolist()
    return [
        {"events": events, "instant": instant}
        for events, instant in zip(told, instants, strict=True)
    ]


def input_drift(
    encoder: Encoder, served: Sequence[Told], reference: Sequence[Told]
) -> list[dict[str, Any]]:
    """How far each input is from what it was in training; the farthest first.

    Inputs are how many events were looked at, how long ago the last and the first were,
    and each field of the last event.
    """
    if not served or not reference:
        return []
    fields = encoder.instance.reads.fields
    found = [
        drift_of_values(
            name,
            [_input(each, name) for each in served],
            [_input(each, name) for each in reference],
        )
        for name in ("events", "wait_seconds", "age_seconds", *sorted(fields))
    ]
    known = [each for each in found if each is not None]
    return sorted(known, key=lambda each: -float(each["psi"]))


def _input(told: Told, name: str) -> Any:
    events = told["events"]
    if name == "events":
        return len(events)
    if not events:
        return None
    if name == "wait_seconds":
        return (told["instant"] - events[-1]["timestamp"]) / SECOND_US
    if name == "age_seconds":
        return (told["instant"] - events[0]["timestamp"]) / SECOND_US
    return events[-1].get(name)
