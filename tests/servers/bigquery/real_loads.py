"""Load jobs as BigQuery runs them, in place of the emulator's own.

The emulator runs a load within the request, statement by statement. What is missing for
a writer that must write once is put in here, after the API's description:

- a job's id is used once: another insert of it answers 409, whoever asks;
- ``table$20260131`` is a partition: it alone is replaced, and rows of another day are
  refused;
- a load is one atomic step at the end of the job, all files or none;
- a job runs after its request was answered, and its state says so;
- columns of Parquet are found by their names, and a column that the table lacks is an
  error;
- ``outputRows`` counts the job's rows, and a load changes the table's
  ``lastModifiedTime``.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bqemulator.api.routes import jobs, upload
from bqemulator.catalog.etag import generate_etag
from bqemulator.catalog.models import JobMeta
from bqemulator.domain.errors import ResourceRef, resource_already_exists
from bqemulator.jobs.executor import _resolve_uri
from bqemulator.storage.sql_identifiers import quoted_table_ref

_RUNNING: set[asyncio.Task[None]] = set()


class Refused(Exception):
    """A load that fails, with the service's word for it."""

    def __init__(self, reason: str, message: str):
        super().__init__(message)
        self.reason = reason


class Loads:
    """Runs the load jobs of a server.

    Args:
        held: whether jobs are to wait, asked again and again.
        fault: taken before a job is run: a reason to fail with, or None.
        used: project and id of each job that was begun.
    """

    def __init__(
        self,
        held: Callable[[], bool],
        fault: Callable[[], str | None],
        used: set[tuple[str, str]],
    ):
        self._held, self._fault, self._used = held, fault, used

    def install(self) -> None:
        """Take the place of the emulator's own."""
        jobs._handle_load_job_with_async_envelope = self.insert
        upload._load_configuration_from_envelope = _with_reference
        upload._run_load = self.insert_upload
        # What google-cloud-bigquery names the bytes of a file that it uploads.
        upload._PERMITTED_MEDIA_CONTENT_TYPES += ("*/*",)

    async def insert(
        self, project: str, job_id: str, config: dict[str, Any], ctx: Any
    ) -> JobMeta:
        """Begin a load of staged files."""
        return self._begin(project, job_id, config, ctx, None)

    async def insert_upload(
        self,
        *,
        project_id: str,
        configuration: dict[str, Any],
        media_path: str,
        ctx: Any,
    ) -> tuple[str, JobMeta]:
        """Begin a load of bytes that came with the request."""
        job_id = configuration.pop("jobReference")["jobId"]
        if (project_id, job_id) in self._used:
            raise resource_already_exists(ResourceRef("job", project_id, job_id))
        self._used.add((project_id, job_id))
        kept = f"{media_path}.{job_id}"  # the emulator removes its own
        os.link(media_path, kept)
        job = self._begin(project_id, job_id, configuration, ctx, kept)
        ctx.catalog.upsert_job(job)
        return job_id, job

    def _begin(
        self, project: str, job_id: str, config: Any, ctx: Any, media: str | None
    ) -> JobMeta:
        now = ctx.clock.now()
        job = JobMeta(
            project_id=project,
            job_id=job_id,
            job_type="LOAD",
            state="RUNNING",
            configuration=config,
            creation_time=now,
            start_time=now,
            etag=generate_etag(project, job_id, str(now)),
        )
        task = asyncio.get_running_loop().create_task(self._run(job, ctx, media))
        _RUNNING.add(task)
        task.add_done_callback(_RUNNING.discard)
        return job

    async def _run(self, job: JobMeta, ctx: Any, media: str | None) -> None:
        while self._held():
            await asyncio.sleep(0.02)
        ended: dict[str, Any] = {"state": "DONE"}
        try:
            reason = self._fault()
            if reason:
                raise Refused(reason, f"a fault that a test asked for: {reason}")
            load = job.configuration["load"]
            async with ctx.engine.write_lock():
                rows = _load(load, ctx, media)
            ended["statistics"] = {"load": {"outputRows": str(rows)}}
        except Exception as problem:
            reason = getattr(problem, "reason", "invalid")
            ended["error_result"] = {"reason": reason, "message": str(problem)}
        if media:
            Path(media).unlink()
        ended["end_time"] = ctx.clock.now()
        ctx.catalog.upsert_job(job.model_copy(update=ended))


def _with_reference(envelope: dict[str, Any]) -> dict[str, Any]:
    """The configuration of an upload, with the id that its client chose."""
    reference = envelope.get("jobReference") or {}
    return {**envelope["configuration"], "jobReference": reference}


def _load(load: Mapping[str, Any], ctx: Any, media: str | None) -> int:
    """Load all files in one step; the number of rows."""
    if load["sourceFormat"] != "PARQUET":
        raise Refused("invalid", "only Parquet is loaded here")
    to = load["destinationTable"]
    table_id, _, partition = to["tableId"].partition("$")
    meta = ctx.catalog.get_table(to["projectId"], to["datasetId"], table_id)
    if meta is None:
        raise Refused(
            "notFound",
            f"Not found: Table {to['projectId']}:{to['datasetId']}.{table_id}",
        )
    target = quoted_table_ref(to["projectId"], to["datasetId"], table_id)
    day = _day_filter(meta, partition) if partition else "TRUE"
    paths = (
        [media] if media else [p for u in load["sourceUris"] for p in _found(u, ctx)]
    )
    run = ctx.engine.execute
    run("BEGIN")
    try:
        if load.get("writeDisposition") == "WRITE_TRUNCATE":
            run(f"DELETE FROM {target} WHERE {day}")
        rows = sum(_insert(run, path, target, meta, day) for path in paths)
        run("COMMIT")
    except BaseException:
        run("ROLLBACK")
        raise
    _touch(meta, run(f"SELECT COUNT(*) FROM {target}").fetchone()[0], ctx)
    return rows


def _insert(run: Any, path: str, target: str, meta: Any, day: str) -> int:
    """Insert one file; all of its rows must be of the partition."""
    described = run(
        "SELECT name, num_children FROM parquet_schema(?)", [path]
    ).fetchall()
    names, nested = [], 0
    for name, children in described[1:]:  # the first is the root
        if nested == 0:
            names.append(name)
        nested += (children or 0) - (1 if nested else 0)
    known = {field.name for field in meta.schema_.fields}
    for name in names:
        if name not in known:
            raise Refused(
                "invalid",
                "Provided Schema does not match Table. Cannot add fields (field: "
                f"{name})",
            )
    where = [path]
    outside = f"SELECT COUNT(*) FROM read_parquet(?) WHERE ({day}) IS NOT TRUE"
    if run(outside, where).fetchone()[0]:
        raise Refused(
            "invalid",
            "Some rows belong to different partitions rather than destination "
            "partition",
        )
    quoted = ", ".join(f'"{name}"' for name in names)
    run(f"INSERT INTO {target} ({quoted}) SELECT {quoted} FROM read_parquet(?)", where)
    return int(run("SELECT COUNT(*) FROM read_parquet(?)", where).fetchone()[0])


def _day_filter(meta: Any, partition: str) -> str:
    """A condition on the rows of a day's partition."""
    by = meta.time_partitioning
    if by is None or by.type != "DAY" or not by.field:
        raise Refused("invalid", "the table is not partitioned by a column's day")
    day = datetime.strptime(partition, "%Y%m%d").replace(tzinfo=UTC)
    return f"\"{by.field}\" >= '{day:%Y-%m-%d}' AND \"{by.field}\" < '{_next(day)}'"


def _next(day: datetime) -> str:
    return f"{day + timedelta(days=1):%Y-%m-%d}"


def _found(uri: str, ctx: Any) -> list[str]:
    """The files that a URI names, which may hold one *."""
    path = Path(_resolve_uri(uri, ctx))
    found = sorted(map(str, path.parent.glob(path.name)))
    if not found:
        raise Refused("notFound", f"Not found: URI {uri}")
    return found


def _touch(meta: Any, rows: int, ctx: Any) -> None:
    """A table after a load: its rows, and that it has changed."""
    now = max(ctx.clock.now(), meta.last_modified_time + timedelta(milliseconds=1))
    changed = {
        "num_rows": rows,
        "last_modified_time": now,
        "etag": generate_etag(
            meta.project_id, meta.dataset_id, meta.table_id, str(now)
        ),
    }
    ctx.catalog.update_table(meta.model_copy(update=changed))
