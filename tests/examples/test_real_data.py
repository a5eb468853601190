"""The counts that a first kernel of this shape gave on real data."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from zap.events.mapping import EventMapping
from zap.events.observed import observed_range
from zap.events.reading import read_source
from zap.events.sources import list_sources
from zap.examples import ANY, Generator, at, event, future, past
from zap.examples.observed import ObservedRange
from zap.examples.registry import load_generator
from zap.examples.slicing import Slices, slice_histories
from zap.histories.batch import HistoryBatch
from zap.histories.build import build_histories

RETAIL = type(load_generator("retail_repurchase_90"))


@cache
def histories_of(
    name: str, path: Path
) -> tuple[HistoryBatch, ObservedRange, Counter[str]]:
    generator = load_generator(name)
    mapping = EventMapping.load(generator.folder() / generator.mapping)
    [source] = list_sources([str(path)], mapping)
    fields = generator.fields()
    columns = {"event_id", "timestamp", "received_at", "type", "sequence", "group"}
    columns |= {"source", "row", generator.subject, *fields}
    batches = [
        batch.events.select([n for n in batch.events.schema.names if n in columns])
        for batch in read_source(source, mapping, fields)
    ]
    histories, counts = build_histories(
        pa.Table.from_batches(batches), generator.settings(), fields, mapping
    )
    return histories, ObservedRange(*observed_range(mapping, [str(path)])), counts


def sliced(generator: Generator, name: str, path: Path) -> Slices:
    histories, observed, _ = histories_of(name, path)
    return slice_histories(generator, histories, observed)


def test_cdnow() -> None:
    """23,570 customers of the first quarter, of whom 29.94 % buy again."""
    generator = load_generator("cdnow_repurchase")
    path = generator.folder() / generator.data
    slices = sliced(generator, generator.name, path)
    assert len(slices.label) == 23_570
    assert slices.label.mean() == pytest.approx(0.2994, abs=5e-5)
    assert slices.counts["cutoffs.candidates"] == 23_570
    assert histories_of(generator.name, path)[2]["histories.kept"] == 23_570


@pytest.mark.parametrize("pages", [3, 6])
def test_shop(pages: int, shared_data: Path) -> None:
    path = shared_data / "shop_sessions" / "events.parquet"
    generator = load_generator(f"shop_purchase_after_{pages}")
    slices = sliced(generator, "shop_purchase", path)
    assert len(slices.label) == 16_995
    assert slices.label.mean() == pytest.approx(0.2265, abs=5e-5)
    assert (slices.statistics["pages"] == pages).all()


@pytest.mark.parametrize(
    ("eligible", "customers", "share"),
    [(event(ANY), 2_401, 0.570), (event("order"), 2_370, 0.573)],
)
def test_retail_on_10_september(
    eligible: Any, customers: int, share: float, shared_data: Path
) -> None:
    path = shared_data / "online_retail" / "invoices.csv.gz"
    attributes = {
        "cutoffs": at("2011-09-10"),
        "eligible": past().any(eligible),
        "label": future(days=90).any(event("order")),
    }
    generator = type("September", (RETAIL,), attributes)()
    slices = sliced(generator, "retail_repurchase_90", path)
    assert len(slices.label) == customers
    assert slices.label.mean() == pytest.approx(share, abs=5e-4)
