"""When in its session each question is asked: position, time elapsed, and wait.

Evaluation draws quality against these, so that a site can choose the moment at which
asking pays. They are stored beside the examples, since a record no longer holds what
lies before the instance; they are no inputs of a model.
"""

from __future__ import annotations

import numpy as np

from zap.encoding.columns import Cutoffs, Float32Array
from zap.encoding.rows import kept_mask
from zap.encoding.windows import count_in, last_in
from zap.examples.evaluate import Context
from zap.examples.generator import Generator

MOMENT_COLUMNS = ("position", "elapsed_seconds", "wait_seconds")


def moment_columns(
    generator: Generator, context: Context, cutoffs: Cutoffs
) -> dict[str, Float32Array]:
    """When in its session each cutoff lies.

    Returns:
        ``position``, the number of events of the instance's types in the cutoff's
        session so far; ``elapsed_seconds``, from the session's first event of any type
        to the instant, NaN where the session is over; ``wait_seconds``, from the last
        event of the instance's types in all of the past to the instant, NaN where there
        is none. Each float32, shape (cutoffs,).
    """
    histories, stop = context.histories, cutoffs.position
    kept = kept_mask(generator.instance, histories)
    first = context.session_of(cutoffs)[0]
    last = last_in(kept, histories.offsets[cutoffs.subject], stop)
    times = np.append(histories.time_us, 0)
    elapsed = np.where(first < stop, cutoffs.instant_us - times[first], np.nan)
    wait = np.where(last >= 0, cutoffs.instant_us - times[last], np.nan)
    values = (count_in(kept, first, stop), elapsed / 1e6, wait / 1e6)
    return {
        name: np.asarray(value).astype(np.float32)
        for name, value in zip(MOMENT_COLUMNS, values, strict=True)
    }
