"""``python -m bench.custom``: sessions a second of methods in plain Python, one core.

Both generators ask the same at the first page of each visit of a simulated shop; the
one in expressions, the other in methods that look at event after event. They must give
the same labels.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from zap.events.mapping import EventMapping
from zap.events.reading import read_source
from zap.events.sources import list_sources
from zap.examples import (
    Generator,
    Hash,
    InactivityGap,
    Instance,
    event,
    nth,
    past,
    rest_of_session,
)
from zap.examples.observed import ObservedRange
from zap.examples.slicing import Slices, slice_histories
from zap.histories.batch import HistoryBatch
from zap.histories.build import build_histories
from zap.simulation.folder import Folder
from zap.simulation.settings import Settings
from zap.simulation.simulate import simulate

EVER = ObservedRange(-(2**61), 2**61, "declared")
BUY, VIEW = event("purchase"), event("page_view")
SEEN = Instance(types=["page_view"], fields=[Hash("url.path")])


class InExpressions(Generator):
    """At the first page of a visitor who never bought: will this visit end in it?"""

    session = InactivityGap(minutes=30)
    cutoffs = nth(VIEW, 1)
    eligible = past().none(BUY)
    label = rest_of_session().any(BUY)
    instance = SEEN


class InMethods(Generator):
    """The same in plain Python."""

    session = InactivityGap(minutes=30)
    cutoffs = nth(VIEW, 1)
    horizon = rest_of_session()
    instance = SEEN

    def eligible(self, past):
        """Nothing bought so far."""
        return not any(each.type == "purchase" for each in past)

    def label(self, future):
        """Whether one of the later events is a purchase of something."""
        return any(
            each.type == "purchase" and (each["amount"] or 0) >= 0 for each in future
        )


def histories_of(folder: Folder) -> HistoryBatch:
    """The histories of a simulation, one a visit, with the fields of both."""
    mapping = EventMapping.load(folder.mapping)
    sources = list_sources([str(folder.events)], mapping)
    tables = [
        pa.Table.from_batches([read.events])
        for source in sources
        for read in read_source(source, mapping)
    ]
    settings = InMethods().settings()
    fields = ("type", "url.path", "amount")
    return build_histories(pa.concat_tables(tables), settings, fields, mapping)[0]


def best(generator: Generator, histories: HistoryBatch) -> tuple[float, Slices]:
    """The shortest of three runs, in seconds, and what it found."""
    times = []
    for _ in range(3):
        began = time.perf_counter()
        found = slice_histories(generator, histories, EVER)
        times.append(time.perf_counter() - began)
    return min(times), found


def main() -> None:
    """Measure both, hold them against each other and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.custom")
    parser.add_argument("--events", type=int, default=500_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        simulate(Settings(events=args.events, late=0.0), Path(folder) / "made")
        histories = histories_of(Folder(Path(folder) / "made"))
    sessions = len(np.unique(histories.session_start))
    print("| generator | sessions | examples | seconds | sessions a second |")
    print("| --- | --- | --- | --- | --- |")
    found = {}
    for generator in (InExpressions(), InMethods()):
        seconds, slices = best(generator, histories)
        found[generator.name] = slices
        print(
            f"| {generator.name} | {sessions:,} | {len(slices.cutoffs):,} "
            f"| {seconds:.2f} | {sessions / seconds:,.0f} |"
        )
    one, two = found.values()
    assert np.array_equal(one.label, two.label), "the two give other labels"


if __name__ == "__main__":
    main()
