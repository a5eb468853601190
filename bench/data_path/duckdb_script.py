"""The job in DuckDB, written by hand: ``python -m bench.data_path.duckdb_script``.

Texts become small codes by joins with their distinct values. The events are sorted
once; windows without a partition then run over the sorted table in one pass, which
costs a fraction of a window that partitions and sorts again. Joins do not keep the
order, so what follows one is sorted by the row's number. Each distinct vector is made
once.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from bench.data_path import job
from bench.data_path.clock import Clock

READERS: dict[str, Callable[[str | None], Any]] = {
    "url": job.read_page,
    "user_agent": job.read_agent,
    "referrer": job.read_referrer,
    "step": job.read_step,
    "campaign": job.read_campaign,
}

ROWS = """
CREATE TEMP TABLE visitors AS
SELECT anonymous_id, (row_number() OVER ())::UINTEGER AS visitor
FROM (SELECT DISTINCT anonymous_id FROM read_parquet($files))
WHERE anonymous_id <> '';

CREATE TEMP TABLE good AS
SELECT
    visitor, id, timestamp AS ms, file_index << 40 | file_row_number AS place,
    event = 'page_view' AS is_view, event = 'purchase' AS is_buy,
    coalesce(u.code, 0) AS page, coalesce(s.code, 0) AS step,
    coalesce(r.code, 0) AS host, coalesce(a.code, 0) AS agent,
    coalesce(c.code, 0) AS campaign,
    CASE WHEN visit_number IS NOT NULL  -- least() and greatest() pass nulls over
        THEN greatest($lowest_visit, least($highest_visit, visit_number))
    END::UTINYINT AS visit,
    bought_before::UTINYINT AS bought
FROM read_parquet($files)
JOIN visitors USING (anonymous_id)
LEFT JOIN text_url u ON u.text = url
LEFT JOIN text_user_agent a ON a.text = user_agent
LEFT JOIN text_referrer r ON r.text = referrer
LEFT JOIN text_step s ON s.text = step
LEFT JOIN text_campaign c ON c.text = campaign
WHERE timestamp >= $earliest AND timestamp < $latest AND event <> ''
    AND NOT coalesce(a.dropped, false)
    AND NOT (event = 'page_view' AND coalesce(u.dropped, false));
"""

ORDER = """
CREATE TEMP TABLE large AS
SELECT visitor, count(*) AS n FROM good GROUP BY visitor HAVING n > $max_subject_events;

CREATE TEMP TABLE again AS
SELECT visitor, id FROM good WHERE id <> '' GROUP BY visitor, id HAVING count(*) > 1;

CREATE TEMP TABLE repeats AS
SELECT place FROM (SELECT * FROM good ANTI JOIN large USING (visitor))
JOIN again USING (visitor, id)
QUALIFY row_number() OVER (PARTITION BY visitor, id ORDER BY ms, place) > 1;

CREATE TEMP TABLE events AS
SELECT * EXCLUDE (id) FROM good
ANTI JOIN large USING (visitor) ANTI JOIN repeats USING (place)
ORDER BY visitor, ms, place;
"""

SESSIONS = """
CREATE TEMP TABLE numbered AS
SELECT * EXCLUDE (begins), sum(begins) OVER (ROWS UNBOUNDED PRECEDING) AS session
FROM (
    SELECT
        *, row_number() OVER () AS row,
        (visitor IS DISTINCT FROM lag(visitor) OVER ()
            OR ms - lag(ms) OVER () > $gap)::INTEGER AS begins
    FROM events
);

CREATE TEMP TABLE fast AS
SELECT DISTINCT session
FROM (
    SELECT
        session, ms, lag(session, $rate_events) OVER () AS before,
        lag(ms, $rate_events) OVER () AS since
    FROM (SELECT session, ms FROM numbered WHERE is_view)
)
WHERE session = before AND ms - since <= $rate_ms;

CREATE TEMP TABLE sessions AS
SELECT
    session::UINTEGER AS session, count(*)::UINTEGER AS n, min(ms) AS began,
    max(ms) AS ended, min(row) FILTER (is_buy) AS first_buy,
    max(row) FILTER (is_buy) AS last_buy
FROM numbered ANTI JOIN fast USING (session)
GROUP BY session;

CREATE TEMP TABLE views AS
SELECT
    e.* EXCLUDE (is_view, is_buy, place), s.began,
    row <= coalesce(first_buy, row) AND ms >= $from AND s.ended + $gap <= $until
        AS may_ask,
    coalesce(row < last_buy, false) AS label
FROM numbered e JOIN sessions s USING (session)
WHERE is_view AND n <= $max_events
ORDER BY row;
"""

WINDOWS = """
CREATE TEMP TABLE compared AS
SELECT
    * EXCLUDE (visit, bought, campaign, seen_visit, seen_bought, seen_campaign),
    CASE WHEN seen_visit >= first THEN visit END AS visit,
    CASE WHEN seen_bought >= first THEN bought END AS bought,
    CASE WHEN seen_campaign >= first THEN campaign ELSE 0 END AS campaign,
    may_ask AND spot - session_first < $max_views AS example
FROM (
    SELECT
        * EXCLUDE (new_visitor, new_session, visit, bought, campaign),
        max(CASE WHEN new_visitor THEN spot END) OVER so_far AS first,
        max(CASE WHEN new_session THEN spot END) OVER so_far AS session_first,
        last_value(CASE WHEN new_visitor THEN ms END IGNORE NULLS) OVER so_far
            AS first_ms,
        last_value(visit IGNORE NULLS) OVER so_far AS visit,
        max(CASE WHEN visit IS NOT NULL THEN spot END) OVER so_far AS seen_visit,
        last_value(bought IGNORE NULLS) OVER so_far AS bought,
        max(CASE WHEN bought IS NOT NULL THEN spot END) OVER so_far AS seen_bought,
        last_value(nullif(campaign, 0) IGNORE NULLS) OVER so_far AS campaign,
        max(CASE WHEN campaign > 0 THEN spot END) OVER so_far AS seen_campaign
    FROM (
        SELECT
            * EXCLUDE (agent, previous, previous_agent),
            CASE WHEN NOT new_visitor THEN ms - previous END AS since_ms,
            CASE WHEN NOT new_visitor AND agent = previous_agent THEN 0 ELSE agent END
                AS agent
        FROM (
            SELECT
                * EXCLUDE (row), row_number() OVER () AS spot,
                visitor IS DISTINCT FROM lag(visitor) OVER () AS new_visitor,
                session IS DISTINCT FROM lag(session) OVER () AS new_session,
                lag(ms) OVER () AS previous, lag(agent) OVER () AS previous_agent
            FROM views
        )
    )
    WINDOW so_far AS (ROWS UNBOUNDED PRECEDING)
);

CREATE TEMP TABLE covered AS
SELECT
    visitor,
    greatest(min(first), min(spot) FILTER (example) - $last + 1) AS low,
    max(spot) FILTER (example) AS high
FROM compared GROUP BY visitor HAVING bool_or(example);
"""

ENCODE = """
CREATE TEMP TABLE coded AS
SELECT
    * EXCLUDE (bin, next_edge, edge, width, next_width),
    CASE WHEN since >= next_edge THEN (since - next_edge) / next_width
        ELSE (since - edge) / width END AS share,
    2 * (bin + (since >= next_edge)::INTEGER)::INTEGER AS pair
FROM (
    SELECT
        *, CASE WHEN since_ms IS NOT NULL THEN least(since_ms / 1000, $last_since) END
            AS since
    FROM compared JOIN covered USING (visitor)
    WHERE spot BETWEEN low AND high
)
LEFT JOIN since_grid ON cell = floor(since)::INTEGER;

CREATE TEMP TABLE vectors AS
SELECT
    page, step, host, agent, pair,
    list_sort(list_distinct(u.places || s.places || r.places || a.places))
        || b.places AS indices,
    list_resize([]::FLOAT[], len(indices), 1::FLOAT) AS ones
FROM (
    SELECT DISTINCT
        page, step, host, agent, coalesce(pair + (share > 0)::INTEGER, $no_pair) AS pair
    FROM coded
) d
JOIN code_url u ON u.code = page
JOIN code_step s ON s.code = step
JOIN code_referrer r ON r.code = host
JOIN code_user_agent a ON a.code = agent
JOIN pairs b ON b.code = pair;

CREATE TEMP TABLE events_of AS
SELECT
    visitor, list(indices ORDER BY spot) AS event_indices,
    list(
        CASE WHEN share > 0
            THEN ones[:-3] || [(1 - share)::FLOAT, share::FLOAT] ELSE ones END
        ORDER BY spot
    ) AS event_values
FROM (
    SELECT
        visitor, spot, page, step, host, agent, share,
        coalesce(pair + (share > 0)::INTEGER, $no_pair) AS pair
    FROM coded
)
JOIN vectors USING (page, step, host, agent, pair)
GROUP BY visitor;

CREATE TEMP TABLE asked AS
SELECT
    * EXCLUDE (bin, next_edge),
    (bin + (tenure >= next_edge)::INTEGER)::INTEGER AS tenure_bin
FROM (
    SELECT
        visitor, spot, ms, label, campaign, coalesce(visit, 0) AS visit,
        coalesce(bought, 2) AS bought, (ms - first_ms) / 1000 AS tenure,
        greatest(first, spot - $last + 1) - low AS start, spot + 1 - low AS stop,
        spot - session_first + 1 AS pages, (ms - began) / 1000 AS seconds
    FROM coded WHERE example
)
JOIN tenure_grid ON cell = least(floor(tenure / 60), $last_minute)::INTEGER;

CREATE TEMP TABLE metadata AS
SELECT
    campaign, visit, bought, tenure_bin,
    c.places || CASE WHEN visit > 0 THEN [$visit_place + visit - 1] ELSE [] END
        || CASE WHEN bought < 2 THEN [$bought_place + bought] ELSE [] END
        || [$tenure_place + tenure_bin] AS indices
FROM (SELECT DISTINCT campaign, visit, bought, tenure_bin FROM asked)
JOIN code_campaign c ON c.code = campaign;

CREATE TEMP TABLE cutoffs_of AS
SELECT
    visitor, list(start::USMALLINT ORDER BY spot) AS cutoff_start,
    list(stop::USMALLINT ORDER BY spot) AS cutoff_stop,
    list(ms ORDER BY spot) AS instant_ms, list(label::FLOAT ORDER BY spot) AS label,
    list(indices::INTEGER[] ORDER BY spot) AS metadata_indices,
    list(pages::FLOAT ORDER BY spot) AS pages,
    list(seconds::FLOAT ORDER BY spot) AS seconds
FROM asked JOIN metadata USING (campaign, visit, bought, tenure_bin)
GROUP BY visitor;
"""

# Small groups of rows, so that both cores write.
WRITE = """
COPY (
    SELECT v.anonymous_id AS visitor, e.* EXCLUDE (visitor), c.* EXCLUDE (visitor)
    FROM events_of e JOIN cutoffs_of c USING (visitor) JOIN visitors v USING (visitor)
    WHERE hash(v.anonymous_id) % $whole >= $start
        AND hash(v.anonymous_id) % $whole < $end
) TO '$path' (
    FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, ROW_GROUP_SIZE 20000
)
"""


def run(con: duckdb.DuckDBPyConnection, script: str, **values: Any) -> None:
    """Run statements; ``$name`` stands for a value."""
    for name in sorted(values, key=len, reverse=True):
        script = script.replace(f"${name}", str(values[name]))
    con.execute(script)


def put(con: duckdb.DuckDBPyConnection, name: str, columns: dict[str, Any]) -> None:
    """Make a small table."""
    table = pa.table(columns)
    con.register("given", table)
    con.execute(f"CREATE TEMP TABLE {name} AS SELECT * FROM given")
    con.unregister("given")


def put_texts(con: duckdb.DuckDBPyConnection, files: str) -> None:
    """Two tables for each column: texts with their codes, codes with their places."""
    for column, read in READERS.items():
        rows = con.execute(
            f"SELECT DISTINCT {column} FROM read_parquet({files}) "
            f"WHERE {column} IS NOT NULL"
        ).fetchall()
        told = {text: read(text) for (text,) in rows}
        known = list(dict.fromkeys([read(None), *told.values()]))
        codes = {each: code for code, each in enumerate(known)}
        dropped = {
            "url": lambda each: each.excluded,
            "user_agent": lambda each: each.crawler,
        }.get(column, lambda each: False)
        put(
            con,
            f"text_{column}",
            {
                "text": pa.array(told, pa.string()),
                "code": pa.array([codes[each] for each in told.values()], pa.uint16()),
                "dropped": pa.array([dropped(each) for each in told.values()]),
            },
        )
        places = [getattr(each, "places", each) for each in known]
        put_places(con, f"code_{column}", places)


def put_places(
    con: duckdb.DuckDBPyConnection, name: str, places: Sequence[Sequence[int]]
) -> None:
    """A table of codes 0, 1, ... and the places of each."""
    codes = pa.array(range(len(places)), pa.int32())
    put(con, name, {"code": codes, "places": pa.array(places, pa.list_(pa.int32()))})


def put_grid(
    con: duckdb.DuckDBPyConnection, name: str, edges: np.ndarray, cell: float
) -> None:
    """A table that finds bins by whole cells, in which at most one edge lies.

    A value of the cell lies in ``bin``, or in the next one from ``next_edge`` on.
    """
    starts = np.arange(int(edges[-1] // cell) + 1) * cell
    place = np.searchsorted(edges, starts, "right") - 1
    further, widths = np.append(edges, np.inf), np.append(np.diff(edges), 1.0)
    put(
        con,
        name,
        {
            "cell": pa.array(np.arange(len(starts)), pa.int32()),
            "bin": pa.array(place, pa.int32()),
            "next_edge": further[place + 1],
            "edge": edges[place],
            "width": widths[place],
            "next_width": np.append(widths, 1.0)[place + 1],
        },
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Read a folder of Parquet files, write examples and a manifest."""
    parser = argparse.ArgumentParser(prog="python -m bench.data_path.duckdb_script")
    parser.add_argument("input", type=Path, help="folder of Parquet files")
    parser.add_argument("output", type=Path, help="folder to be made")
    parser.add_argument("--mapping", type=Path, required=True, help="observed range")
    parser.add_argument("--timings", action="store_true", help="print seconds by step")
    args = parser.parse_args(argv)
    clock = Clock()
    con, files = duckdb.connect(), str(job.files_of(args.input))
    put_texts(con, files)
    put_grid(con, "since_grid", job.SINCE_EDGES, 1)
    put_grid(con, "tenure_grid", job.TENURE_EDGES, 60)
    bins = range(job.HASH_BUCKETS, job.HASH_BUCKETS + len(job.SINCE_EDGES))
    pairs = [pair for low in bins for pair in ([low], [low, low + 1])]
    put_places(con, "pairs", [*pairs, []])
    clock.lap("distinct texts")
    start, until = job.observed_ms(args.mapping)
    values = {
        "files": files,
        "earliest": job.EARLIEST_MS,
        "latest": job.LATEST_MS,
        "lowest_visit": job.LOWEST_VISIT,
        "highest_visit": job.HIGHEST_VISIT,
        "max_subject_events": job.MAX_SUBJECT_EVENTS,
        "max_events": job.MAX_EVENTS,
        "max_views": job.MAX_VIEWS,
        "gap": job.GAP_MS,
        "rate_events": job.RATE_EVENTS,
        "rate_ms": job.RATE_MS,
        "from": start,
        "until": until,
        "last": job.LAST,
        "last_since": job.SINCE_EDGES[-1],
        "last_minute": int(job.TENURE_EDGES[-1] // 60),
        "no_pair": len(pairs),
        "visit_place": job.VISIT_PLACE,
        "bought_place": job.BOUGHT_PLACE,
        "tenure_place": job.TENURE_PLACE,
    }
    for name, script in (
        ("read", ROWS),
        ("order and clean", ORDER),
        ("sessions", SESSIONS),
        ("windows", WINDOWS),
        ("encode", ENCODE),
    ):
        run(con, script, **values)
        clock.lap(name)
    args.output.mkdir(parents=True)
    write(con, args.output)
    clock.lap("write")
    if args.timings:
        print(json.dumps(clock.seconds))


def write(con: duckdb.DuckDBPyConnection, output: Path) -> None:
    """A file for each part, and the manifest."""
    sums = {
        "events.dropped.max_subject_events": "sum(n) FROM large",
        "events.dropped.duplicate_id": "count(*) FROM repeats",
        "events.dropped.rate": "count(*) FROM numbered JOIN fast USING (session)",
        "events.dropped.max_events": f"sum(n) FROM sessions WHERE n > {job.MAX_EVENTS}",
        "events.kept": f"sum(n) FROM sessions WHERE n <= {job.MAX_EVENTS}",
    }
    counts = {name: _number(con, f"SELECT {of}") for name, of in sums.items()}
    start = 0
    for name, end in zip(job.SPLITS, job.SPLIT_ENDS, strict=True):
        path = output / f"{name}.parquet"
        whole = job.SPLIT_ENDS[-1]
        run(con, WRITE, path=path, whole=whole, start=start, end=end)
        made = f"SELECT sum(len(label)) FROM read_parquet('{path}')"
        counts[f"examples.{name}"] = _number(con, made)
        start = end
    job.write_manifest(output, counts)


def _number(con: duckdb.DuckDBPyConnection, query: str) -> int:
    found = con.execute(query).fetchone()
    return int(found[0] or 0) if found else 0


if __name__ == "__main__":
    main()
