"""A read of Redis on a socket of our own beside redis-py's client, in turns.

python -m bench.serving.redis_reads --url redis://127.0.0.1:6379/9

Processor time of this process in microseconds a call: the best and the median of the
rounds, and how many times ours redis-py takes. Keys ``bench:...`` are written, and
removed at the end.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Sequence

from redis import Redis

from zap.serving.stores.redis_reads import Reads

DOCUMENT_BYTES, DOCUMENTS, ROUNDS = 6_000, 100, 40


def spent_us(
    call: Callable[[Sequence[bytes]], object], asked: list[list[bytes]]
) -> float:
    """Processor time of a call, in microseconds."""
    begun = time.process_time()
    for keys in asked:
        call(keys)
    return (time.process_time() - begun) / len(asked) * 1e6


def main() -> None:
    """Print a line for one document and one for eight."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--url", required=True, help="of a server, as redis-py takes it"
    )
    client = Redis.from_url(parser.parse_args().url, socket_timeout=5)
    reads = Reads(client.connection_pool)
    keys = [b"bench:%d" % at for at in range(DOCUMENTS)]
    client.mset({key: os.urandom(DOCUMENT_BYTES) for key in keys})
    print("| documents | redis-py, best and median (µs) | ours | times |")
    print("| --- | --- | --- | --- |")
    for many in (1, 8):
        asked = [(keys * 2)[at : at + many] for at in range(DOCUMENTS)]
        ways: list[Callable[[Sequence[bytes]], object]] = [client.mget, reads.get]
        if many == 1:
            ways[0] = lambda some: [client.get(some[0])]
        assert ways[0](asked[3]) == ways[1](asked[3])
        rounds = [[spent_us(way, asked) for way in ways] for _ in range(ROUNDS)]
        theirs, ours = zip(*rounds, strict=True)
        told = [f"{min(t):.0f}, {statistics.median(t):.0f}" for t in (theirs, ours)]
        times = min(theirs) / min(ours)
        print(f"| {many} | {told[0]} | {told[1]} | {times:.1f} |")
    client.delete(*keys)
    reads.close()


if __name__ == "__main__":
    main()
