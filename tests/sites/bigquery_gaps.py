"""What the emulator's Storage API lacks of the real one, laid between it and a client.

The emulator reads whole columns only, begins each stream at its first row whatever
offset is asked for, and never fails. Here calls go through a server that takes fields
of records (``device.category``), heeds offsets, cuts answers into small messages, and
fails when a test says so, with the service's own codes. Results of queries, which the
emulator keeps where its Storage API does not look, are made tables for it. Rows come
from the emulator.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Self

import grpc
import pyarrow as pa
from bigquery_server import BigQueryServer
from google.cloud.bigquery_storage_v1 import types
from google.protobuf.duration_pb2 import Duration
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from zap.bigquery.names import parse_table

ANONYMOUS = "/datasets/_bqemu_anonymous/"
SERVICE = "/google.cloud.bigquery.storage.v1.BigQueryRead/"


@dataclass
class Fault:
    """A failure of one call of ReadRows.

    Attributes:
        code: of gRPC.
        words: the service's.
        after: rows that the call gives before it fails.
        delay_s: that the service asks for; None for no such detail.
    """

    code: grpc.StatusCode
    words: str = "made by a test"
    after: int = 0
    delay_s: float | None = None


@dataclass
class Gaps:
    """The server between.

    Attributes:
        server: the emulator.
        message_rows: most rows of an answer.
        faults: for the next calls of ReadRows, one each; None for none.
        refusal: of CreateReadSession.
        sessions: requests for sessions, as they came.
        reads: streams and offsets that were asked for.
    """

    server: BigQueryServer
    message_rows: int = 1_000
    faults: list[Fault | None] = field(default_factory=list)
    refusal: Fault | None = None
    sessions: list[Any] = field(default_factory=list)
    reads: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._fields: dict[str, list[str]] = {}
        self._results: dict[str, str] = {}
        self._channel = grpc.insecure_channel(self.server.grpc)
        self._server = grpc.server(ThreadPoolExecutor(8))
        self._server.add_generic_rpc_handlers((_Handler(self),))
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.stop(0).wait()
        self._channel.close()

    def create(self, raw: bytes, context: Any) -> bytes:
        """CreateReadSession."""
        request = types.CreateReadSessionRequest.deserialize(raw)
        self.sessions.append(types.CreateReadSessionRequest.deserialize(raw))
        if self.refusal:
            fail(context, self.refusal)
        options = request.read_session.read_options
        fields = list(options.selected_fields)
        options.selected_fields = list(dict.fromkeys(f.split(".")[0] for f in fields))
        if ANONYMOUS in request.read_session.table:
            name = request.read_session.table
            self._results[name] = self._results.get(name) or self._stored()
            request.read_session.table = self._results[name]
        call = self._channel.unary_unary(SERVICE + "CreateReadSession")
        try:
            answer = call(types.CreateReadSessionRequest.serialize(request))
        except grpc.RpcError as error:
            context.abort(error.code(), error.details())
        session = types.ReadSession.deserialize(answer)
        self._fields[session.name] = fields
        return types.ReadSession.serialize(session)

    def _stored(self) -> str:
        """The path of a table that holds the last query's result."""
        bodies = [each["body"] or {} for each in self.server.requests()]
        asked = [body.get("configuration", {}).get("query") for body in bodies]
        query = [each for each in asked if each][-1]
        sql = query["query"]
        for each in query.get("queryParameters", ()):  # no DDL of the emulator has any
            value = each["parameterValue"]["value"]
            sql = sql.replace(f"@{each['name']}", f"TIMESTAMP '{value}'")
        name = f"{self.server.new_dataset()}.result"
        self.server.client().query(f"CREATE TABLE `{name}` AS {sql}").result()
        return parse_table(f"bigquery://{name}").path

    def read(self, raw: bytes, context: Any) -> Iterator[bytes]:
        """ReadRows."""
        request = types.ReadRowsRequest.deserialize(raw)
        self.reads.append((request.read_stream, request.offset))
        fault = self.faults.pop(0) if self.faults else None
        given, offset = 0, request.offset
        for batch in self._batches(request.read_stream, context):
            skipped = min(offset, batch.num_rows)
            offset -= skipped
            batch = batch.slice(skipped)
            for start in range(0, batch.num_rows, self.message_rows):
                part = batch.slice(start, self.message_rows)
                if fault and given + part.num_rows > fault.after:
                    fail(context, fault)
                yield _answer(part, first=given == 0)
                given += part.num_rows
        if fault:
            fail(context, fault)

    def _batches(self, stream: str, context: Any) -> Iterator[pa.RecordBatch]:
        call = self._channel.unary_stream(SERVICE + "ReadRows")
        request = types.ReadRowsRequest(read_stream=stream)
        schema = None
        fields = self._fields[stream.rpartition("/streams/")[0]]
        try:
            # All of it, whatever is then given on: an answer that is not read to its
            # end holds one of the emulator's few threads for ever.
            for raw in list(call(types.ReadRowsRequest.serialize(request))):
                answer = types.ReadRowsResponse.deserialize(raw)
                schema = schema or pa.ipc.read_schema(
                    pa.py_buffer(answer.arrow_schema.serialized_schema)
                )
                message = answer.arrow_record_batch.serialized_record_batch
                batch = pa.ipc.read_record_batch(pa.py_buffer(message), schema)
                yield only(batch, fields)
        except grpc.RpcError as error:
            context.abort(error.code(), error.details())


class _Handler(grpc.GenericRpcHandler):
    def __init__(self, gaps: Gaps):
        self._gaps = gaps

    def service(self, details: Any) -> Any:
        if details.method == SERVICE + "CreateReadSession":
            return grpc.unary_unary_rpc_method_handler(self._gaps.create)
        return grpc.unary_stream_rpc_method_handler(self._gaps.read)


def fail(context: Any, fault: Fault) -> None:
    """End a call as the service would."""
    if fault.delay_s is None:
        context.abort(fault.code, fault.words)
    delay = Duration()
    delay.FromMilliseconds(int(fault.delay_s * 1_000))
    status = status_pb2.Status(
        code=code_pb2.Code.Value(fault.code.name), message=fault.words
    )
    status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    context.abort_with_status(rpc_status.to_status(status))


def only(batch: pa.RecordBatch, fields: list[str]) -> pa.RecordBatch:
    """The columns of a batch, their records with the chosen fields alone."""
    chosen: dict[str, list[str]] = {}
    for name in fields or batch.schema.names:
        top, _, rest = name.partition(".")
        chosen.setdefault(top, []).append(rest)
    names = [name for name in batch.schema.names if name in chosen]
    columns = [_within(batch.column(name), chosen[name]) for name in names]
    return pa.RecordBatch.from_arrays(columns, names)


def _within(column: pa.Array, fields: list[str]) -> pa.Array:
    if "" in fields or not pa.types.is_struct(column.type):
        return column
    inner = pa.RecordBatch.from_arrays(
        [column.field(place) for place in range(column.type.num_fields)],
        [each.name for each in column.type],
    )
    kept = only(inner, fields)
    return pa.StructArray.from_arrays(
        kept.columns, fields=list(kept.schema), mask=column.is_null()
    )


def _answer(batch: pa.RecordBatch, first: bool) -> bytes:
    """A message of the service: the schema goes with the first one of a call."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    messages = pa.ipc.MessageReader.open_stream(sink.getvalue())
    schema, rows = messages.read_next_message(), messages.read_next_message()
    answer: dict[str, Any] = {
        "row_count": batch.num_rows,
        "arrow_record_batch": types.ArrowRecordBatch(
            serialized_record_batch=rows.serialize().to_pybytes()
        ),
    }
    if first:
        answer["arrow_schema"] = types.ArrowSchema(
            serialized_schema=schema.serialize().to_pybytes()
        )
    return bytes(types.ReadRowsResponse.serialize(types.ReadRowsResponse(**answer)))
