"""What steps give beside their main output: counts, days, errors, all mergeable.

Errors that a user can mend travel as data: raised inside a worker they would come back
as a runner's own error around a page of traceback.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.pvalue import TaggedOutput

from zap import errors
from zap.errors import ZapError

COUNTS, DAYS, CLOCK, ERRORS = "counts", "days", "clock", "errors"


def count(counts: Mapping[str, int]) -> Iterator[TaggedOutput]:
    """The counts as an output, and as the runner's own counters."""
    for name, number in counts.items():
        if number:
            Metrics.counter("zap", name).inc(number)
    yield TaggedOutput(COUNTS, dict(counts))


def error(problem: ZapError) -> TaggedOutput:
    """A user's error as data: its class and message."""
    return TaggedOutput(ERRORS, (type(problem).__name__, str(problem)))


def raise_first(found: Iterable[tuple[str, str]]) -> None:
    """Raise the first of the errors, in order of their texts; nothing if none."""
    for name, message in sorted(found)[:1]:
        kind = getattr(errors, name, ZapError)
        raised = kind.__new__(kind)
        Exception.__init__(raised, message)
        raise raised


class SumCounts(beam.CombineFn):
    """Adds up dictionaries of counts."""

    def create_accumulator(self) -> Counter[str]:
        return Counter()

    def add_input(self, total: Counter[str], counts: Mapping[str, int]) -> Counter[str]:
        total.update(counts)
        return total

    def merge_accumulators(self, totals: Iterable[Counter[str]]) -> Counter[str]:
        merged: Counter[str] = Counter()
        for total in totals:
            merged.update(total)
        return merged

    def extract_output(self, total: Counter[str]) -> dict[str, int]:
        return dict(total)
