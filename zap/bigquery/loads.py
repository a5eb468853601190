"""Load jobs: files into a table, once.

What makes it once is the job's id: see ``zap.bigquery.job_names``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import IO, Any

from zap.bigquery.errors import (
    RETRIED,
    is_service_error,
    patience,
    service_errors,
    words,
)
from zap.bigquery.job_names import Load, job_name, state_of
from zap.errors import BigQueryError

MOST_FILES = 10_000
LONGEST_S = 6 * 3600
_REQUEST_S = 60.0
_CHUNK_S = 600.0
_TRIES = 6
_PAUSE_S = 1.0


@dataclass(frozen=True)
class Loaded:
    """What became of a load.

    Attributes:
        job_id: the job that did it.
        rows: how many rows it loaded.
        repeated: whether another run, or an earlier request, had begun the job.
    """

    job_id: str
    rows: int
    repeated: bool


def load_uris(client: Any, table: Any, load: Load, uris: Sequence[str]) -> Loaded:
    """Load Parquet files that lie in Cloud Storage, in one job.

    Args:
        client: of ``rest_client``.
        table: of ``ensure_table``.
        load: what is done.
        uris: ``gs://`` of each file.

    Raises:
        BigQueryError: the service refuses, or loads other than all rows.
    """
    if not 0 < len(uris) <= MOST_FILES:
        raise BigQueryError(
            f"Expected 1 to {MOST_FILES:,} files for one load. Received: "
            f"files={len(uris):,} for {load.destination}. Merge small files first."
        )

    def begin(job_id: str) -> Any:
        return client.load_table_from_uri(
            list(uris),
            load.destination,
            job_config=_config(load),
            **_sent(table, job_id),
        )

    return _once(client, table, load, begin)


def load_file(client: Any, table: Any, load: Load, file: IO[bytes]) -> Loaded:
    """Load one Parquet file, sent along with the job.

    Args:
        client: of ``rest_client``.
        table: of ``ensure_table``.
        load: what is done.
        file: open for reading, at any place.

    Raises:
        BigQueryError: the service refuses, or loads other than all rows.
    """

    def begin(job_id: str) -> Any:
        sent = _sent(table, job_id) | {"timeout": _CHUNK_S}
        # Without a size it is sent in pieces, each of which may be sent again.
        return client.load_table_from_file(
            file, load.destination, rewind=True, job_config=_config(load), **sent
        )

    return _once(client, table, load, begin)


def _once(client: Any, table: Any, load: Load, begin: Callable[[str], Any]) -> Loaded:
    """See that the job is done, by whichever run; tries again what may be tried."""
    from google.api_core.exceptions import Conflict

    state = state_of(table, load)
    begun = 0
    for attempt in count():
        job_id = job_name(load, state, attempt)
        found = former = False
        with service_errors("to load rows", [load.table.url]):
            try:
                job = begin(job_id)
            except Exception as problem:
                job, found = _begun(client, table, job_id, problem), True
                former = isinstance(problem, Conflict)
            refused = _refusal(job)
        if not refused:
            return _checked(load, job, found)
        # One that failed before may have failed for what is mended since. So it is no
        # try of this run, or a run after six failures would begin none.
        if former:
            continue
        begun += 1
        if begun == _TRIES or refused.get("reason") not in RETRIED:
            break
        time.sleep(_PAUSE_S * 2 ** (begun - 1))
    what = f"to load {load.rows:,} rows (job {job_id})"
    reason, message = str(refused.get("reason")), str(refused.get("message"))
    raise BigQueryError(words(reason, message, what, [load.table.url]))


def _begun(client: Any, table: Any, job_id: str, problem: Exception) -> Any:
    """The job, although asking for it has failed: the answer may have been lost."""
    from google.api_core.exceptions import Conflict, GoogleAPICallError, NotFound

    if not is_service_error(problem):
        raise problem
    for pause_s in (1, 2, 4, 0):
        try:
            return client.get_job(job_id, location=table.location, **patience())
        except NotFound:
            # A job that is said to exist may be found a moment later.
            if not (isinstance(problem, Conflict) and pause_s):
                raise problem from None
            time.sleep(pause_s)
        except GoogleAPICallError:
            raise problem from None
    raise problem


def _refusal(job: Any) -> dict[str, Any]:
    """Wait for a job; why it failed, empty if it has not."""
    from concurrent.futures import TimeoutError as NotDone

    try:
        job.exception(timeout=LONGEST_S)
    except NotDone as problem:
        raise BigQueryError(
            f"Expected a load to end within {LONGEST_S // 3600} hours. Received: "
            f"job={job.job_id!r} in state {job.state}. Look at it in the console."
        ) from problem
    return dict(job.error_result or {})


def _checked(load: Load, job: Any, found: bool) -> Loaded:
    if job.output_rows != load.rows:
        raise BigQueryError(
            f"Expected {load.rows:,} rows to be loaded. Received: rows="
            f"{job.output_rows:,} by job={job.job_id!r} into {load.destination}. Did "
            "another program change the files meanwhile? Run it again."
        )
    return Loaded(job.job_id, job.output_rows, found)


def _sent(table: Any, job_id: str) -> dict[str, Any]:
    return {"job_id": job_id, "location": table.location, "timeout": _REQUEST_S}


def _config(load: Load) -> Any:
    """Parquet into columns of its names; lists as arrays, not as structs of a list."""
    from google.cloud.bigquery import LoadJobConfig, ParquetOptions

    make: Any = ParquetOptions
    parquet = make()
    parquet.enable_list_inference = True
    config: Any = LoadJobConfig(
        source_format="PARQUET",
        create_disposition="CREATE_NEVER",
        write_disposition="WRITE_TRUNCATE" if load.day else "WRITE_APPEND",
    )
    config.parquet_options = parquet
    return config
