"""Expressions over histories and cutoffs, computed for all cutoffs at once.

A predicate is evaluated once a batch; every window is a range of event indices, and
every measure of it a prefix sum (`zap.encoding.windows`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zap.encoding.columns import (
    BoolArray,
    Categorical,
    Column,
    Cutoffs,
    Float32Array,
    FloatArray,
    IntArray,
    Numeric,
)
from zap.encoding.dimensions import first_from, last_before
from zap.encoding.windows import TimeIndex, count_in, last_in, sum_in
from zap.errors import GeneratorError
from zap.examples.expressions import Expr, Window
from zap.examples.predicates import Event, text_of
from zap.histories.batch import HistoryBatch


class Context:
    """A batch of histories with what expressions share: masks and the time index."""

    def __init__(self, histories: HistoryBatch):
        self.histories = histories
        self._masks: dict[Event, BoolArray] = {}

    @cached_property
    def times(self) -> TimeIndex:
        """The index of the events by subject and time."""
        return TimeIndex(self.histories)

    def mask(self, event: Event) -> BoolArray:
        """Which events match; bool, shape (events,)."""
        if event not in self._masks:
            self._masks[event] = event.mask(self.histories.columns)
        return self._masks[event]

    def column(self, field: str) -> Column:
        """The column of a field.

        Raises:
            GeneratorError: the events have no such field.
        """
        try:
            return self.histories.columns[field]
        except KeyError:
            raise GeneratorError(
                "An expression reads a field that the events do not have. "
                f"Received: field={field!r}."
            ) from None

    def session_of(self, cutoffs: Cutoffs) -> tuple[IntArray, IntArray]:
        """First event and end of the session that each cutoff lies in.

        A cutoff after an event lies in that event's session, however late the event
        was received. A cutoff in time lies in its last event's session until the
        inactivity gap has passed; then in none, and the range is empty at its position.
        """
        histories = self.histories
        if not len(cutoffs):
            return cutoffs.position, cutoffs.position
        last = last_before(histories.active, cutoffs.position)
        start, stop = histories.session_start[last], histories.session_stop[last]
        if histories.session_gap_us is not None:
            idle = cutoffs.instant_us - histories.time_us[last]
            # The past of a cutoff in time was all known before its instant.
            timed = histories.known_us[last] < cutoffs.instant_us
            over = timed & (idle > histories.session_gap_us)
            start, stop = np.where(over, cutoffs.position, start), stop
        return start, stop

    def session_known_us(self, cutoffs: Cutoffs) -> IntArray:
        """Up to which instant, excluded, events may belong to each cutoff's session.

        An event that comes exactly the inactivity gap after the last one still does,
        so data that end there do not tell yet that the session is over.
        """
        histories = self.histories
        stop = self.session_of(cutoffs)[1]
        last = histories.time_us[np.maximum(stop - 1, 0)]
        return np.asarray(last + (histories.session_gap_us or 0) + 1, np.int64)

    def seen(self, subject: IntArray, position: IntArray) -> BoolArray:
        """Whether a subject did anything before each position."""
        last = last_before(self.histories.active, position)
        return np.asarray(last >= self.histories.offsets[subject])

    def window(self, window: Window, cutoffs: Cutoffs) -> tuple[IntArray, IntArray]:
        """The range of event indices of a window; two int64 arrays (cutoffs,)."""
        offsets, instant = self.histories.offsets, cutoffs.instant_us
        if window.side == "past":
            start, stop = offsets[cutoffs.subject], cutoffs.position
            if window.session:
                start = self.session_of(cutoffs)[0]
            if window.length_us is not None:
                since = instant - window.length_us
                edge = self.times.first_at_or_after(cutoffs.subject, since)
                start = np.maximum(start, edge)
            return np.minimum(start, stop), stop
        start, stop = cutoffs.position, offsets[cutoffs.subject + 1]
        if window.session:
            stop = self.session_of(cutoffs)[1]
        if window.gap_us:
            edge = instant + window.gap_us
            start = np.maximum(
                start, self.times.first_at_or_after(cutoffs.subject, edge)
            )
        if window.length_us is not None:
            edge = instant + window.gap_us + window.length_us
            stop = np.minimum(stop, self.times.first_at_or_after(cutoffs.subject, edge))
        return start, np.maximum(start, stop)


def evaluate(expr: Expr, context: Context, cutoffs: Cutoffs) -> Column | BoolArray:
    """The expression's value at each cutoff.

    Returns:
        bool, shape (cutoffs,), for an expression that is true or false; else a column.
    """
    if expr.op in ("and", "or", "not"):
        values = [truth(operand, context, cutoffs) for operand in expr.operands]
        if expr.op == "not":
            return ~values[0]
        return values[0] & values[1] if expr.op == "and" else values[0] | values[1]
    if expr.op == "compare":
        assert expr.condition is not None
        value = evaluate(expr.operands[0], context, cutoffs)
        assert not isinstance(value, np.ndarray)
        return expr.condition.holds(value)
    return _measure(expr, context, cutoffs)


def truth(expr: Expr, context: Context, cutoffs: Cutoffs) -> BoolArray:
    """The value of an expression that is true or false; bool, shape (cutoffs,)."""
    value = evaluate(expr, context, cutoffs)
    assert isinstance(value, np.ndarray)
    return value


def numbers(expr: Expr, context: Context, cutoffs: Cutoffs, what: str) -> FloatArray:
    """The value of any expression as float64, shape (cutoffs,); NaN where missing.

    Args:
        expr: the expression.
        context: what it is computed on.
        cutoffs: where.
        what: the generator's attribute that holds it, for the error.

    Raises:
        GeneratorError: the expression gives text.
    """
    value = evaluate(expr, context, cutoffs)
    if isinstance(value, Numeric):
        return value.values
    if isinstance(value, Categorical):
        raise GeneratorError(
            f"Expected {what} to give a number. Received: last({expr.field!r}), which "
            "gives text. Compare it: .equals(...)."
        )
    return np.asarray(value, np.float64)


def statistic_columns(
    statistics: Mapping[str, Expr], context: Context, cutoffs: Cutoffs
) -> dict[str, Float32Array]:
    """A generator's statistics, each float32, shape (cutoffs,); NaN where missing.

    Raises:
        GeneratorError: one gives text.
    """
    return {
        name: numbers(expr, context, cutoffs, f"statistic {name!r}").astype(np.float32)
        for name, expr in statistics.items()
    }


def _measure(expr: Expr, context: Context, cutoffs: Cutoffs) -> Column | BoolArray:
    assert expr.window is not None
    start, stop = context.window(expr.window, cutoffs)
    if expr.op == "duration":
        active = context.histories.active
        first, end = first_from(active, start), last_before(active, stop) + 1
        return Numeric(_duration(context.histories.time_us, first, end))
    if expr.op == "last":
        return _last_value(expr, context, start, stop)
    assert expr.event is not None
    mask = context.mask(expr.event)
    if expr.op == "sum":
        return Numeric(_sum(expr, context, mask, start, stop))
    if expr.op == "since":
        found = last_in(mask, start, stop)
        waited = cutoffs.instant_us - _at(context.histories.time_us, found)
        return Numeric(np.where(found < 0, -1.0, waited / 1e6))
    counted = count_in(mask, start, stop)
    if expr.op == "count":
        return Numeric(counted.astype(np.float64))
    return counted > 0 if expr.op == "any" else counted == 0


def _sum(
    expr: Expr, context: Context, mask: BoolArray, start: IntArray, stop: IntArray
) -> FloatArray:
    column = context.column(expr.field or "")
    if not isinstance(column, Numeric):
        raise GeneratorError(
            f"sum() adds numbers. Received: field={expr.field!r}, which is text. "
            'Map the property with type = "float" or "int".'
        )
    return sum_in(np.where(mask, column.values, np.nan), start, stop)


def _duration(time_us: IntArray, start: IntArray, stop: IntArray) -> FloatArray:
    spans = _at(time_us, stop - 1) - _at(time_us, np.minimum(start, len(time_us) - 1))
    return np.where(stop > start, spans / 1e6, 0.0)


def _at(values: NDArray[Any], places: IntArray) -> NDArray[Any]:
    """The values at ``places``; anything where the place is negative or none are."""
    return values[places] if len(values) else np.zeros(len(places), values.dtype)


def _number(expr: Expr) -> float:
    """The default of ``last`` on a field of numbers."""
    if isinstance(expr.default, int | float):
        return float(expr.default)
    raise GeneratorError(
        f"Expected a number as the default of last({expr.field!r}), since the field "
        f"holds numbers. Received: default={expr.default!r}."
    )


def _last_value(
    expr: Expr, context: Context, start: IntArray, stop: IntArray
) -> Column:
    column = context.column(expr.field or "")
    value = column.take(last_in(column.valid, start, stop))
    if expr.default is None:
        return value
    missing = ~value.valid
    if isinstance(value, Numeric):
        return Numeric(np.where(missing, _number(expr), value.values))
    code = np.int32(len(value.distinct))
    codes = np.where(missing, code, value.codes).astype(np.int32)
    return Categorical(codes, [*value.distinct, text_of(expr.default)])
