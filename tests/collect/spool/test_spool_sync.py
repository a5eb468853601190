"""The system's own record that each acknowledgement came after its sync.

A kill leaves what the system has in memory, so it proves nothing about the disk. Here
strace writes down what a writer asked of the system, until it is killed; the calls are
played to a disk that loses what was not synced, and at each acknowledgement, and after
the kill, the spool is opened on what such a disk would have kept.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from made_disk import Call, Disk

from zap.collect.spool import Spool, SpoolReader

WORK = r"""
import asyncio, os, sys
from threading import Thread
from zap.collect.app.commit import Committer
from zap.collect.spool import Spool, SpoolOptions

spool = Spool(sys.argv[1], SpoolOptions(segment_bytes=6_000))

def told(first, records):
    for number, record in enumerate(records, first):
        os.write(1, b"%d %s\n" % (number, record))

def threads(name):
    for turn in range(20):
        sizes = range(turn % 5 + 1)
        records = [b"E%s-%d-%d " % (name, turn, n) + b"." * n * 9 for n in sizes]
        told(spool.append(records), records)

async def loop():
    appends = Committer(spool, timeout_s=60, retry_after_s=1)
    async def one(name):
        for turn in range(10):
            records = [b"Eloop%d-%d" % (name, turn)]
            await appends.append(records)
            os.write(1, b"- %s\n" % records[0])
    await asyncio.gather(*(one(name) for name in range(5)))

each = [Thread(target=threads, args=(b"%d" % n,)) for n in range(3)]
for thread in each:
    thread.start()
asyncio.run(loop())
for thread in each:
    thread.join()
os.write(1, b"end\n")
os.kill(os.getpid(), 9)
"""

TRACED = "openat,mkdir,pwrite64,write,ftruncate,fsync,fdatasync,rename,unlink,kill"
UNTRACED = "writev,pwritev,pwritev2,sendto,sendmsg,io_uring_enter,sync_file_range"


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Call]]:
    """What a writer did, and its root."""
    if not shutil.which("strace"):
        pytest.skip("needs server: strace, which apt-get install strace brings")
    root = tmp_path_factory.mktemp("traced")
    output = root.with_name(root.name + ".strace")
    options = ["-f", "-y", "-xx", "-s", "1000000", "-o", str(output)]
    command = ["strace", *options, "-e", f"trace={TRACED},{UNTRACED}"]
    python = [sys.executable, "-c", WORK, str(root / "made" / "spool")]
    done = subprocess.run([*command, *python], capture_output=True, text=True)
    if "PTRACE" in done.stderr or "ptrace" in done.stderr:
        pytest.skip(f"may not trace a process: {done.stderr.strip()[:200]}")
    assert done.stdout.endswith("end\n"), done.stderr
    assert done.returncode == -signal.SIGKILL
    return root, [*calls_of(output, root)]


LINE = re.compile(r"\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed>)(.*)")
PIPE = b"pipe:[".hex()


def calls_of(output: Path, root: Path) -> Iterator[Call]:
    """The calls of a trace that changed something below the root, or told us.

    A call counts once it has returned; but a sync brings what was there when it began,
    and what we were told counts from when that began. So nothing is believed too early.
    """
    begun: dict[str, str] = {}
    for line in output.read_text().splitlines():
        found = LINE.match(line)
        if found is None:
            assert "+++ " in line or "--- " in line, line
            continue
        name, rest = found.groups()
        process = line.split()[0]
        if "<... " in line[:20]:
            rest = begun.pop(process) + rest
        elif name == "write" and PIPE in rest[:60].replace("\\x", ""):
            yield Call("told", data=unescaped(rest.split('"')[1]))
        elif "sync" in name and path_of(name, rest).is_relative_to(root):
            yield Call("begin", path_of(name, rest))
        if rest.endswith("<unfinished ...>"):
            begun[process] = rest.removesuffix("<unfinished ...>")
        else:
            yield from call_of(name, rest, root)


def call_of(name: str, rest: str, root: Path) -> Iterator[Call]:
    """A call that has returned, if it has changed something below the root."""
    given, _, result = rest.rpartition(" = ")
    path = path_of(name, given)
    if result.startswith("-") or not path.is_relative_to(root):
        return
    if name == "mkdir":
        yield Call("make", path)
    elif name == "openat":
        if "O_CREAT" in given:
            yield Call("open", path)
    elif name == "ftruncate":
        yield Call("truncate", path, offset=last_number(given))
    elif name == "pwrite64":
        data = unescaped(given.split('"')[1])
        yield Call("write", path, data[: int(result)], last_number(given))
    else:
        assert name in ("fsync", "fdatasync"), f"the model does not know {rest}"
        yield Call("sync", path)


def path_of(name: str, given: str) -> Path:
    """The file that a call is about; of none the empty path."""
    if name in ("openat", "mkdir", "rename", "unlink"):
        found = given.split('"')[1:2]
    else:
        found = re.findall(r"^\d+<((?:\\x..)+)>", given)
    return Path(os.fsdecode(unescaped(found[0]))) if found else Path()


def last_number(given: str) -> int:
    return int(given.strip().rstrip(")").rpartition(", ")[2])


def unescaped(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def test_each_acknowledgement_came_after_its_sync(
    trace: tuple[Path, list[Call]], tmp_path: Path
) -> None:
    root, calls = trace
    model = Disk(root)  # everything is made in the trace
    acknowledged: dict[int, bytes] = {}
    numberless: set[bytes] = set()
    looked = 0
    for call, following in pairwise([*calls, Call("killed")]):
        if call.name != "told":
            model.apply(call)
            continue
        if call.data != b"end\n":
            number, _, record = call.data.rstrip(b"\n").partition(b" ")
            if number == b"-":
                numberless.add(record)
            else:
                assert acknowledged.setdefault(int(number), record) == record
        if following.name == "told":
            continue  # nothing has changed before the next one
        for chance in (None, random.Random(looked)):
            found = tmp_path / f"{looked}"
            looked += 1
            model.crash(found, chance)
            check(found / "made" / "spool", acknowledged, numberless)
            shutil.rmtree(found)
    assert (len(acknowledged), len(numberless)) == (3 * 4 * 15, 5 * 10)
    assert looked > 20


def check(folder: Path, acknowledged: dict[int, bytes], numberless: set[bytes]) -> None:
    """All of these are in the spool, under their numbers; all else is sound."""
    (folder / "synced").unlink(missing_ok=True)
    with Spool(folder) as spool:
        end = spool.status().end
        records = SpoolReader(folder).read(0).records
    assert len(records) == end
    assert all(record.startswith(b"E") for record in records)
    wrong = {n: r for n, r in acknowledged.items() if n >= end or records[n] != r}
    assert not wrong
    assert numberless <= {*records}


def test_syncs_are_shared(trace: tuple[Path, list[Call]]) -> None:
    """Group commit: fewer syncs than appends, and none without a write."""
    _, calls = trace
    names = [c.name for c in calls if c.path.suffix == ".spool" and c.name != "begin"]
    assert names.count("sync") == names.count("write")
    assert names.count("sync") < 3 * 20 + 5 * 10
    assert set(names) == {"open", "write", "sync"}
