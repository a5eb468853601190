"""Assembling examples, held against plain loops over the events."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_rows import FIRST, made_row, made_rows, write_rows
from made_shop import MadeShop, Weekly
from made_visits import entries_of, examples_of, made_visits

from zap.datasets.assemble import as_instances, assemble, in_split, label_reach
from zap.encoding.encoder import Encoder
from zap.encoding.fit import fit, sketch_instance
from zap.events.mapping import EventMapping
from zap.events.reading import read_source
from zap.events.sources import list_sources
from zap.examples.generator import Generator
from zap.examples.observed import ObservedRange
from zap.examples.slicing import Slices, slice_histories
from zap.histories.build import build_histories
from zap.times import DAY_US, SECOND_US, instant_us

OBSERVED = ObservedRange(instant_us("2024-03-01"), instant_us("2024-04-01"))


def slices_of(folder: Path, rows: list[dict], generator: Generator) -> Slices:
    mapping = EventMapping.load(generator.folder() / "made_shop.toml")
    path = write_rows(folder / "events.jsonl", rows)
    (source,) = list_sources([path], mapping)
    table = pa.Table.from_batches(b.events for b in read_source(source, mapping))
    histories, _ = build_histories(
        table, generator.settings(), generator.fields(), mapping
    )
    return slice_histories(generator, histories, OBSERVED)


def encoder_of(slices: Slices, generator: Generator) -> Encoder:
    sketches = sketch_instance(generator.instance, slices.histories, slices.cutoffs)
    return Encoder(fit(generator.instance, sketches))


@pytest.fixture(scope="module", params=[MadeShop, Weekly])
def made(request, tmp_path_factory: pytest.TempPathFactory):
    generator = request.param()
    folder = tmp_path_factory.mktemp("assemble")
    slices = slices_of(folder, made_rows(60), generator)
    return generator, slices, encoder_of(slices, generator)


def test_each_instance_is_the_last_views_before_the_cutoff(made) -> None:
    generator, slices, encoder = made
    histories, cutoffs = slices.histories, slices.cutoffs
    visits, rows = assemble(slices, encoder)
    types = histories.columns["type"]
    names = [types.distinct[code] for code in types.codes]
    assert visits.cutoffs == len(cutoffs) > 50
    for cutoff in range(len(cutoffs)):
        first = histories.offsets[cutoffs.subject[cutoff]]
        past = range(first, cutoffs.position[cutoff])
        views = [event for event in past if names[event] == "page_view"]
        kept = rows[visits.start[cutoff] : visits.stop[cutoff]]
        assert kept.tolist() == views[-generator.instance.last :]


def test_each_instance_has_the_bytes_of_a_single_call(made) -> None:
    _, slices, encoder = made
    histories, cutoffs = slices.histories, slices.cutoffs
    visits, _ = assemble(slices, encoder)
    url_path = histories.columns["url.path"]
    for cutoff in range(0, len(cutoffs), 7):
        first = histories.offsets[cutoffs.subject[cutoff]]
        past = [
            {
                "timestamp": int(histories.time_us[event]),
                "type": histories.columns["type"].distinct[
                    histories.columns["type"].codes[event]
                ],
                "url.path": url_path.distinct[url_path.codes[event]],
            }
            for event in range(first, cutoffs.position[cutoff])
        ]
        one = encoder.encode_instance(past, int(cutoffs.instant_us[cutoff]))
        here = range(visits.start[cutoff], visits.stop[cutoff])
        assert [entries_of(visits.events, e) for e in here] == [
            entries_of(one.events, e) for e in range(len(one.events))
        ]
        assert entries_of(visits.metadata, cutoff) == entries_of(one.metadata, 0)


def test_columns_of_cutoffs_are_those_of_the_slices(made) -> None:
    _, slices, encoder = made
    visits, _ = assemble(slices, encoder)
    assert visits.label.tolist() == slices.label.tolist()
    assert visits.weight.tolist() == slices.weight.tolist()
    assert visits.instant_us.tolist() == slices.cutoffs.instant_us.tolist()
    for name, column in slices.statistics.items():
        assert visits.statistics[name].tolist() == column.tolist()
    expected = slices.histories.subject_hash[slices.cutoffs.subject]
    assert visits.subjects_of_cutoffs().tolist() == expected.tolist()
    assert (np.diff(visits.cutoff_offsets) > 0).all()


def test_nothing_after_the_last_cutoff_is_stored(tmp_path: Path) -> None:
    """A buyer's later views are in no instance, so they are not on the disk."""
    generator = MadeShop()
    times = [FIRST + timedelta(minutes=i) for i in range(9)]
    rows = [made_row("a", t, "page_view", f"/{i}") for i, t in enumerate(times)]
    rows[3] |= {"event": "purchase"}
    slices = slices_of(tmp_path, rows, generator)
    visits, events = assemble(slices, encoder_of(slices, generator))
    # Eligible are the views before the purchase: events 0, 1, 2.
    assert visits.cutoffs == 3
    assert events.tolist() == [0, 1, 2]


def test_every_stored_event_is_in_the_hull_of_the_instances(made) -> None:
    _, slices, encoder = made
    visits, rows = assemble(slices, encoder)
    assert len(rows) == len(visits.events) == visits.event_offsets[-1]
    assert len(np.unique(rows)) == len(rows)
    for visit in range(len(visits)):
        own = slice(*visits.cutoff_offsets[visit : visit + 2])
        assert visits.start[own].min() == visits.event_offsets[visit]
        assert visits.stop[own].max() == visits.event_offsets[visit + 1]


@given(st.integers(1, 9), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_part_holds_its_examples_and_no_others(
    size: int, seed: int, other: int
) -> None:
    visits = made_visits(size, seed)
    part = np.random.default_rng(other).integers(-1, 3, visits.cutoffs).astype(np.int8)
    whole = examples_of(visits)
    for wanted in range(3):
        chosen = in_split(visits, part, wanted)
        expected = [e for e, p in zip(whole, part, strict=True) if p == wanted]
        assert examples_of(chosen) == expected
        assert (np.diff(chosen.cutoff_offsets) > 0).all()
        for visit in range(len(chosen)):
            own = slice(*chosen.cutoff_offsets[visit : visit + 2])
            low, high = chosen.event_offsets[visit : visit + 2]
            assert (chosen.start[own].min(), chosen.stop[own].max()) == (low, high)


@given(st.integers(1, 9), st.integers(0, 10**6))
def test_both_layouts_hold_the_same_examples(size: int, seed: int) -> None:
    visits = made_visits(size, seed)
    alone = as_instances(visits)
    assert examples_of(alone) == examples_of(visits)
    assert len(alone) == alone.cutoffs == visits.cutoffs
    assert alone.event_offsets[-1] == (visits.stop - visits.start).sum()


def test_a_label_on_the_rest_of_a_session_reaches_to_its_end(made) -> None:
    generator, slices, _ = made
    reach = label_reach(generator, slices)
    if isinstance(generator, Weekly):
        assert set(reach.tolist()) == {3 * DAY_US}
        return
    histories, cutoffs, gap = slices.histories, slices.cutoffs, 1_800 * SECOND_US
    for cutoff, found in enumerate(reach.tolist()):
        last = int(cutoffs.position[cutoff]) - 1
        end = histories.offsets[cutoffs.subject[cutoff] + 1]
        while (
            last + 1 < end
            and histories.time_us[last + 1] - histories.time_us[last] <= gap
        ):
            last += 1
        ends = int(histories.time_us[last]) + gap + 1
        assert found == ends - int(cutoffs.instant_us[cutoff])
