"""A kill at any moment: nothing acknowledged is missing, no number is given twice."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from zap.collect.spool import Spool, SpoolReader

WORK = r"""
import asyncio, os, sys
from threading import Thread
from zap.collect.app.commit import Committer
from zap.collect.spool import Spool, SpoolOptions, trim

run = sys.argv[2].encode()
spool = Spool(sys.argv[1], SpoolOptions(segment_bytes=20_000))

def told(first, records):
    for number, record in enumerate(records, first):
        os.write(1, b"%d %s\n" % (number, record))

def work(name):
    for turn in range(10**9):
        records = [b"E%s-%d-%d-%d" % (run, name, turn, n) for n in range(turn % 4 + 1)]
        told(spool.append(records), records)

async def loop():
    appends = Committer(spool, timeout_s=60, retry_after_s=1)
    async def one(name):
        for turn in range(10**9):
            records = [b"E%s-loop%d-%d" % (run, name, turn)]
            await appends.append(records)
            os.write(1, b"- %s\n" % records[0])
    await asyncio.gather(*(one(name) for name in range(8)))

for name in range(3):
    Thread(target=work, args=(name,)).start()
asyncio.run(loop())
"""


def killed(
    folder: Path, run: int, after_s: float
) -> tuple[dict[int, bytes], set[bytes]]:
    """What a writer acknowledged until it was killed: by number, and without one."""
    command = [sys.executable, "-c", WORK, str(folder), str(run)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        time.sleep(after_s)
        process.kill()
        lines += process.stdout.readlines()
    told: dict[int, bytes] = {}
    numberless: set[bytes] = set()
    for line in lines:
        if line.endswith(b"\n"):
            number, _, record = line[:-1].partition(b" ")
            if number == b"-":
                numberless.add(record)
            else:
                assert told.setdefault(int(number), record) == record
    return told, numberless


def kills(folder: Path, times: int) -> None:
    """Kill, and check; after every other kill a writer opens what is there."""
    known: dict[int, bytes] = {}
    chance = random.Random(times)
    reader = SpoolReader(folder)
    for run in range(times):
        told, numberless = killed(folder, run, chance.random() * 0.1)
        assert not told.keys() & known.keys()
        known |= told
        end = reader.end  # what is synced is seen before anybody mends anything
        assert end > max(told, default=-1)
        if chance.random() < 0.5:
            with Spool(folder) as spool:
                assert spool.status().end >= end
                end = spool.append([b"E%d-after" % run]) + 1
        records: list[bytes] = []
        while len(records) < end:
            records += reader.read(len(records), most=1_000).records
        assert all(record.startswith(b"E") for record in records)
        assert {n: records[n] for n in known} == known
        assert numberless <= {*records}
        known |= dict(enumerate(records))
    assert len({*known.values()}) == len(known) == end
    assert len([*folder.glob("*.spool")]) > times


def test_kills_lose_nothing(tmp_path: Path) -> None:
    kills(tmp_path, 5)


@pytest.mark.slow
def test_many_kills_lose_nothing(tmp_path: Path) -> None:
    kills(tmp_path, 20)
