"""Asked at every cutoff of a training, the analysis gives the training's own labels.

Rows come late, twice and from bots; visits end in purchases; a page view's prediction
uses the events up to it, also where others were known at the same instant.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from made_lines import KEY, Line
from made_rows import made_row, made_rows, write_files
from made_shop import MadeShop, MorePages, Weekly, WhatNext

from generators.simulated_shop import SimulatedShop
from zap.checks.histories import histories_of
from zap.checks.sample import whole_subjects
from zap.encoding.columns import Categorical, Numeric
from zap.encoding.subject_names import keyed_subject
from zap.events.mapping import EventMapping
from zap.events.sources import list_sources
from zap.examples import Generator
from zap.examples.slicing import Slices, slice_histories
from zap.jobs.analyse.archive import read_archive
from zap.jobs.analyse.logged import predictions_of
from zap.jobs.analyse.outcomes import outcomes_of
from zap.jobs.inputs import RawInput
from zap.serving.log import event_hashes
from zap.simulation.settings import Settings
from zap.simulation.simulate import simulate

MAPPING = Path(__file__).parents[1] / "sites" / "made_shop.toml"


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, EventMapping]:
    """About 12,000 rows with everything that can be wrong with them."""
    settings = Settings(
        events=12_000, bots=0.2, duplicates=0.02, late=0.05, broken=0.005, seed=6
    )
    folder = simulate(settings, tmp_path_factory.mktemp("simulated") / "shop")
    return str(folder.events), EventMapping.load(folder.mapping)


def training(raw: RawInput) -> tuple[Slices, list[str]]:
    """The examples of a training, and the id of each one's last event."""
    sources = list_sources(raw.paths, raw.mapping)
    subject = raw.generator.subject
    sample = whole_subjects(sources, raw.mapping, subject, 10_000_000)
    histories = histories_of(raw.generator, sample.table, raw.mapping)
    slices = slice_histories(raw.generator, histories, sample.observed)
    rows = zip(*(sample.table.column(c).to_pylist() for c in PLACE), strict=True)
    ids = dict(zip(rows, sample.table.column("event_id").to_pylist(), strict=True))
    source, row = (slices.histories.columns[name] for name in PLACE)
    assert isinstance(source, Categorical) and isinstance(row, Numeric)
    last = slices.cutoffs.position - 1
    return slices, [
        ids[source.distinct[source.codes[at]], int(row.values[at])]
        for at in last.tolist()
    ]


PLACE = ("source", "row")


def check(raw: RawInput, least: int, max_bad_share: float = 0.01) -> None:
    slices, last = training(raw)
    hashes = slices.histories.subject_hash[slices.cutoffs.subject].tolist()
    instants = slices.cutoffs.instant_us.tolist()
    lines = [
        Line(
            keyed_subject(KEY, hashed),
            instant,
            n,
            ids=event_hashes([name]),
            encoded=f"{n}",
        )
        for n, (hashed, instant, name) in enumerate(
            zip(hashes, instants, last, strict=True)
        )
    ]
    predictions = predictions_of(lines)
    archive = read_archive(
        raw, KEY, set(predictions.subjects), max_bad_share=max_bad_share
    )
    found = outcomes_of(raw.generator, archive, predictions)
    place = predictions.time_us[found.matured]  # which line it was
    assert len(place) == len(lines) >= least
    assert np.array_equal(found.label.astype(np.float32), slices.label[place])
    assert len(np.unique(slices.label)) > 1
    for name, column in slices.statistics.items():
        assert np.array_equal(found.statistics[name], column[place], equal_nan=True)
    for name, column in slices.moment.items():
        assert np.array_equal(found.moment[name], column[place], equal_nan=True)


def test_late_doubled_and_bots_events(simulated: tuple[str, EventMapping]) -> None:
    events, mapping = simulated
    raw = RawInput(SimulatedShop(), mapping, (events,))
    check(raw, 5_000, max_bad_share=0.05)


@pytest.mark.parametrize("question", [MadeShop, WhatNext, MorePages, Weekly])
def test_every_kind_of_label(tmp_path: Path, question: type[Generator]) -> None:
    # Some come at the very instant of a time that Weekly asks at.
    night = datetime(2024, 3, 10, tzinfo=UTC)
    rows = made_rows(150)
    names = sorted({row["visitor"] for row in rows})[::3]
    rows += [made_row(name, night, "page_view", "/night") for name in names]
    files = write_files(tmp_path / "raw", rows)
    raw = RawInput(question(), EventMapping.load(MAPPING), tuple(files))
    check(raw, 100, max_bad_share=0.05)
