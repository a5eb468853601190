"""Read sessions of the Storage API: one consistent view of a table, cut into streams.

All streams of a session together hold each row once, and a session shows the table at
one instant, however long it is read. Which rows are in which stream is the service's
affair and differs from session to session, so nothing may depend on it; and a stream
cannot be asked for again once its session has expired, six hours after it began.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from zap.bigquery.client import storage_client
from zap.bigquery.errors import service_errors, storage_patience
from zap.bigquery.reads import TableRead, narrowest

STREAM_BYTES = 64 * 2**20
"""Of a table's size, for each stream: some seconds of reading."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST_STREAMS = 1_000  # of a session, as the service has it


@dataclass(frozen=True)
class Session:
    """An open read session.

    Attributes:
        streams: the names of its streams; none of a table without rows.
        bytes: what reading all of them scans, as the service estimates it.
    """

    streams: tuple[str, ...]
    bytes: int


def open_session(read: TableRead, most_streams: int = 1, client: Any = None) -> Session:
    """Open a session for the fields of a table.

    Opening costs nothing; reading its streams does.

    Args:
        read: the table, and what is read of it.
        most_streams: to cut it into; there may be fewer.
        client: of the Storage API; None to make one.

    Raises:
        BigQueryError: the service refuses.
    """
    client = client or storage_client()
    from google.cloud.bigquery_storage_v1 import types

    options = types.ReadSession.TableReadOptions(
        selected_fields=narrowest(read.fields),
        row_restriction=read.restriction,
        arrow_serialization_options=types.ArrowSerializationOptions(
            buffer_compression=types.ArrowSerializationOptions.CompressionCodec.LZ4_FRAME
        ),
    )
    session = types.ReadSession(
        table=read.table.path,
        data_format=types.DataFormat.ARROW,
        read_options=options,
    )
    if read.snapshot_us:
        session.table_modifiers = types.ReadSession.TableModifiers(
            snapshot_time=EPOCH + timedelta(microseconds=read.snapshot_us)
        )
    with service_errors("to open a table for reading", [read.table.url]):
        opened = client.create_read_session(
            parent=f"projects/{read.project}",
            read_session=session,
            max_stream_count=most_streams,
            **storage_patience(),
        )
    names = tuple(stream.name for stream in opened.streams)
    return Session(names, int(opened.estimated_total_bytes_scanned))


def stream_count(size_bytes: int, asked: int = 0) -> int:
    """How many streams a table of a size is cut into.

    Args:
        size_bytes: of the table.
        asked: what the user wants; 0 for one of every 64 MB.
    """
    wanted = asked or math.ceil(size_bytes / STREAM_BYTES)
    return min(max(wanted, 1), MOST_STREAMS)
