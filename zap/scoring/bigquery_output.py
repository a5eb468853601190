"""Predictions as rows of one table of BigQuery, partitioned by day.

A load job replaces the day's partition in one step, so readers find the former rows or
the new ones. The days of a table belong to one application, which the table's label
tells: another one would replace them.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import stat
import tempfile
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa

from zap.bigquery.destination import TableSpec
from zap.bigquery.places import Place
from zap.bigquery.writing import TableWriter, write_parquet
from zap.datasets.stores import check_writable
from zap.datasets.writing import writing, written
from zap.errors import InputError
from zap.scoring.rows import SCHEMA
from zap.scoring.staging import LETTERS, Staging, keep_letters

SPEC = TableSpec(
    SCHEMA,
    "day",
    ("subject",),
    "Predictions of zap score: one row for each subject and day.",
    {
        "version": "Of the model that predicted.",
        "subject": "Whom the prediction is about.",
        "instant": "The time of reference: the model saw what was known by then.",
        "day": "The day of the time of reference, UTC.",
        "probability": "Of a yes; null for models of classes or amounts.",
        "probabilities": "Of each class; empty for other models.",
        "amount": "The expected amount; null for other models.",
        "logits": "What the model said before calibration.",
        "segment": "The risk class, if the model has them.",
        "events": "How many events the model saw.",
        "prediction_id": "The same for the same version, subject and time.",
    },
)


class BigQueryOutput:
    """A table of days, of one application.

    Args:
        place: the table, and where parts wait for it.
    """

    def __init__(self, place: Place):
        self._name = place.name
        self._letters = f"{place.staging or Path.cwd()}/_{LETTERS}/{place.name.id}"
        self._waiting = place.staging or own_folder()
        self._staging = Staging(f"{self._waiting}/{place.name.id}")
        self._writer = TableWriter(place.name, SPEC)
        self.folder = self._staging.path

    def begin(self, application: str, days: Sequence[date]) -> None:
        """See ``Output.begin``.

        Raises:
            BigQueryError: the table is another application's, or can't be written.
            InputError: what is to be this user's folder is another's.
        """
        if self._waiting == own_folder():
            make_own(self._waiting)
        check_writable(self._waiting)
        self._writer = TableWriter(self._name, SPEC.owned_by(application))
        self._writer.check()
        self._staging.begin()

    def part(self, name: str, batches: Iterable[pa.RecordBatch]) -> Mapping[str, Any]:
        """See ``Output.part``: each call writes a file of its own."""
        path = f"{self.folder}/{name}-{uuid.uuid4().hex[:8]}.parquet"
        made = io.BytesIO()  # of one shard: some megabytes
        rows = write_parquet(batches, SCHEMA, made)
        with written(path) as file:
            file.write(made.getbuffer())
        content = sha256(made.getbuffer()).hexdigest()
        return {"name": name, "path": path, "rows": rows, "content": content}

    def publish(
        self, day: date, parts: Sequence[Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        """See ``Output.publish``: one load job replaces the partition."""
        paths = [part["path"] for part in parts]
        content = json.dumps([part["content"] for part in parts])
        loaded = self._writer.write_files(
            paths,
            day,
            sum(part["rows"] for part in parts),
            sha256(content.encode()).hexdigest(),
        )
        return {
            "day": str(day),
            "path": self._name.url,
            "rows": loaded.rows,
            "job": loaded.job_id,
        }

    def keep_letters(self, day: date) -> str | None:
        """See ``Output.keep_letters``: in the staging folder, or in this one here."""
        return keep_letters(self.folder, f"{self._letters}/day={day}")

    def end(self) -> None:
        """See ``Output.end``."""
        self._staging.end()


def own_folder() -> str:
    """Where the parts of this user wait that are sent from this machine."""
    return f"{tempfile.gettempdir()}/zap-bigquery-{os.getuid()}"


def make_own(folder: str) -> None:
    """Make a folder that nobody else can look into: parts name subjects.

    Its name can be known, and many may write where temporary files are.

    Raises:
        InputError: there is one that another user made, or can look into.
    """
    with writing(folder), contextlib.suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    there = os.lstat(folder)
    mine = stat.S_ISDIR(there.st_mode) and there.st_uid == os.getuid()
    if not mine or there.st_mode & 0o077:
        raise InputError(
            "Expected a folder for rows on their way that only you can look into. "
            f"Received: path={folder}, {stat.filemode(there.st_mode)} of user "
            f"{there.st_uid}. Remove it, or set TMPDIR to a folder of your own."
        )
