"""How a dataset is made, beside what it is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

from zap.beam.workers import Workers
from zap.datasets.assemble import LAYOUTS
from zap.datasets.recent import RecentSample
from zap.datasets.splits import Split, SubjectSplit
from zap.datasets.tfrecord import COMPRESSIONS
from zap.encoding.encoder import Encoder
from zap.errors import DatasetError


@dataclass(frozen=True)
class GenerateOptions:
    """How a dataset is made.

    Attributes:
        split: which example belongs to which part.
        layout: "visits" (events once a history) or "instances" (once a cutoff).
        compression: "none" or "gzip".
        shards: number of shards; None chooses by the size of the input.
        max_bad_share: share of bad rows, and of subjects that a generator raised on,
            above which the job fails.
        encoder: an encoder to use as it is, instead of fitting one.
        beam_args: Beam's own command-line options.
        replace: whether a dataset at the output may be replaced.
        workers: processes of a local run that were begun before; they end with it.
        check: whether the generator is proven on some of the events first.
        recent: which examples are told again as events, to verify models with.
        batch_rows: most rows that are read at a time; None for as many as are fast. The
            dataset does not depend on it.
    """

    split: Split = field(default_factory=SubjectSplit)
    layout: str = "visits"
    compression: str = "none"
    shards: int | None = None
    max_bad_share: float = 0.01
    encoder: Encoder | None = None
    beam_args: tuple[str, ...] = ()
    replace: bool = False
    check: bool = True
    workers: Workers | None = None
    recent: RecentSample = field(default_factory=RecentSample)
    batch_rows: int | None = None

    def __post_init__(self) -> None:
        for name, known in (("layout", LAYOUTS), ("compression", COMPRESSIONS)):
            if getattr(self, name) not in known:
                raise DatasetError(
                    f"Expected {name} to be {' or '.join(known)}. "
                    f"Received: {name}={getattr(self, name)!r}."
                )
        for name in ("shards", "batch_rows"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise DatasetError(
                    f"Expected {name} to be at least 1. Received: {name}={number}."
                )
        if not 0 <= self.max_bad_share <= 1:
            raise DatasetError(
                "Expected a share of bad rows from 0 to 1. "
                f"Received: max_bad_share={self.max_bad_share}."
            )
