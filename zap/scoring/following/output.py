"""The folder of a following job: its scores, how far it is, and what it is of.

It remembers what it is of, so that a later run with other windows or shards does not
mix two answers, and counts the runs: of two rows for one prediction that of the later
run holds. A run has a local folder alone for as long as it lives; in a store, where
nobody can tell who is alive, it has its number alone. All files appear whole; on a disk
they are synced.
"""

from __future__ import annotations

import glob
import json
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec

from zap.bundles.files import local_path
from zap.bundles.folders import replace_file
from zap.datasets.claim import Claim
from zap.datasets.stores import check_writable
from zap.datasets.writing import writing
from zap.errors import DatasetError, InputError
from zap.scoring.following.job import FollowJob

NOTE = "_follow.json"
PROGRESS = "_progress"
DEAD = "_dead_letters"
RUNS = "_runs"
CLAIM = "follow"
FORMAT = 1


@contextmanager
def claimed(output: str) -> Iterator[None]:
    """Have an output alone, where it is a local folder.

    Raises:
        InputError: another process that is alive has it.
        OSError: the folder can't be made.
    """
    folder = local_path(output)
    if folder is None:
        yield
        return
    try:
        claim = Claim(folder / CLAIM)
    except DatasetError as error:
        raise InputError(
            "Expected an output that no other zap follow writes to. Received: "
            f"output={output}, which a live process has. Stop it, or choose another "
            "folder."
        ) from error
    try:
        yield
    finally:
        claim.release(keep_parents=False)


def begin_run(job: FollowJob) -> int:
    """The number of a new run into an output.

    Raises:
        InputError: the output is of something else, or another run took the number in
            the same instant.
        DatasetError: it can't be written to.
    """
    asked = {
        "format": FORMAT,
        "application": job.application,
        "every_us": job.following.every_us,
        "receipts": job.following.receipts,
        "shards": job.shards,
    }
    check_writable(job.output)
    files, path = fsspec.core.url_to_fs(f"{job.output}/{NOTE}")
    try:
        found = json.loads(files.cat_file(path))
    except FileNotFoundError:
        found = {**asked, "runs": 0}
    there = {name: found.get(name) for name in asked}
    if there != asked:
        other = {k: v for k, v in there.items() if v != asked[k]}
        raise InputError(
            "Expected an output of the same application, windows and shards. "
            f"Received: output={job.output}, which was begun with {other}, now "
            f"{ {k: asked[k] for k in other} }. Choose another folder."
        )
    run = int(found["runs"]) + 1
    if local_path(job.output) is None:
        run = _taken(job.output, run)
    note = json.dumps({**asked, "runs": run})
    replace_bytes(f"{job.output}/{NOTE}", note.encode())
    return run


def _taken(output: str, run: int) -> int:
    """Take the number of a run in a store, or the next that is free.

    A run that died before it was noted has only used a number up.

    Raises:
        InputError: another one took it in the same instant.
    """
    files, folder = fsspec.core.url_to_fs(f"{output}/{RUNS}")
    files.invalidate_cache()
    used = [
        int(path.rpartition("/")[2]) for path in files.glob(f"{glob.escape(folder)}/*")
    ]
    run = max([run, *(number + 1 for number in used)])
    try:
        mine = uuid.uuid4().hex.encode()
        files.pipe_file(f"{folder}/{run:06d}", mine, mode="create")
    except FileExistsError as error:
        raise InputError(
            "Expected an output into which one zap follow is begun at a time. "
            f"Received: output={output}, into which another began in this instant. "
            "Leave it to that one, or choose another folder."
        ) from error
    return run


def progress(output: str) -> dict[str, Any]:
    """How far the shards of an output have come.

    Returns:
        ``scored_until_us``, of the shard that is behind the others; ``subjects``, and
        ``counts`` of what became of events and scores.
    """
    files, folder = fsspec.core.url_to_fs(f"{output}/{PROGRESS}")
    files.invalidate_cache()
    counts: Counter[str] = Counter()
    until: list[int] = []
    subjects = 0
    for path in files.glob(f"{glob.escape(folder)}/*.json"):
        told = json.loads(files.cat_file(path))
        counts.update(told["counts"])
        until.append(told["scored_until_us"])
        subjects += told["subjects"]
    return {
        "scored_until_us": min(until, default=None),
        "subjects": subjects,
        "counts": dict(sorted(counts.items())),
    }


def progress_path(output: str, shard: int) -> str:
    """The file that says how far a shard has come."""
    return f"{output}/{PROGRESS}/{shard:04d}.json"


def read_progress(output: str, shard: int) -> dict[str, Any] | None:
    """How far a shard has come; None if it was never scored."""
    files, path = fsspec.core.url_to_fs(progress_path(output, shard))
    try:
        found: dict[str, Any] = json.loads(files.cat_file(path))
    except FileNotFoundError:
        return None
    return found


def replace_bytes(path: str, content: bytes) -> None:
    """Write a file whole, in place of one of that name.

    Raises:
        DatasetError: it can't be written.
    """
    files, where = fsspec.core.url_to_fs(path)
    with writing(path):
        if "file" in files.protocol:
            Path(where).parent.mkdir(parents=True, exist_ok=True)
            replace_file(Path(where), content)
        else:
            files.pipe_file(where, content)
