"""A site's own work on events before Zap's, as people write it: wrong, and right.

Each pair does the same for the question; the wrong one reads what comes later.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Rows = list[dict[str, Any]]
EDGES = (5.0, 20.0, 80.0)
OFTEN = 100


def _ordered(table: pa.Table) -> Rows:
    """The rows, each with its place, by visitor and time."""
    rows = [{**row, "place": i} for i, row in enumerate(table.to_pylist())]
    return sorted(rows, key=lambda r: (r["anonymous_id"], r["timestamp"], r["row"]))


def _with(table: pa.Table, name: str, rows: Rows, kind: pa.DataType) -> pa.Table:
    """The table with a column made of rows that know their places."""
    values: list[Any] = [None] * table.num_rows
    for row in rows:
        values[row["place"]] = row[name]
    column = pa.array(values, kind)
    if name in table.schema.names:
        place = table.schema.get_field_index(name)
        return table.set_column(place, table.schema.field(place), column)
    return table.append_column(name, column)


def _binned(table: pa.Table, edges: Any) -> pa.Table:
    amounts = pc.fill_null(table.column("amount"), 0.0).to_numpy()
    texts = [f"bin {place}" for place in np.searchsorted(edges, amounts)]
    return table.append_column("amount_bin", pa.array(texts))


def bins_of_all_data(table: pa.Table) -> pa.Table:
    """Amounts in bins by quantiles of the whole table."""
    amounts = table.column("amount").drop_null().to_numpy()
    edges = np.quantile(amounts, np.arange(1, 20) / 20) if len(amounts) else []
    return _binned(table, edges)


def declared_bins(table: pa.Table) -> pa.Table:
    """Amounts in bins that were declared."""
    return _binned(table, EDGES)


def without_rare_pages(table: pa.Table) -> pa.Table:
    """Only pages that are seen ``OFTEN`` in the whole table."""
    counts = table.column("page").value_counts().to_pylist()
    often = [each["values"] for each in counts if each["counts"] >= OFTEN]
    return table.filter(pc.is_in(table.column("page"), pa.array(often, pa.string())))


def without_listed_pages(table: pa.Table) -> pa.Table:
    """Only pages that are not on a list."""
    listed = pa.array(["/page/3", "/page/8"])
    return table.filter(pc.invert(pc.is_in(table.column("page"), listed)))


def _by_visitor(rows: Rows) -> Iterator[Rows]:
    own: dict[str, Rows] = defaultdict(list)
    for row in rows:
        own[row["anonymous_id"]].append(row)
    yield from own.values()


def dwell_forward(table: pa.Table) -> pa.Table:
    """Seconds on a page as LEAD(timestamp) - timestamp."""
    rows = _ordered(table)
    for own in _by_visitor(rows):
        for row, after in zip(own, [*own[1:], None], strict=True):
            row["dwell"] = (
                (after["timestamp"] - row["timestamp"]).total_seconds()
                if after
                else None
            )
    return _with(table, "dwell", rows, pa.float64())


def dwell_before(table: pa.Table) -> pa.Table:
    """Seconds on the page before, of what had been received by then."""
    rows = _ordered(table)
    for own in _by_visitor(rows):
        for place, row in enumerate(own):
            known = [r for r in own[:place] if _known(r) <= _known(row)]
            since = known[-1]["timestamp"] if known else None
            row["dwell"] = (row["timestamp"] - since).total_seconds() if since else None
    return _with(table, "dwell", rows, pa.float64())


def stitched_backwards(table: pa.Table) -> pa.Table:
    """Every row of a visitor belongs to the user who logged in at some time."""
    rows = _ordered(table)
    for own in _by_visitor(rows):
        found = [row["user_id"] for row in own if row["user_id"]]
        for row in own:
            row["user_id"] = found[0] if found else None
    return _with(table, "user_id", rows, pa.string())


def stitched_forwards(table: pa.Table) -> pa.Table:
    """A row belongs to the user of whose log-in one knew before."""
    rows = _ordered(table)
    for own in _by_visitor(rows):
        links = [(_known(row), row["user_id"]) for row in own if row["user_id"]]
        for row in own:
            known = [user for when, user in links if when <= _known(row)]
            row["user_id"] = row["user_id"] or (known[0] if known else None)
    return _with(table, "user_id", rows, pa.string())


def without_receipt(table: pa.Table) -> pa.Table:
    """Events as if each had been received when it happened."""
    place = table.schema.get_field_index("received_at")
    none = pa.nulls(table.num_rows, table.schema.field(place).type)
    return table.set_column(place, table.schema.field(place), none)


def lines_dated_back(table: pa.Table) -> pa.Table:
    """All lines of an order at the time of its first."""
    rows = _ordered(table)
    first: dict[tuple[str, str], Any] = {}
    for row in rows:
        whose = (row["anonymous_id"], row["group"])
        row["began"] = first.setdefault(whose, row["timestamp"])
    kind = table.schema.field("timestamp").type
    dated = _with(table, "began", rows, kind)
    kept = dated.drop_columns(["timestamp"]).rename_columns({"began": "timestamp"})
    return kept.select(table.schema.names)


def visit_totals(table: pa.Table) -> pa.Table:
    """To each event the number of all events of its visitor."""
    rows = _ordered(table)
    for own in _by_visitor(rows):
        for row in own:
            row["events_in_all"] = float(len(own))
    return _with(table, "events_in_all", rows, pa.float64())


def visit_totals_so_far(table: pa.Table) -> pa.Table:
    """To each event the number of its visitor's events known by then."""
    rows = _ordered(table)
    for own in _by_visitor(rows):
        for place, row in enumerate(own):
            known = [r for r in own[: place + 1] if _known(r) <= _known(row)]
            row["events_in_all"] = float(len(known))
    return _with(table, "events_in_all", rows, pa.float64())


def _bought_after(rows: Rows) -> dict[int, bool]:
    found: dict[int, bool] = {}
    for own in _by_visitor(rows):
        buys = [row["timestamp"] for row in own if row["type"] == "purchase"]
        last = max(buys, default=None)
        for row in own:
            found[row["place"]] = last is not None and row["timestamp"] < last
    return found


def page_rates_of_all_data(table: pa.Table) -> pa.Table:
    """To each page the share of its views, in the whole table, that led to a sale."""
    rows = _ordered(table)
    bought = _bought_after(rows)
    seen: dict[str, list[bool]] = defaultdict(list)
    for row in rows:
        seen[row["page"]].append(bought[row["place"]])
    for row in rows:
        row["page_rate"] = float(np.mean(seen[row["page"]]))
    return _with(table, "page_rate", rows, pa.float64())


def page_shares_so_far(table: pa.Table) -> pa.Table:
    """To each page its share among all views that were known by then, of anybody."""
    rows = _ordered(table)
    known = sorted((_known(row), row["page"]) for row in rows)
    times = [when for when, _ in known]
    pages: dict[str, list[Any]] = defaultdict(list)
    for when, page in known:
        pages[page].append(when)
    for row in rows:
        now = _known(row)
        same = bisect_right(pages[row["page"]], now)
        row["page_rate"] = same / bisect_right(times, now)
    return _with(table, "page_rate", rows, pa.float64())


def latest_plan(table: pa.Table) -> pa.Table:
    """To each event the page that the visitor saw last of all, as a trait."""
    rows = _ordered(table)
    for own in _by_visitor(rows):
        for row in own:
            row["plan"] = own[-1]["page"]
    return _with(table, "plan", rows, pa.string())


def plan_so_far(table: pa.Table) -> pa.Table:
    """To each event the visitor's page itself."""
    rows = _ordered(table)
    for row in rows:
        row["plan"] = row["page"]
    return _with(table, "plan", rows, pa.string())


def _known(row: dict[str, Any]) -> Any:
    received = row["received_at"]
    return row["timestamp"] if received is None else max(row["timestamp"], received)


Prepare = Callable[[pa.Table], pa.Table]
