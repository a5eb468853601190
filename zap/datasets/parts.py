"""What a manifest says of one file of examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from zap.datasets.digest import digest_of, shown
from zap.datasets.visits import Visits
from zap.encoding.columns import BoolArray


def describe_part(
    visits: Visits, rows: BoolArray, records: Sequence[bytes]
) -> dict[str, Any]:
    """The numbers and the digest of a file.

    Args:
        visits: the visits of the file, and maybe others.
        rows: bool, shape (visits,): those of the file.
        records: them as serialized, in the same order.
    """
    cutoffs = np.repeat(rows, np.diff(visits.cutoff_offsets))
    return {
        "visits": len(records),
        "events": int(np.diff(visits.event_offsets)[rows].sum()),
        "examples": int(cutoffs.sum()),
        "label_sum": float(visits.label[cutoffs].astype(np.float64).sum()),
        "subjects": len(np.unique(visits.subject_hash[rows])),
        "digest": shown(digest_of(records)),
    }
