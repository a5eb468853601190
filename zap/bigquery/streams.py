"""The rows of one stream as Arrow batches, through failures of the connection.

The service numbers the rows of a stream, so what is lost with a connection is asked for
again from the first row that did not come. Google's own reader does so too, but without
end and without waiting, as long as the service is away.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from zap.bigquery.client import storage_client
from zap.bigquery.errors import service_errors
from zap.errors import BigQueryError

if TYPE_CHECKING:
    import pyarrow as pa

TRIES = 8
"""Connections in a row that may bring nothing before the stream is given up: with the
waits between them some two minutes."""

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 60.0
GATHERED_BYTES = 64 * 2**20
_CALL_S = 600.0  # of one connection, so that a dead one is noticed
_CLOSED = "RST_STREAM"  # how the end of a long connection comes up


def read_stream(
    name: str, client: Any = None, sleep: Callable[[float], Any] = time.sleep
) -> Iterator[pa.RecordBatch]:
    """Read the rows of a stream.

    Args:
        name: of the stream.
        client: of the Storage API; None to make one.
        sleep: waits between tries.

    Yields:
        Batches as the service cuts them.

    Raises:
        BigQueryError: the session has expired, or the service fails for long.
    """
    client = client or storage_client()
    offset, failures = 0, 0
    while True:
        try:
            for batch in _connected(client, name, offset):
                yield batch
                offset, failures = offset + batch.num_rows, 0
            return
        except Exception as problem:
            failures += 1
            wait = _wait(problem, failures)
            if wait is None or failures >= TRIES:
                raise _failure(problem, name, offset) from problem
            sleep(wait)


def _connected(client: Any, name: str, offset: int) -> Iterator[pa.RecordBatch]:
    """The rows from an offset on, over one connection."""
    import pyarrow as pa
    from google.cloud.bigquery_storage_v1.services.big_query_read import (
        BigQueryReadClient,
    )

    schema = None
    # Of the client's class Google's reader is a method; below it is the bare call.
    answers: Any = BigQueryReadClient.read_rows(
        client, read_stream=name, offset=offset, retry=None, timeout=_CALL_S
    )
    try:
        for answer in answers:
            if schema is None:
                schema = pa.ipc.read_schema(
                    pa.py_buffer(answer.arrow_schema.serialized_schema)
                )
            yield decode(answer.arrow_record_batch.serialized_record_batch, schema)
    finally:
        answers.cancel()


def decode(message: bytes, schema: pa.Schema) -> pa.RecordBatch:
    """A message of the service as a batch, whose buffers are the message's own bytes.

    Args:
        message: one record batch; its buffers may be compressed.
        schema: of the session.
    """
    import pyarrow as pa

    return pa.ipc.read_record_batch(pa.py_buffer(message), schema)


def gathered(
    batches: Iterator[pa.RecordBatch], rows: int, most_bytes: int = GATHERED_BYTES
) -> Iterator[pa.RecordBatch]:
    """Batches put together: columnar work has a price for each batch.

    Args:
        batches: small ones.
        rows: put together up to about as many; a larger batch is cut.
        most_bytes: or until there are as many bytes.
    """
    import pyarrow as pa

    held: list[Any] = []
    size, count = 0, 0

    def whole() -> Iterator[pa.RecordBatch]:
        table = pa.Table.from_batches(held).combine_chunks()
        yield from table.to_batches(max_chunksize=rows)

    for batch in batches:
        if not batch.num_rows:
            continue
        if held and (count + batch.num_rows > rows or size + batch.nbytes > most_bytes):
            yield from whole()
            held, size, count = [], 0, 0
        held.append(batch)
        size, count = size + batch.nbytes, count + batch.num_rows
    if held:
        yield from whole()


def _wait(problem: Exception, failures: int) -> float | None:
    """Seconds to wait before the next try; None if another is of no use."""
    from google.api_core import exceptions

    wait = min(FIRST_WAIT_S * 2.0 ** (failures - 1), LONGEST_WAIT_S)
    if isinstance(problem, exceptions.ResourceExhausted):
        return max(wait, _asked_delay(problem))
    if isinstance(problem, exceptions.InternalServerError):
        return wait if _CLOSED in str(problem) else None
    passing = (
        exceptions.ServiceUnavailable,
        exceptions.Unknown,  # the connection broke before there was a status
        exceptions.Aborted,
        exceptions.DeadlineExceeded,
    )
    return wait if isinstance(problem, passing) else None


def _asked_delay(problem: Any) -> float:
    """The delay that the service asks for, where it does."""
    for detail in getattr(problem, "details", None) or ():
        delay = getattr(detail, "retry_delay", None)
        if delay is not None:
            return float(delay.seconds) + float(delay.nanos) / 1e9
    return 0.0


def _failure(problem: Exception, name: str, offset: int) -> Exception:
    """The error of a stream that is given up."""
    from google.api_core import exceptions

    gone = isinstance(problem, exceptions.NotFound | exceptions.FailedPrecondition)
    if gone and ("expired" in str(problem) or isinstance(problem, exceptions.NotFound)):
        return BigQueryError(
            "Expected a read session that is open. Received: "
            f"stream={name!r}, row={offset}: {problem}. Sessions expire six hours "
            "after they began, and their streams cannot be had again. Run the job "
            "again, with more workers or over fewer days."
        )
    try:
        with service_errors(f"to give the rows of stream {name}"):
            raise problem
    except Exception as told:
        return told
