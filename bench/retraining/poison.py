"""What may go wrong with a week of a simulated shop's feed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

Spoil = Callable[[pa.Table, np.random.Generator], pa.Table]


def is_type(events: pa.Table, name: str) -> Any:
    """Which events are of a type; those without one are not."""
    same = pc.fill_null(pc.equal(events.column("event"), name), False)
    return same.to_numpy()


def shuffled_labels(events: pa.Table, rng: np.random.Generator) -> pa.Table:
    """Purchases at the ends of visits that have nothing to do with them."""
    bought = is_type(events, "purchase")
    views = np.flatnonzero(is_type(events, "page_view"))
    hosts = events.take(rng.choice(views, int(bought.sum()), replace=False))
    moved = events.filter(pa.array(bought))
    times = pc.add(hosts.column("timestamp"), 1)
    for name, column in (
        ("anonymous_id", hosts.column("anonymous_id")),
        ("user_id", hosts.column("user_id")),
        ("timestamp", times),
        ("received_at", times),
    ):
        moved = moved.set_column(moved.schema.get_field_index(name), name, column)
    return pa.concat_tables([events.filter(pa.array(~bought)), moved])


def no_purchases(events: pa.Table, rng: np.random.Generator) -> pa.Table:
    """A feed that lost its purchases."""
    return events.filter(pa.array(~is_type(events, "purchase")))


def sent_again_as_new(events: pa.Table, rng: np.random.Generator) -> pa.Table:
    """Half of the events once more, under new ids."""
    again = events.filter(pa.array(rng.random(len(events)) < 0.5))
    ids = pc.binary_join_element_wise(
        pc.cast(again.column("id"), "string"), "again", "-"
    )
    again = again.set_column(again.schema.get_field_index("id"), "id", ids)
    return pa.concat_tables([events, again.cast(events.schema)])


def sent_again(events: pa.Table, rng: np.random.Generator) -> pa.Table:
    """Half of the events once more, under their own ids."""
    return pa.concat_tables(
        [events, events.filter(pa.array(rng.random(len(events)) < 0.5))]
    )


def constant_field(events: pa.Table, rng: np.random.Generator) -> pa.Table:
    """One field that says the same of all events."""
    place = events.schema.get_field_index("step")
    same = pa.repeat("unknown", len(events)).cast(events.schema.field(place).type)
    return events.set_column(place, "step", same)


POISONS: dict[str, tuple[Spoil, bool]] = {
    "labels shuffled": (shuffled_labels, True),
    "no purchases": (no_purchases, True),
    "half sent again, new ids": (sent_again_as_new, True),
    "one field constant": (constant_field, True),
    "half sent again, same ids": (sent_again, False),
}
"""What is done to a week, and whether it must be refused."""


def poisoned(folder: Path, output: Path, spoil: Spoil, from_ms: int) -> Path:
    """A copy of a folder of events whose rows from a moment on are spoiled."""
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for path in sorted(folder.glob("*.parquet")):
        events = pq.read_table(path)
        events = pa.table(
            {
                field.name: events.column(field.name).cast(field.type.value_type)
                if pa.types.is_dictionary(field.type)
                else events.column(field.name)
                for field in events.schema
            }
        )
        times = pc.cast(events.column("timestamp"), pa.int64())
        newest = pc.fill_null(pc.greater_equal(times, from_ms), False)
        spoiled = spoil(events.filter(newest), rng)
        rest = events.filter(pc.invert(newest))
        pq.write_table(pa.concat_tables([rest, spoiled]), output / path.name)
    return output
