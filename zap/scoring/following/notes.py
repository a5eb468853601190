"""A shard as bytes: all of it, or what happened to it since.

A runner's state is written with each bundle, so writing all of a shard each time would
cost more than the work. Here what happens is noted (events, and how far time went), and
now and then all of the shard. It is made again from the last whole picture and the
notes after it, in their order, by the code that made it: no second way to be right.

Another form costs a new ``FORMAT``: jobs that run must be drained, not updated.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa

from zap.errors import InputError
from zap.events.listed import listed
from zap.scoring.following.shard import Row, Shard
from zap.scoring.following.subject import Given, Subject
from zap.serving.stores.document import Document, decode, encode

FORMAT = 1
COUNTS = b"counts"
PIECE_BYTES = 1 << 20
_NUMBER_BYTES = 8
_IPC = pa.ipc.IpcWriteOptions(compression="lz4")


@dataclass(frozen=True)
class Note:
    """One thing that happened to a shard.

    Attributes:
        number: its place among all of them.
        until_us: how far time went; None where events came.
        events: a batch in Arrow's stream format; empty where time went on.
    """

    number: int
    until_us: int | None
    events: bytes = b""

    def to_bytes(self) -> bytes:
        """The note as bytes."""
        head = orjson.dumps([FORMAT, self.number, self.until_us])
        return len(head).to_bytes(_NUMBER_BYTES) + head + self.events

    @classmethod
    def of_bytes(cls, data: bytes) -> Note:
        """The note that ``to_bytes`` wrote."""
        begin = _NUMBER_BYTES + int.from_bytes(data[:_NUMBER_BYTES])
        form, number, until_us = orjson.loads(data[_NUMBER_BYTES:begin])
        _check_format(form)
        return cls(number, until_us, data[begin:])

    def happen(self, shard: Shard) -> list[Row]:
        """Let it happen to a shard; the rows that come of it."""
        if self.until_us is not None:
            return shard.fire(self.until_us)
        events, counts = unpacked(self.events)
        shard.counts.update(counts)
        return shard.add(events)


def packed_events(batch: pa.RecordBatch, counts: Mapping[str, int]) -> bytes:
    """A batch of canonical events as bytes, with counts of what became of others."""
    told = {COUNTS: orjson.dumps(dict(counts))} if counts else {}
    batch = batch.replace_schema_metadata(told)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=_IPC) as writer:
        writer.write_batch(batch)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def unpacked(data: bytes) -> tuple[list[dict[str, Any]], Counter[str]]:
    """The events of a packed batch, as a server is sent them, and the counts."""
    with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
        batch = reader.read_next_batch()
    told = (batch.schema.metadata or {}).get(COUNTS)
    counts: Counter[str] = Counter(orjson.loads(told) if told else {})
    return listed(batch, {*batch.schema.names} - {"source", "row"}), counts


def picture(shard: Shard, number: int) -> list[bytes]:
    """All of a shard, in pieces that any runner takes.

    Args:
        shard: what is kept.
        number: of the last note that is in it.
    """
    data = zlib.compress(b"\n".join(_lines(shard, number)), 1)
    return [
        place.to_bytes(_NUMBER_BYTES) + data[start : start + PIECE_BYTES]
        for place, start in enumerate(range(0, len(data), PIECE_BYTES))
    ]


def put_back(shard: Shard, pieces: Iterable[bytes]) -> int:
    """Make a new shard what it was; the number of the last note that is in it.

    Args:
        shard: a new one.
        pieces: in any order; none: nothing has happened yet.
    """
    ordered = sorted(pieces, key=lambda piece: piece[:_NUMBER_BYTES])
    if not ordered:
        return 0
    data = zlib.decompress(b"".join(piece[_NUMBER_BYTES:] for piece in ordered))
    head, *lines = data.split(b"\n")
    form, number, shard.fired_us, counts = orjson.loads(head)
    _check_format(form)
    shard.counts.update(counts)
    for head, events in zip(lines[::2], lines[1::2], strict=True):
        name, kept, waiting, given = orjson.loads(head)
        document, _ = decode(events, 0)
        subject = Subject([*document.events], {*waiting}, {}, kept)
        for at, panes, digest in given:
            subject.given[at] = Given(panes, bytes.fromhex(digest))
        shard.restore(name, subject)
    return int(number)


def _lines(shard: Shard, number: int) -> Iterator[bytes]:
    yield orjson.dumps([FORMAT, number, shard.fired_us, dict(shard.counts)])
    for name, subject in shard.subjects.items():
        given = [(at, g.panes, g.digest.hex()) for at, g in subject.given.items()]
        yield orjson.dumps([name, subject.kept, [*subject.waiting], given])
        yield encode(Document(subject.events))


def _check_format(form: Any) -> None:
    if form != FORMAT:
        raise InputError(
            f"Expected the state of a job of format {FORMAT}. Received: format={form}. "
            "End the job that runs, and start it anew with this version."
        )
