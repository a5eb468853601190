"""Checks a generator on a sample of raw events, and writes what was found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zap.checks.plots import position_figure
from zap.checks.prove import EVENTS, ROUNDS, SEED, check_generator
from zap.checks.report import Report
from zap.checks.sample import whole_subjects
from zap.errors import InputError
from zap.evaluation.plots import save_figure
from zap.events.bad_rows import MOST_BAD
from zap.events.sources import list_sources
from zap.jobs.inputs import RawInput


def check(
    raw: RawInput,
    *,
    events: int = EVENTS,
    rounds: int = ROUNDS,
    seed: int = SEED,
    max_bad_share: float = MOST_BAD,
    watch: Callable[[str], Any] = lambda text: None,
) -> Report:
    """The report of a check on whole subjects of raw events.

    Args:
        raw: the question and its events.
        events: most events to hold: those of the subjects with the lowest hashes.
        rounds: rounds of each kind, with each of three mutations.
        seed: of all random choices.
        max_bad_share: share of bad rows, and of subjects that a method of the
            generator raises on, above which there is no check.
        watch: told what is being done.

    Raises:
        InputError: numbers that make no check, events that cannot be read, or too
            many bad rows.
        ZapError: the generator does not fit the events.
    """
    for name, number, least in (
        ("events", events, 1),
        ("rounds", rounds, 1),
        ("seed", seed, 0),
    ):
        if number < least:
            raise InputError(
                f"Expected {name} of at least {least}. Received: {name}={number}."
            )
    sources = list_sources(raw.paths, raw.mapping)
    subject = raw.generator.subject
    sample = whole_subjects(sources, raw.mapping, subject, events, watch, max_bad_share)
    return check_generator(
        raw.generator,
        raw.mapping,
        sample,
        rounds=rounds,
        seed=seed,
        watch=watch,
        max_bad_share=max_bad_share,
    )


def write_certificate(report: Report, path: str | Path) -> Path:
    """Write the certificate with its digest as JSON."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    said = {**report.certificate(), "digest": report.digest}
    target.write_text(f"{json.dumps(said, indent=2, allow_nan=False)}\n", "utf-8")
    return target


def write_plot(report: Report, path: str | Path) -> Path:
    """Draw the label rate by position; the path's ending decides about the format.

    Raises:
        InputError: there is nothing to draw, or no picture has the path's ending.
        MissingExtraError: matplotlib is not installed.
    """
    if report.bias is None:
        raise InputError(
            "Expected labels by position to draw. Received: none "
            f"({report.finding('bias').says}) Leave --plot out."
        )
    rates, name = report.bias["rates"], str(report.generator["name"])
    return save_figure(position_figure(rates, name), path)
