"""The job in Polars, written by hand: ``python -m bench.data_path.polars_script``.

One scan turns texts into small codes, one sort puts the events into their order, and
from there all work is on flat columns: a visitor, a session or a window is a range of
rows, so that no group is ever gathered. What an event's vector holds depends on few
distinct codes, each of which is encoded once.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from bench.data_path import job
from bench.data_path.clock import Clock

BAD, VIEW, BUY = 0, 1, 2
TEXTS: dict[str, Callable[[str | None], Any]] = {
    "event": {"page_view": VIEW, "purchase": BUY, "": BAD, None: BAD}.get,
    "url": job.read_page,
    "user_agent": job.read_agent,
    "referrer": job.read_referrer,
    "step": job.read_step,
    "campaign": job.read_campaign,
}
NO_PLACES = pl.Series([[]], dtype=pl.List(pl.Int32))


class Lookup:
    """Small codes for the distinct texts of a column.

    Args:
        texts: the distinct texts, as a categorical series.
        read: what is told of a text; texts of which the same is told share a code.

    Attributes:
        told: what the codes stand for.
    """

    def __init__(self, texts: pl.Series, read: Callable[[str | None], Any]):
        self._texts = texts  # as long as it is there, a text keeps its number
        places = texts.to_physical()
        known = places.is_not_null()
        found = [read(text) for text in texts.filter(known).cast(pl.String).to_list()]
        self.told = list(dict.fromkeys([read(None), *found]))
        codes = {told: code for code, told in enumerate(self.told)}
        most = places.max()
        table = np.zeros(1 if most is None else int(most) + 2, np.uint16)
        table[places.filter(known).to_numpy()] = [codes[told] for told in found]
        self._table = pl.Series(table)

    def codes(self, column: str) -> pl.Expr:
        """The codes of a column of the scan; code 0 where there is no text."""
        return _physical(column).map_batches(
            lambda places: self._table.gather(places).fill_null(0),
            return_dtype=pl.UInt16,
            is_elementwise=True,
        )

    def are(self, column: str, test: Callable[[Any], bool]) -> pl.Expr:
        """Whether a test holds for what is told of each text."""
        hits = [code for code, told in enumerate(self.told) if test(told)]
        return self.codes(column).is_in(pl.Series(hits, dtype=pl.UInt16).implode())


def _physical(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.Categorical).to_physical()


def lookups(scan: pl.LazyFrame) -> dict[str, Lookup]:
    """A lookup for each column of texts."""
    distinct = pl.collect_all(
        [scan.select(pl.col(name).cast(pl.Categorical).unique()) for name in TEXTS],
        engine="streaming",
    )
    return {
        name: Lookup(frame.to_series(), read)
        for (name, read), frame in zip(TEXTS.items(), distinct, strict=True)
    }


def read_events(scan: pl.LazyFrame, found: dict[str, Lookup]) -> pl.DataFrame:
    """The good rows of people, as codes, in the order of their files and rows.

    ``sight`` is page, step and referrer in one number.
    """
    steps, hosts = len(found["step"].told), len(found["referrer"].told)
    view = found["event"].are("event", lambda told: told == VIEW)
    page = found["url"].codes("url").cast(pl.UInt32)
    sight = (page * steps + found["step"].codes("step")) * hosts
    kept = (
        pl.col("timestamp").is_between(job.EARLIEST_MS, job.LATEST_MS - 1),
        pl.col("anonymous_id").is_not_null() & (pl.col("anonymous_id") != ""),
        ~found["event"].are("event", lambda told: told == BAD),
        ~(view & found["url"].are("url", lambda told: told.excluded)),
        ~found["user_agent"].are("user_agent", lambda told: told.crawler),
    )
    columns = {
        "id": pl.col("id"),
        "name": pl.col("anonymous_id").cast(pl.Categorical),
        "ms": pl.col("timestamp"),
        "view": view,
        "buy": found["event"].are("event", lambda told: told == BUY),
        "sight": sight + found["referrer"].codes("referrer"),
        "agent": found["user_agent"].codes("user_agent"),
        "campaign": found["campaign"].codes("campaign"),
        "visit": pl.col("visit_number")
        .clip(job.LOWEST_VISIT, job.HIGHEST_VISIT)
        .cast(pl.UInt8),
        "bought": pl.col("bought_before").cast(pl.UInt8),
    }
    return scan.filter(*kept).select(**columns).collect(engine="streaming")


def clean(events: pl.DataFrame, counts: dict[str, int]) -> pl.DataFrame:
    """The events in order, without large visitors, repeats and sessions that must go.

    Adds ``visitor`` and ``session``, the numbers of the runs of rows that each is.
    """
    visitor = pl.col("name").to_physical()
    events = events.with_columns(visitor=visitor).sort(
        "visitor", "ms", maintain_order=True
    )
    sizes = events["visitor"].rle().struct.field("len")
    if (sizes > job.MAX_SUBJECT_EVENTS).any():
        small = (sizes <= job.MAX_SUBJECT_EVENTS).gather(events["visitor"].rle_id())
        events = _keep(events, small, "max_subject_events", counts)
    first = events.select(
        pl.col("id").is_null()
        | (pl.col("id") == "")
        | pl.struct("visitor", "id").is_first_distinct()
    ).to_series()
    events = _keep(events, first, "duplicate_id", counts)
    events = events.with_columns(
        session=(
            (pl.col("visitor") != pl.col("visitor").shift(1))
            | (pl.col("ms") - pl.col("ms").shift(1) > job.GAP_MS)
        )
        .fill_null(False)
        .cum_sum()
    )
    events = _keep(events, ~events["session"].is_in(_fast(events)), "rate", counts)
    sizes = events["session"].rle().struct.field("len")
    short = (sizes <= job.MAX_EVENTS).gather(events["session"].rle_id())
    events = _keep(events, short, "max_events", counts)
    counts["events.kept"] = len(events)
    return events.with_columns(pl.col("visitor", "session").rle_id())


def _keep(
    events: pl.DataFrame, mask: pl.Series, reason: str, counts: dict[str, int]
) -> pl.DataFrame:
    kept = events.filter(mask)
    counts[f"events.dropped.{reason}"] = len(events) - len(kept)
    return kept


def _fast(events: pl.DataFrame) -> pl.Series:
    """The sessions with more page views in a while than people read."""
    n = job.RATE_EVENTS
    return (
        events.lazy()
        .filter("view")
        .filter(
            pl.col("session") == pl.col("session").shift(n),
            pl.col("ms") - pl.col("ms").shift(n) <= job.RATE_MS,
        )
        .select(pl.col("session").unique().implode())
        .collect()
        .to_series()
    )


def with_sessions(events: pl.DataFrame) -> pl.DataFrame:
    """The events with what each cutoff must know of its session's two sides."""
    sizes = events["session"].rle().struct.field("len").cast(pl.UInt32)
    stop = sizes.cum_sum()
    start, last = stop - sizes, stop - 1
    session = events["session"]

    def at(values: pl.Series, rows: pl.Series) -> pl.Series:
        """Each event's session's value in one of its rows."""
        return values.gather(rows).gather(session)

    ms, views = events["ms"], events["view"].cum_sum()
    buys = events["buy"].cum_sum()
    return events.with_columns(
        began=at(ms, start),
        ended=at(ms, last),
        pages=views - at(views - events["view"], start),
        bought_so_far=buys > at(buys - events["buy"], start),
        label=at(buys, last) > buys,
    )


def page_views(events: pl.DataFrame, observed: tuple[int, int]) -> pl.DataFrame:
    """The page views that a window holds, with what is known at each of them.

    Adds ``example``; ``row``, ``first``, ``low`` and ``high``: the view's row, its
    visitor's first one, and the rows that the visitor's windows cover; ``since``,
    ``tenure``; and puts last known values in the place of missing ones.
    """
    views = events.filter("view").drop("view", "buy", "id", "session")
    sizes = views["visitor"].rle().struct.field("len").cast(pl.UInt32)
    visitors = pl.DataFrame({"first": sizes.cum_sum() - sizes, "end": sizes.cum_sum()})
    visitor = views["visitor"].rle_id()
    views = views.with_row_index("row").with_columns(
        first=visitors["first"].gather(visitor),
        example=~pl.col("bought_so_far")
        & (pl.col("pages") <= job.MAX_VIEWS)
        & (pl.col("ms") >= observed[0])
        & (pl.col("ended") + job.GAP_MS <= observed[1]),
    )
    views = views.with_columns(_compared())
    low, high = _covered(visitors, views["example"])
    return views.with_columns(
        low=low.gather(visitor), high=high.gather(visitor)
    ).filter(pl.col("row") >= pl.col("low"), pl.col("row") < pl.col("high"))


def _compared() -> list[pl.Expr]:
    """What a view's vector, and the metadata after it, take from the views before."""
    again = pl.col("row") > pl.col("first")
    repeated = again & (pl.col("agent") == pl.col("agent").shift(1))
    since = pl.col("ms") - pl.col("ms").shift(1)
    tenure = pl.col("ms") - pl.col("ms").gather(pl.col("first"))
    campaign = pl.when(pl.col("campaign") > 0).then("campaign")
    return [
        pl.when(again).then(since / 1000).alias("since"),
        pl.when(repeated).then(0).otherwise("agent").cast(pl.UInt16).alias("agent"),
        (tenure / 1000).alias("tenure"),
        _last_known(campaign).fill_null(0).alias("campaign"),
        _last_known(pl.col("visit")).alias("visit"),
        _last_known(pl.col("bought")).alias("bought"),
    ]


def _last_known(value: pl.Expr) -> pl.Expr:
    """The visitor's last value so far: the one before, unless it is another's."""
    known = pl.when(value.is_not_null()).then("row").forward_fill()
    return pl.when(known >= pl.col("first")).then(value.forward_fill())


def _covered(visitors: pl.DataFrame, example: pl.Series) -> tuple[pl.Series, pl.Series]:
    """First row and end of what each visitor's windows cover; none if both are equal.

    Args:
        visitors: ``first`` row and ``end`` of each.
        example: whether an example is cut after each row.
    """
    cut = example.to_numpy()
    first, end = visitors["first"].to_numpy(), visitors["end"].to_numpy()
    rows = np.append(np.flatnonzero(cut), 0)
    after = np.cumsum(cut)
    before = after[first] - cut[first]
    after = after[end - 1]
    low = np.maximum(first, rows[before] - (job.LAST - 1))
    high = np.where(after > before, rows[after - 1] + 1, low)
    return pl.Series(low.astype(np.uint32)), pl.Series(high.astype(np.uint32))


def bins(seconds: pl.Series, edges: np.ndarray) -> pl.Series:
    """The place of the last edge at or below each number, within the edges."""
    places = pl.Series(edges).search_sorted(seconds, side="right").cast(pl.Int32) - 1
    return places.clip(0, len(edges) - 1)


def encoded_events(
    views: pl.DataFrame, found: dict[str, Lookup]
) -> tuple[pl.Series, np.ndarray]:
    """The places of each view's vector, as lists, and the values of all, flat."""
    edges = job.SINCE_EDGES
    since = views["since"].clip(edges[0], edges[-1])
    place = bins(since, edges)
    widths = pl.Series(np.append(np.diff(edges), 1.0))
    share = (since - pl.Series(edges).gather(place)) / widths.gather(place)
    code = views.select(
        sight="sight", agent="agent", since=(2 * place + (share > 0)).cast(pl.UInt16)
    )
    places = _spread(code, lambda distinct: _event_places(distinct, found))
    stops = places.list.len().cast(pl.Int64).cum_sum().to_numpy()
    values = np.ones(stops[-1] if len(stops) else 0, np.float32)
    shares = share.fill_null(0).to_numpy()
    inside = shares > 0
    values[stops[inside] - 1] = shares[inside]
    values[stops[inside] - 2] = 1 - shares[inside]
    return places, values


def _event_places(distinct: pl.DataFrame, found: dict[str, Lookup]) -> pl.Series:
    """The places of each distinct vector."""
    steps, hosts = len(found["step"].told), len(found["referrer"].told)
    sight = pl.col("sight")
    pages, agents = found["url"].told, found["user_agent"].told
    hashed = pl.concat_list(
        _lists([page.places for page in pages]).gather(sight // (steps * hosts)),
        _lists(found["step"].told).gather(sight // hosts % steps),
        _lists(found["referrer"].told).gather(sight % hosts),
        _lists([agent.places for agent in agents]).gather(pl.col("agent")),
    )
    bins = range(len(job.SINCE_EDGES))
    pairs = [
        tuple(job.HASH_BUCKETS + place for place in pair)
        for low in bins
        for pair in ((low,), (low, low + 1))
    ]
    since = _lists([*pairs, ()]).gather(pl.col("since").fill_null(len(pairs)))
    return distinct.select(
        pl.concat_list(hashed.list.unique().list.sort(), since)
    ).to_series()


def encoded_metadata(examples: pl.DataFrame, found: dict[str, Lookup]) -> pl.Series:
    """The places of the metadata of each example, as lists; their values are all 1."""
    code = examples.select(
        "campaign",
        "visit",
        "bought",
        tenure=bins(examples["tenure"], job.TENURE_EDGES).cast(pl.UInt16),
    )

    def places(distinct: pl.DataFrame) -> pl.Series:
        lowest = job.LOWEST_VISIT
        visits = [(job.VISIT_PLACE + at,) for at in range(job.HIGHEST_VISIT)]
        bought = [(job.BOUGHT_PLACE,), (job.BOUGHT_PLACE + 1,), ()]
        tenure = [(job.TENURE_PLACE + at,) for at in range(len(job.TENURE_EDGES))]
        return distinct.select(
            pl.concat_list(
                _lists(found["campaign"].told).gather(pl.col("campaign")),
                _lists([*visits, ()]).gather(
                    (pl.col("visit") - lowest).fill_null(len(visits))
                ),
                _lists(bought).gather(pl.col("bought").fill_null(2)),
                _lists(tenure).gather(pl.col("tenure")),
            )
        ).to_series()

    return _spread(code, places)


def _spread(
    codes: pl.DataFrame, encode: Callable[[pl.DataFrame], pl.Series]
) -> pl.Series:
    """What ``encode`` makes of the distinct rows, for each of the rows."""
    distinct = codes.unique().with_row_index("rank")
    ranks = codes.join(
        distinct, on=codes.columns, how="left", nulls_equal=True, maintain_order="left"
    )["rank"]
    return encode(distinct).gather(ranks)


def _lists(rows: Sequence[Sequence[int]]) -> pl.Expr:
    return pl.lit(pl.Series([list(row) for row in rows], dtype=pl.List(pl.Int32)))


def visits(views: pl.DataFrame, found: dict[str, Lookup]) -> pl.DataFrame:
    """One row for each visitor: its encoded events, and its examples as lists."""
    examples = views.filter("example")
    places, values = encoded_events(views, found)
    sizes = views["visitor"].rle().struct.field("len")
    events = np.append(0, sizes.cum_sum().to_numpy()).astype(np.int64)
    cutoffs = np.append(
        0, examples["visitor"].rle().struct.field("len").cum_sum().to_numpy()
    ).astype(np.int64)
    entries = np.append(0, places.list.len().cast(pl.Int64).cum_sum().to_numpy())
    window = examples.select(
        start=pl.max_horizontal(
            pl.col("row").cast(pl.Int64) + 1 - job.LAST, pl.col("first")
        )
        - pl.col("low"),
        stop=pl.col("row") + 1 - pl.col("low"),
    )
    vectors = places.list.explode().to_arrow()
    of_cutoffs = {
        "cutoff_start": window["start"].cast(pl.UInt16),
        "cutoff_stop": window["stop"].cast(pl.UInt16),
        "instant_ms": examples["ms"],
        "label": examples["label"].cast(pl.Float32),
        "metadata_indices": encoded_metadata(examples, found),
        "pages": examples["pages"].cast(pl.Float32),
        "seconds": ((examples["ms"] - examples["began"]) / 1000).cast(pl.Float32),
    }
    columns = {
        "event_indices": _nested(events, _nested(entries, vectors)),
        "event_values": _nested(events, _nested(entries, pa.array(values))),
        **{name: _nested(cutoffs, it.to_arrow()) for name, it in of_cutoffs.items()},
    }
    names = views["name"].gather(events[:-1]).cast(pl.String)
    return pl.DataFrame({"visitor": names, **columns})


def _nested(offsets: np.ndarray, values: pa.Array) -> pa.Array:
    return pa.LargeListArray.from_arrays(pa.array(offsets), values)


def write(visits: pl.DataFrame, output: Path, counts: dict[str, int]) -> None:
    """A file for each part; a visitor's is told from its hash."""
    part = visits["visitor"].hash(seed=0) % job.SPLIT_ENDS[-1]
    start = 0
    for name, end in zip(job.SPLITS, job.SPLIT_ENDS, strict=True):
        chosen = visits.filter((part >= start) & (part < end))
        chosen.write_parquet(output / f"{name}.parquet")
        counts[f"examples.{name}"] = int(chosen["label"].list.len().sum())
        start = end


def main(argv: Sequence[str] | None = None) -> None:
    """Read a folder of Parquet files, write examples and a manifest."""
    parser = argparse.ArgumentParser(prog="python -m bench.data_path.polars_script")
    parser.add_argument("input", type=Path, help="folder of Parquet files")
    parser.add_argument("output", type=Path, help="folder to be made")
    parser.add_argument("--mapping", type=Path, required=True, help="observed range")
    parser.add_argument("--timings", action="store_true", help="print seconds by step")
    args = parser.parse_args(argv)
    clock = Clock()
    counts: dict[str, int] = {}
    scan = pl.scan_parquet(job.files_of(args.input))
    found = lookups(scan)
    clock.lap("distinct texts")
    events = read_events(scan, found)
    clock.lap("read")
    events = clean(events, counts)
    clock.lap("order and clean")
    views = page_views(with_sessions(events), job.observed_ms(args.mapping))
    del events
    clock.lap("sessions and windows")
    made = visits(views, found)
    clock.lap("encode")
    args.output.mkdir(parents=True)
    write(made, args.output, counts)
    job.write_manifest(args.output, counts)
    clock.lap("write")
    if args.timings:
        print(json.dumps(clock.seconds))


if __name__ == "__main__":
    main()
