"""``python -m bench.aggregates``: windows at every event, beside Polars and DuckDB.

All make the same numbers, which is checked: count, sum, mean, maximum, distinct pages
and mean gap over an hour, a day, a week and four weeks before each event. Contenders
take turns; the best time of all rounds counts. The days of a store follow.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import replace

import duckdb
import numpy as np
import polars as pl

from bench.aggregates.online import online
from zap.encoding.aggregates import Aggregates, measured, windows
from zap.encoding.columns import Categorical, Cutoffs, FlatHistories, Numeric
from zap.encoding.measures import distinct, gap, maximum, mean

MEASURES = ["count", "amount", mean("amount"), maximum("amount"), distinct("page")]
WINDOWS = windows([1 / 24, 1, 7, 28], of=[*MEASURES, gap()])
SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
PAGES = 500


def shop(events: int, seed: int = 0) -> FlatHistories:
    """Visitors of a shop over 60 days: 1 to 12 visits of about 12 pages each."""
    draw = np.random.default_rng(seed)
    visits = draw.integers(1, 13, max(1, events // 78))
    pages = draw.geometric(1 / 12, int(visits.sum()))
    owner = np.repeat(np.repeat(np.arange(len(visits)), visits), pages)
    passed = np.cumsum(draw.exponential(40, len(owner)))
    began = draw.integers(0, 60 * DAY_US, len(pages))
    first = np.cumsum(pages) - pages
    since = passed - np.repeat(passed[first], pages)
    time_us = np.repeat(began, pages) + (since * 1e6).astype(np.int64)
    order = np.lexsort((time_us, owner))
    amount = np.round(draw.exponential(30, len(owner)), 2)
    amount[draw.random(len(owner)) < 0.7] = np.nan
    page = (draw.pareto(0.8, len(owner)) % PAGES).astype(np.int32)
    names = [f"page-{number}" for number in range(PAGES)]
    columns = {
        "type": Categorical(np.zeros(len(owner), np.int32), ["page_view"]),
        "amount": Numeric(amount),
        "page": Categorical(page, names),
    }
    offsets = np.searchsorted(owner, np.arange(len(visits) + 1))
    return FlatHistories(offsets, time_us[order], columns)


def every_event(histories: FlatHistories) -> Cutoffs:
    """A cutoff after each event."""
    row = np.arange(histories.events)
    subject = np.repeat(np.arange(histories.subjects), np.diff(histories.offsets))
    return Cutoffs(subject, row + 1, histories.time_us)


def by_zap(histories: FlatHistories, aggregates: Aggregates) -> np.ndarray:
    """The numbers; shape (events, windows x measures)."""
    kept = np.ones(histories.events, np.bool_)
    cutoffs = every_event(histories)
    return measured(aggregates, histories, cutoffs, kept, None)[:, :, 0]


def table(histories: FlatHistories) -> pl.DataFrame:
    """The events as a table, sorted alike."""
    amount, page = histories.columns["amount"], histories.columns["page"]
    assert (np.diff(histories.time_us) != 0).all(), "ties are windows of their own"
    assert isinstance(amount, Numeric) and isinstance(page, Categorical)
    return pl.DataFrame(
        {
            "subject": every_event(histories).subject,
            "time": histories.time_us,
            "amount": pl.Series(amount.values, nan_to_null=True),
            "page": page.codes,
        }
    )


def by_polars(events: pl.DataFrame) -> np.ndarray:
    """Rolling windows of each subject, all lengths at once, gaps as a column."""
    since = pl.col("time").diff().over("subject") / 1e6
    given = events.with_columns(gap=since).lazy()
    asked = []
    for days in WINDOWS.days:
        period = f"{round(days * DAY_US)}i"
        rolled = given.rolling("time", period=period, closed="both", group_by="subject")
        numbers = rolled.agg(
            count=pl.len(),
            total=pl.col("amount").sum(),
            mean=pl.col("amount").mean(),
            highest=pl.col("amount").max(),
            pages=pl.col("page").n_unique(),
            gap=pl.col("gap").mean(),
        ).drop("subject", "time")
        asked.append(numbers.select(pl.all().cast(pl.Float64)))
    return np.hstack([found.to_numpy() for found in pl.collect_all(asked)])


def by_duckdb(events: pl.DataFrame) -> np.ndarray:
    """Window functions over ranges of time."""
    columns, frames = [], []
    for number, days in enumerate(WINDOWS.days):
        frames.append(
            f"w{number} AS (PARTITION BY subject ORDER BY time RANGE BETWEEN "
            f"{round(days * DAY_US)} PRECEDING AND CURRENT ROW)"
        )
        columns += [
            f"count(*) OVER w{number}",
            f"coalesce(sum(amount) OVER w{number}, 0)",
            f"avg(amount) OVER w{number}",
            f"max(amount) OVER w{number}",
            f"count(DISTINCT page) OVER w{number}",
            f"avg(gap) OVER w{number}",
        ]
    named = [f"({column})::DOUBLE AS c{i}" for i, column in enumerate(columns)]
    query = f"""
        WITH given AS (
            SELECT *, (time - lag(time) OVER (PARTITION BY subject ORDER BY time)) / 1e6
                AS gap FROM events
        )
        SELECT {", ".join(named)} FROM given WINDOW {", ".join(frames)}
        ORDER BY subject, time
    """
    found = duckdb.connect().execute(query).fetchnumpy()
    return np.column_stack(
        [np.ma.filled(found[f"c{i}"], np.nan) for i in range(len(named))]
    )


def best_of(
    contenders: dict[str, Callable[[], object]], rounds: int
) -> dict[str, float]:
    """The least seconds of each, taking turns."""
    best = dict.fromkeys(contenders, float("inf"))
    for _ in range(rounds):
        for name, run in contenders.items():
            began = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - began)
    return best


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.aggregates")
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    histories = shop(args.events)
    events = table(histories)
    ours = by_zap(histories, WINDOWS)
    for other in (by_polars(events), by_duckdb(events)):
        assert np.allclose(ours, other, rtol=1e-6, atol=1e-6, equal_nan=True)
    changes = replace(WINDOWS, change=True)
    whole = replace(WINDOWS, days=[1, 7, 28], whole_days=True)
    alone = {str(of): replace(WINDOWS, of=[of]) for of in WINDOWS.of if of != "amount"}
    contenders: dict[str, Callable[[], object]] = {
        "Zap": lambda: by_zap(histories, WINDOWS),
        "Polars, rolling": lambda: by_polars(events),
        "DuckDB, window functions": lambda: by_duckdb(events),
        "Zap, with the changes too": lambda: by_zap(histories, changes),
        "Zap, whole days": lambda: by_zap(histories, whole),
        **{
            f"Zap, {name} alone": lambda each=each: by_zap(histories, each)
            for name, each in alone.items()
        },
    }
    print(
        f"{os.cpu_count()} cores, load before {os.getloadavg()[0]:.1f}; "
        f"{histories.events:,} events of {histories.subjects:,} subjects, "
        f"4 windows x 6 measures at each\n"
    )
    best = best_of(contenders, args.rounds)
    print("| windows at every event | events a second | times as long as Zap |")
    print("| --- | --- | --- |")
    for name, took in best.items():
        print(f"| {name} | {histories.events / took:,.0f} | {took / best['Zap']:.2f} |")
    print()
    online()


if __name__ == "__main__":
    main()
