"""A generator's plain Python methods, called on views of their own range alone.

A site's own code may raise anything: the subject is set aside, named and counted, and
the job goes on under the limit of bad rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from zap.encoding.columns import BoolArray, Cutoffs, FloatArray, IntArray
from zap.errors import GeneratorError
from zap.examples.evaluate import Context, truth
from zap.examples.expressions import PastExpr, Window
from zap.examples.generator import Generator
from zap.examples.labels import label_values, method_value
from zap.examples.late import without_late_events
from zap.examples.rules import after_events
from zap.histories.batch import HistoryBatch
from zap.histories.views import HistoryView


@dataclass(frozen=True)
class Failure:
    """A subject on which a generator's own method raised.

    Attributes:
        subject: the subject's name.
        method: the method that raised.
        error: the exception's type and message.
    """

    subject: str
    method: str
    error: str


def refuse_failures(
    failed: int, subjects: int, most: float, first: Mapping[str, Any]
) -> None:
    """Check that a generator did not raise on too many subjects.

    Args:
        failed: on how many it raised.
        subjects: of how many.
        most: the share that is put up with.
        first: the first failure, as a record of ``Failure``; {} if there is none.

    Raises:
        GeneratorError: it raised on more than that share.
    """
    if failed <= most * subjects:
        return
    raise GeneratorError(
        f"Expected the generator to raise on at most {most:.1%} of the subjects. "
        f"Received: {failed:,} of {subjects:,}; the first: "
        f"subject={first.get('subject')!r} in {first.get('method')}(): "
        f"{first.get('error')}. Mend the method, or raise --max-bad-share."
    )


class Methods:
    """A generator's plain Python methods, with what they raised by subject."""

    def __init__(self, generator: Generator):
        self.generator = generator
        self.found = generator.methods()
        self.failures: dict[str, Failure] = {}

    def failed_rows(self, histories: HistoryBatch) -> IntArray:
        names = self.failures
        rows = [i for i, name in enumerate(histories.subject) if name in names]
        return np.array(rows, np.int64)

    def cutoffs(self, context: Context) -> Cutoffs:
        """Cutoffs after the events at which ``is_cutoff``, told the past, says so."""
        everywhere = after_events(context, np.flatnonzero(context.histories.active))
        histories, asked, _ = without_late_events(context.histories, everywhere, False)
        first = histories.offsets[asked.subject]
        kept = self._call("is_cutoff", histories, asked.subject, first, asked.position)
        return everywhere.select(kept == 1)

    def eligible(self, context: Context, cutoffs: Cutoffs) -> BoolArray:
        histories, eligible = context.histories, self.generator.eligible
        if "eligible" in self.found:
            rows, first = cutoffs.subject, histories.offsets[cutoffs.subject]
            kept = self._call("eligible", histories, rows, first, cutoffs.position)
            return np.asarray(kept == 1)
        if isinstance(eligible, PastExpr):
            return truth(eligible, context, cutoffs)
        return np.ones(len(cutoffs), bool)

    def labels(self, context: Context, cutoffs: Cutoffs) -> FloatArray:
        if "label" not in self.found:
            return label_values(self.generator.label, context, cutoffs)  # type: ignore[arg-type]
        window: Window = self.generator.horizon.window
        start, stop = context.window(window, cutoffs)
        return self._call("label", context.histories, cutoffs.subject, start, stop)

    def _call(
        self,
        name: str,
        histories: HistoryBatch,
        rows: IntArray,
        start: IntArray,
        stop: IntArray,
    ) -> FloatArray:
        """The method's value on each range; NaN where it gave none or raised."""
        method: Callable[..., Any] = self.found[name]
        convert: Callable[[Any], float] = bool
        if name == "label":
            convert = partial(method_value, schema=self.generator.label_schema())
        values = np.full(len(rows), np.nan)
        ranges = zip(rows.tolist(), start.tolist(), stop.tolist(), strict=True)
        for place, (row, first, end) in enumerate(ranges):
            subject = histories.subject[row]
            if subject in self.failures:
                continue
            try:
                value = method(HistoryView(histories, first, end))
                values[place] = np.nan if value is None else convert(value)
            except Exception as error:
                text = f"{type(error).__name__}: {error}"
                self.failures[subject] = Failure(subject, name, text)
        return values
