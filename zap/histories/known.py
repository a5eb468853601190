"""What was known at an instant: the rule by which a server reads its event store."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Events = TypeVar("Events", pa.RecordBatch, pa.Table)


def known_by(batch: Events, at_us: int) -> Events:
    """The events that had happened and had been received by an instant.

    One without a receipt was known when it happened, and none before.

    Args:
        batch: canonical events.
        at_us: the instant, microseconds since 1970; what was known then counts.
    """
    time = pc.cast(batch.column("timestamp"), pa.int64())
    received = pc.cast(batch.column("received_at"), pa.int64())
    known = pc.max_element_wise(time, received).to_numpy() <= at_us
    return batch if np.all(known) else batch.filter(pa.array(known))
