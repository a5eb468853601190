"""The rows of some subjects out of many, held as they are read.

Rows of others go at once, and so do those of a subject that is too large to be kept: an
archive of any size can be gone through for a few.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pyarrow as pa

from zap.events.coded import codes_of, encoded, whole
from zap.histories.heavy import HeavySubjects


class Among:
    """Holds rows of the subjects that are wanted.

    Args:
        subject: the column of the subject.
        most: the limit on a subject's rows, ``max_subject_events``.
        wants: whether a subject is wanted, by its name.
    """

    def __init__(self, subject: str, most: int, wants: Callable[[str], bool]):
        self._subject, self._wants = subject, wants
        self._heavy = HeavySubjects(subject, most)
        self._found: list[pa.Table] = []

    def add(self, batch: pa.RecordBatch) -> Counter[str]:
        """Take what is wanted of a batch; rows withheld, by reason."""
        coded = encoded(whole(batch.column(self._subject)))
        wanted = [self._wants(str(name)) for name in coded.dictionary.to_pylist()]
        keep = np.array([*wanted, False])[codes_of(coded)]
        kept, withheld = self._heavy.pass_on(batch.filter(pa.array(keep)))
        if kept.num_rows:
            self._found.append(pa.Table.from_batches([kept]))
        return withheld

    def table(self) -> pa.Table | None:
        """The rows held; None if there are none."""
        if not self._found:
            return None
        return pa.concat_tables(self._found).unify_dictionaries().combine_chunks()
