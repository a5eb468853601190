"""The check as one line of a user's own test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from zap.checks.harness import Prepare
from zap.checks.prove import EVENTS, ROUNDS, SEED, check_generator
from zap.checks.report import Report
from zap.checks.sample import Sample, events_by_day, observed_of, whole_subjects
from zap.errors import CheckError, MappingError
from zap.events.mapping import EventMapping
from zap.events.sources import list_sources
from zap.examples.generator import Generator
from zap.examples.registry import load_generator


def assert_honest(
    generator: Generator | str,
    events: pa.Table | str | Path | Sequence[str],
    mapping: EventMapping | str | Path | None = None,
    *,
    prepare: Prepare | None = None,
    most_events: int = EVENTS,
    rounds: int = ROUNDS,
    seed: int = SEED,
) -> Report:
    """Check that a generator sees nothing of what comes after its cutoffs.

    Args:
        generator: the question, or its name as ``package.module:Class``.
        events: files, globs or directories of raw events; or a table of canonical
            ones (``zap.events.schema.canonical_schema``).
        mapping: how rows become events; the generator's own if left out.
        prepare: a site's own work on canonical events before Zap's: takes a table and
            gives one, with all columns that it was given. It is proven too.
        most_events: most events to hold, of whole subjects.
        rounds: rounds of each kind, with each of three mutations.
        seed: of all random choices.

    Returns:
        What was found, where all passed.

    Raises:
        CheckError: a check failed, or nothing could be proven; names each check and
            shows a case.
        ZapError: generator, mapping and events do not fit each other.

    Example:
        ``assert_honest("shop:VisitorBuys", "events/*.csv", "shop.toml")``
    """
    question = load_generator(generator) if isinstance(generator, str) else generator
    how = _mapping(question, mapping)
    if isinstance(events, pa.Table):
        days = Counter(events_by_day(events))
        sample = Sample(events, observed_of(how, [], days), Counter())
    else:
        given = [str(events)] if isinstance(events, str | Path) else list(events)
        sources = list_sources(given, how)
        sample = whole_subjects(sources, how, question.subject, most_events)
    report = check_generator(
        question, how, sample, prepare=prepare, rounds=rounds, seed=seed
    )
    require_honest(report)
    return report


def require_honest(report: Report, anticipating: bool = False) -> None:
    """Raise where a generator did not pass.

    Args:
        report: of its check.
        anticipating: whether a rule may anticipate that says so itself.

    Raises:
        CheckError: a check failed, or nothing could be proven.
    """
    problems = report.problems()
    if anticipating and report.verdict == "anticipates":
        return
    if problems:
        raise CheckError(
            f"Expected examples of {report.generator['name']} that know nothing of "
            f"what comes after their cutoffs. Received: verdict={report.verdict}. "
            + " ".join(problems)
        )
    if not report.passed:
        raise CheckError(
            f"Expected events that give cutoffs of {report.generator['name']} to "
            "prove. Received: cutoffs=0. Check the types that the generator names, its "
            "eligibility, and the observed range."
        )


def _mapping(
    generator: Generator, given: EventMapping | str | Path | None
) -> EventMapping:
    if isinstance(given, EventMapping):
        return given
    if given is not None:
        return EventMapping.load(given)
    if generator.mapping is None:
        raise MappingError(
            f"{generator.name} has no mapping of its own. Received: mapping=None. "
            "Give one, or set the generator's mapping attribute."
        )
    return EventMapping.load(generator.folder() / generator.mapping)
