"""``python -m bench.collect.faults``: counts that must be zero, at full size.

A collector takes events under load while its sinks are down for minutes, while its disk
is full, and while its processes are killed again and again. Afterwards the archive must
hold each acknowledged event once, and the store what a rebuild gives. Exit code 1 if a
count is not as it must be. It mounts small file systems, and so needs a root user.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.collect.fault_parts import (
    SINKS,
    Load,
    Redis,
    Site,
    Watch,
    fill,
    judged,
    kill,
    small_disk,
    until,
)

ZEROS = ("lost", "doubled", "pasts that differ")
LONGEST_S = 900.0
MEGA = 1_000_000


def sinks_down(
    work: Path, rate: float, seconds: float, spool_mb: float
) -> Counter[str]:
    """Redis is stopped and the archive's disk is full, under load, until 503 and on."""
    with ExitStack() as stack:
        disk = stack.enter_context(small_disk(work / "down" / "disk", "128m"))
        redis = Redis(work / "down" / "redis")
        redis.start()
        stack.callback(redis.kill)
        places = {"store": redis.url, "archive": str(disk / "archive")}
        most = round(spool_mb * MEGA)
        site = Site(work / "down", spool_max_bytes=most, **places)
        server = stack.enter_context(site.collecting())
        watch = stack.enter_context(Watch(site, server))
        with Load(server.port, rate) as load:
            until(lambda: len(load.acknowledged) > 1_000, 60, "the first events")
            site.caught_up(60)
            redis.kill()
            rest = fill(disk)
            time.sleep(seconds)
            told = site.status()
            rest.unlink()
            redis.start()
            time.sleep(min(10.0, seconds))
        took = site.caught_up(LONGEST_S)
        counts = judged(site, load.acknowledged) + load.counts
    sinks = told["sinks"]
    counts["sinks told as failing"] = sum(sinks[name]["failing"] for name in SINKS)
    counts["events behind"] = max(sink["lag_events"] for sink in sinks.values())
    counts["seconds to catch up"] = round(took)
    counts["bytes beyond the bound"] = max(0, watch.most_spooled - most)
    return counts + with_memory(watch)


def disk_full(work: Path, rate: float, seconds: float) -> Counter[str]:
    """Spool and archive share a disk that something else fills, twice."""
    with ExitStack() as stack:
        disk = stack.enter_context(small_disk(work / "full" / "disk", "256m"))
        places = {name: str(disk / name) for name in ("spool", "archive", "bad")}
        site = Site(work / "full", **places)
        server = stack.enter_context(site.collecting())
        watch = stack.enter_context(Watch(site, server))
        with Load(server.port, rate) as load:
            for _ in range(2):
                before = len(load.acknowledged)
                until(
                    lambda before=before: len(load.acknowledged) > before + 500,
                    60,
                    "events before and after",
                )
                rest = fill(disk)
                time.sleep(seconds)
                rest.unlink()
            time.sleep(min(5.0, seconds))
        site.caught_up(LONGEST_S)
        return judged(site, load.acknowledged) + load.counts + with_memory(watch)


def kills(work: Path, rate: float, number: int) -> Counter[str]:
    """The delivery is killed at random moments, and each fifth time the collector."""
    rng = random.Random(number)
    site = Site(work / "kills")
    counts: Counter[str] = Counter()
    acknowledged: set[str] = set()
    for begin in range(0, number, 5):
        with site.collecting() as server, Load(server.port, rate, named=begin) as load:
            for _ in range(min(5, number - begin)):
                until(site.deliverer, 60, "a delivery")
                old = site.deliverer()
                time.sleep(rng.uniform(0.2, 2.0))
                if old is not None:
                    kill(old)
                    counts["kills of the delivery"] += 1
                until(
                    lambda old=old: site.deliverer() not in (None, old),
                    60,
                    "another delivery",
                )
            if begin + 5 < number:
                server.process.kill()
                counts["kills of the collector"] += 1
        acknowledged |= load.acknowledged
        counts += load.counts
    with site.collecting():
        site.caught_up(LONGEST_S)
    return judged(site, acknowledged) + counts


def with_memory(watch: Watch) -> Counter[str]:
    """The most memory of each process, in MB, as counts."""
    return Counter(
        {f"MB of the {who} at most": mb for who, mb in watch.most_mb.items()}
    )


def shown(name: str, counts: Counter[str], zeros: Sequence[str]) -> bool:
    """Print a row; whether all that must be zero is."""
    right = counts["acknowledged"] > 0 and not any(counts[zero] for zero in zeros)
    listed = {**{zero: 0 for zero in zeros}, **counts}
    said = ", ".join(f"{what} {count:,}" for what, count in listed.items())
    print(f"| {name} | {said} | {'yes' if right else '**no**'} |", flush=True)
    return right


def main() -> int:
    """Break things, and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m bench.collect.faults")
    parser.add_argument("--work", type=Path, default=Path("build/collect/faults"))
    parser.add_argument("--rate", type=float, default=500, help="events a second")
    parser.add_argument("--down-s", type=float, default=600, help="sinks are down")
    parser.add_argument("--full-s", type=float, default=60, help="the disk is full")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--spool-mb", type=float, default=100, help="the spool's bound")
    parser.add_argument("--quick", action="store_true", help="seconds, not minutes")
    args = parser.parse_args()
    if args.quick:
        args.down_s, args.full_s, args.kills, args.spool_mb = 15, 4, 3, 6
    shutil.rmtree(args.work, ignore_errors=True)
    args.work.mkdir(parents=True)
    work, rate = args.work.resolve(), args.rate
    print("| what | counted | as it must be |\n|---|---|---|")
    bound = (*ZEROS, "bytes beyond the bound")
    verdicts = [
        shown(
            f"Redis and the archive's disk down for {args.down_s:g} s",
            sinks_down(work, rate, args.down_s, args.spool_mb),
            bound,
        ),
        shown(
            f"a full disk, twice for {args.full_s:g} s",
            disk_full(work, rate, args.full_s),
            ZEROS,
        ),
        shown(f"{args.kills} kills -9", kills(work, rate, args.kills), ZEROS),
    ]
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
