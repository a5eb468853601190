"""Some examples of a dataset told again as events: what a model is verified with.

Each holds the recent events of a cutoff in the form in which a server would see them,
and the digest of what the batch path made of them. Subjects that have the lowest hash
are chosen, one example of each before a second of any, so that the choice is the same
however the work was divided.
"""

from __future__ import annotations

import gzip
import hashlib
import heapq
import json
import math
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zap.datasets.splits import EMBARGOED, SPLITS
from zap.datasets.visits import take_rows
from zap.encoding.columns import IntArray
from zap.encoding.encoder import EncodedInstance, Encoder
from zap.encoding.recent import of_subjects, recent_events
from zap.encoding.subject_names import keyed_subject as keyed_subject
from zap.examples.slicing import Slices
from zap.histories.subjects import scrambled

RECENT = "recent.jsonl.gz"
EXAMPLES = 1_000
LIMIT_BYTES = 256 << 20
"""The longest text that is unpacked: 1,000 long histories are a tenth of it."""


@dataclass(frozen=True)
class RecentSample:
    """How many examples are told again, and by which key subjects are named.

    Attributes:
        examples: how many, of the whole dataset.
        key: secret of the subjects' keyed hashes, 16 to 64 bytes; None tells nothing of
            whose an example is.
    """

    examples: int = EXAMPLES
    key: bytes | None = field(default=None, repr=False)

    def of_shard(self, shards: int) -> int:
        """How many candidates a shard with many subjects gives, one of each.

        Its share and six deviations more: subjects are spread by their hash.
        """
        share = self.examples / shards
        return min(self.examples, math.ceil(share + 6 * math.sqrt(share)) + 10)


def key_id(key: bytes) -> str:
    """What tells keys apart and nothing of them; 16 hexadecimal digits."""
    return hashlib.blake2b(b"key id", key=key, digest_size=8).hexdigest()


def candidates(
    slices: Slices,
    part: NDArray[np.int8],
    encoder: Encoder,
    most: int,
    examples: int,
) -> list[bytes]:
    """The examples of a shard that may be among those chosen of all; lines of JSON.

    Args:
        slices: the shard's cutoffs.
        part: int8, shape (cutoffs,): the part of each.
        encoder: the fitted encoder.
        most: how many at most, where that many subjects give one each.
        examples: how many are chosen of all shards.
    """
    usable = np.flatnonzero(part != EMBARGOED)
    hashed, lot = _lots(slices, usable)
    drawn, rank = _drawn(hashed, lot, most, examples)
    in_place = np.argsort(drawn)
    drawn, rank = drawn[in_place], rank[in_place]
    chosen = usable[drawn]
    histories, cutoffs = of_subjects(slices.histories, slices.cutoffs.select(chosen))
    told = recent_events(encoder.instance, histories, cutoffs)
    kept, start, stop = encoder.windows(histories, cutoffs)
    events = encoder.encode_events(histories, kept)
    metadata = encoder.encode_metadata(histories, cutoffs)
    lines = []
    for at, cutoff in enumerate(chosen.tolist()):
        encoded = EncodedInstance(
            take_rows(events, np.arange(start[at], stop[at])),
            take_rows(metadata, np.array([at])),
        )
        line = {
            "rank": int(rank[at]),
            "lot": int(lot[drawn[at]]),
            "subject": int(hashed[drawn[at]]),
            "split": SPLITS[part[cutoff]],
            "instant": int(cutoffs.instant_us[at]),
            "events": told[at],
            "encoded": encoded.digest,
        }
        lines.append(dumped(line))
    return lines


def chosen_of(lines: Iterable[bytes], sample: RecentSample) -> list[bytes]:
    """The examples chosen of all shards' candidates, subjects named as the sample says.

    The names are made here and not by workers: the key stays with who runs the job.
    """
    parsed = (json.loads(line) for line in lines)
    # Of thousands of shards no more is held than what may be chosen.
    chosen = heapq.nsmallest(
        sample.examples, parsed, key=lambda line: (line["rank"], line["lot"])
    )
    found = []
    for line in chosen:
        del line["rank"], line["lot"]
        hashed = line.pop("subject")
        named = None if sample.key is None else keyed_subject(sample.key, hashed)
        found.append(dumped({"subject": named, **line}))
    return found


def packed_lines(lines: Iterable[bytes]) -> bytes:
    """Lines as one compressed file, the same bytes for the same lines."""
    return gzip.compress(b"".join(line + b"\n" for line in lines), mtime=0)


def unpacked_lines(content: bytes) -> list[bytes]:
    """The lines that ``packed_lines`` made a file of.

    Raises:
        ValueError: the content is damaged, or unpacks to more than the limit.
    """
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        text = unpack.decompress(content, LIMIT_BYTES + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if len(text) > LIMIT_BYTES or not unpack.eof:
        raise ValueError(f"it ends early, or is longer than {LIMIT_BYTES:,} bytes")
    return text.splitlines()


def _lots(slices: Slices, usable: IntArray) -> tuple[IntArray, NDArray[np.uint64]]:
    """The subject's hash and the lot of each usable cutoff."""
    histories, cutoffs = slices.histories, slices.cutoffs
    subject = cutoffs.subject[usable]
    hashed = histories.subject_hash[subject]
    place = cutoffs.position[usable] - histories.offsets[subject]
    return hashed, scrambled(hashed, cutoffs.instant_us[usable], place)


def _drawn(
    hashed: IntArray, lot: NDArray[np.uint64], most: int, examples: int
) -> tuple[IntArray, IntArray]:
    """Which cutoffs a shard gives, the first first, and their ranks.

    Where enough subjects have one each, only the lowest lots are looked at: a subject's
    lowest is among them if any of its is. Sorting all was a tenth of a worker's time.

    Returns:
        places in ``lot``; and the how-manieth of its subject each is by its lot.
    """
    looked_at = 4 * most
    while looked_at < len(lot):
        lowest = np.argpartition(lot, looked_at)[:looked_at]
        first = lowest[_ranks(hashed[lowest], lot[lowest]) == 0]
        if len(first) >= most:
            drawn = first[np.argsort(lot[first])][:most]
            return drawn, np.zeros(most, np.int64)
        looked_at *= 4
    rank = _ranks(hashed, lot)
    enough = np.count_nonzero(rank == 0) >= most
    drawn = np.lexsort((lot, rank))[: most if enough else examples]
    return drawn, rank[drawn]


def _ranks(hashed: IntArray, lot: NDArray[np.uint64]) -> IntArray:
    """The how-manieth of its subject each cutoff is by its lot."""
    order = np.lexsort((lot, hashed))
    fresh = np.ones(len(order), bool)
    fresh[1:] = hashed[order][1:] != hashed[order][:-1]
    begins = np.maximum.accumulate(np.where(fresh, np.arange(len(order)), 0))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - begins
    return rank


def dumped(line: Mapping[str, Any]) -> bytes:
    """An example as a line of JSON."""
    return json.dumps(line, separators=(",", ":"), allow_nan=False).encode()
