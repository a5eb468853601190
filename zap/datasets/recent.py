"""Some examples of a dataset told again as events: what a model is verified with.

Each holds the recent events of a cutoff in the form in which a server would see them,
and the digest of what the batch path made of them. Subjects that have the lowest hash
are chosen, one example of each before a second of any, so that the choice is the same
however the work was divided.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zap.datasets.splits import EMBARGOED, SPLITS
from zap.datasets.visits import take_rows
from zap.encoding.columns import IntArray
from zap.encoding.encoder import EncodedInstance, Encoder
from zap.encoding.recent import of_subjects, recent_events
from zap.examples.slicing import Slices
from zap.histories.subjects import scrambled

RECENT = "recent.jsonl.gz"
EXAMPLES = 1_000


@dataclass(frozen=True)
class RecentSample:
    """How many examples are told again, and by which key subjects are named.

    Attributes:
        examples: how many, of the whole dataset.
        key: secret of the subjects' keyed hashes, 16 to 64 bytes; None tells nothing of
            whose an example is.
    """

    examples: int = EXAMPLES
    key: bytes | None = None

    def of_shard(self, shards: int) -> int:
        """How many candidates a shard gives: its share and six deviations more."""
        share = self.examples / shards
        return min(self.examples, math.ceil(share + 6 * math.sqrt(share)) + 10)


def keyed_subject(key: bytes, subject_hash: int) -> str:
    """The name of a subject that only those who hold the key can make; hexadecimal."""
    hashed = int(subject_hash).to_bytes(8, "little", signed=True)
    return hashlib.blake2b(hashed, key=key, digest_size=16).hexdigest()


def candidates(
    slices: Slices,
    part: NDArray[np.int8],
    encoder: Encoder,
    most: int,
    key: bytes | None,
) -> list[bytes]:
    """The examples of a shard that may be among those chosen of all; lines of JSON.

    Args:
        slices: the shard's cutoffs.
        part: int8, shape (cutoffs,): the part of each.
        encoder: the fitted encoder.
        most: how many at most.
        key: see `RecentSample`.
    """
    rank, lot = _order(slices)
    usable = np.flatnonzero(part != EMBARGOED)
    order = usable[np.lexsort((lot[usable], rank[usable]))][:most]
    chosen = np.sort(order)
    histories, cutoffs = of_subjects(slices.histories, slices.cutoffs.select(chosen))
    told = recent_events(encoder.instance, histories, cutoffs)
    kept, start, stop = encoder.windows(histories, cutoffs)
    events = encoder.encode_events(histories, kept)
    metadata = encoder.encode_metadata(histories, cutoffs)
    lines = []
    for at, cutoff in enumerate(chosen.tolist()):
        subject = slices.cutoffs.subject[cutoff]
        hashed = int(slices.histories.subject_hash[subject])
        encoded = EncodedInstance(
            take_rows(events, np.arange(start[at], stop[at])),
            take_rows(metadata, np.array([at])),
        )
        line = {
            "rank": int(rank[cutoff]),
            "lot": int(lot[cutoff]),
            "subject": None if key is None else keyed_subject(key, hashed),
            "split": SPLITS[part[cutoff]],
            "instant": int(cutoffs.instant_us[at]),
            "events": told[at],
            "encoded": encoded.digest,
        }
        lines.append(dumped(line))
    return lines


def chosen_of(lines: Iterable[bytes], examples: int) -> list[bytes]:
    """The examples chosen of all shards' candidates, without what chose them."""
    parsed = [json.loads(line) for line in lines]
    parsed.sort(key=lambda line: (line["rank"], line["lot"]))
    found = []
    for line in parsed[:examples]:
        del line["rank"], line["lot"]
        found.append(dumped(line))
    return found


def packed_lines(lines: Iterable[bytes]) -> bytes:
    """Lines as one compressed file, the same bytes for the same lines."""
    return gzip.compress(b"".join(line + b"\n" for line in lines), mtime=0)


def unpacked_lines(content: bytes) -> list[bytes]:
    """The lines that ``packed_lines`` made a file of."""
    return gzip.decompress(content).splitlines()


def _order(slices: Slices) -> tuple[IntArray, NDArray[np.uint64]]:
    """The how-manieth of its subject each cutoff is, by its lot, and the lots."""
    histories, cutoffs = slices.histories, slices.cutoffs
    hashed = histories.subject_hash[cutoffs.subject]
    place = cutoffs.position - histories.offsets[cutoffs.subject]
    lot = scrambled(hashed, cutoffs.instant_us, place)
    order = np.lexsort((lot, hashed))
    fresh = np.ones(len(order), bool)
    fresh[1:] = hashed[order][1:] != hashed[order][:-1]
    begins = np.maximum.accumulate(np.where(fresh, np.arange(len(order)), 0))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - begins
    return rank, lot


def dumped(line: Mapping[str, Any]) -> bytes:
    """An example as a line of JSON."""
    return json.dumps(line, separators=(",", ":"), allow_nan=False).encode()
