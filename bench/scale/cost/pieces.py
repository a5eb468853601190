"""``python -m bench.scale.cost.pieces``: what it takes to cut a batch into many pieces.

A million rows are cut into more and more pieces, packed, and opened again. The costs of
a piece itself, beside those of its rows, are what the cost model knows it by.
"""

from __future__ import annotations

import time

import pyarrow as pa

from bench.scale.cost.events import Crowd, tables
from zap.beam.shuffle import batches_of, key_by_shard
from zap.events.coded import encoded, whole

ROWS, SHARDS, OPENED = 1_000_000, (16, 128, 1_024, 2_048, 4_096, 8_192, 32_768), 2_000
CODED = ("visitor", "type", "url", "p0", "p1", "p2", "p3")


def main() -> None:
    """Print a row for each number of shards."""
    table = pa.concat_tables(tables(Crowd(ROWS, ROWS // 10)))
    columns = {
        name: encoded(whole(table[name])) if name in CODED else table[name]
        for name in table.schema.names
    }
    (batch,) = pa.table(columns).combine_chunks().to_batches()
    print("| shards | rows a piece | bytes a row | CPU us a row: cut | open |")
    print("| --- | --- | --- | --- | --- |")
    for shards in SHARDS:
        began = time.process_time()
        pieces = [piece for _, piece in key_by_shard(batch, "visitor", shards)]
        cut = time.process_time() - began
        some = pieces[:OPENED]
        began = time.process_time()
        rows = sum(opened.num_rows for opened in batches_of(some))
        opening = (time.process_time() - began) / rows
        size = sum(map(len, pieces)) / ROWS
        print(
            f"| {shards:,} | {ROWS // len(pieces):,} | {size:.1f} "
            f"| {cut / ROWS * 1e6:.2f} | {opening * 1e6:.2f} |"
        )


if __name__ == "__main__":
    main()
