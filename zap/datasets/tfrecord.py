"""TFRecord files: each record framed by its length and two masked CRC-32C sums.

Written here, in a page, so that writing and checking need neither TensorFlow nor Beam.
The format is TensorFlow's own (``tf.data.TFRecordDataset`` reads it).
"""

from __future__ import annotations

import gzip
import io
import itertools
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import IO, Any

import google_crc32c
import numpy as np

from zap.datasets.stores import reading, store_of
from zap.datasets.writing import whole
from zap.errors import DatasetError

RECORDS_AT_ONCE = 4_096
COMPRESSIONS = ("none", "gzip")
_LENGTH = struct.Struct("<Q")
_SUM = struct.Struct("<I")
_MASK_DELTA = 0xA282EAD8


def masked_sum(data: bytes) -> int:
    """The CRC-32C of ``data``, rotated and shifted as TFRecord stores it."""
    return int(_masked(google_crc32c.value(data)))


def frame(record: bytes) -> bytes:
    """A record as it stands in a file."""
    return b"".join(_framed([record]))


def _framed(records: Sequence[bytes]) -> Iterator[bytes]:
    """What stands in a file for some records, in pieces."""
    lengths = list(map(len, records))
    header_of = {length: _header(length) for length in set(lengths)}
    crcs = np.array(list(map(google_crc32c.value, records)), np.uint64)
    sums = _masked(crcs).astype("<u4").tobytes()
    for place, (length, record) in enumerate(zip(lengths, records, strict=True)):
        yield header_of[length]
        yield record
        yield sums[4 * place : 4 * place + 4]


def _header(length: int) -> bytes:
    packed = _LENGTH.pack(length)
    return packed + _SUM.pack(masked_sum(packed))


def _masked(crc: Any) -> Any:
    """A sum, or an array of them as uint64, rotated and shifted."""
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def write_records(
    path: str, records: Iterable[bytes], compression: str = "none"
) -> int:
    """Write records to a file.

    Args:
        path: any path that fsspec can open.
        records: the payloads.
        compression: "none" or "gzip".

    Returns:
        The size of the file in bytes, before compression.

    Raises:
        DatasetError: the disk is full, or fails.
    """
    size = 0
    with ExitStack() as files:
        file: Any = files.enter_context(whole(path))
        if compression == "gzip":
            # No time in the header: equal records give equal files.
            file = files.enter_context(gzip.GzipFile("", "wb", 5, file, 0))
        for some in _batches(records):
            framed = b"".join(_framed(some))
            size += len(framed)
            file.write(framed)
    return size


def _batches(records: Iterable[bytes]) -> Iterator[list[bytes]]:
    every = iter(records)
    while some := list(itertools.islice(every, RECORDS_AT_ONCE)):
        yield some


def read_records(path: str, compression: str = "none") -> Iterator[bytes]:
    """The payloads of a TFRecord file, each checked against its sums.

    Raises:
        DatasetError: the file is missing, cut short or damaged.
    """
    try:
        with reading(path):
            store, where = store_of(path)
            # Whole: it is some megabytes, and a store takes as long for a few bytes.
            raw = io.BytesIO(store.cat_file(where))
        file: Any = raw if compression == "none" else gzip.GzipFile(fileobj=raw)
        yield from _records(file, path)
    except FileNotFoundError as error:
        raise DatasetError(
            f"Expected a file of the dataset. Received: path={path}, which is missing. "
            "Generate the dataset again."
        ) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _damaged(path, "its compression ends early or is broken") from error


def _records(file: IO[bytes] | gzip.GzipFile, path: str) -> Iterator[bytes]:
    while header := file.read(12):
        if len(header) < 12:
            raise _damaged(path, "it is truncated within a record's length")
        if _SUM.unpack(header[8:])[0] != masked_sum(header[:8]):
            raise _damaged(path, "a record's length does not match its sum")
        length = _LENGTH.unpack(header[:8])[0]
        record, tail = file.read(length), file.read(4)
        if len(record) < length or len(tail) < 4:
            raise _damaged(path, "it is truncated within a record")
        if _SUM.unpack(tail)[0] != masked_sum(record):
            raise _damaged(path, "a record does not match its sum")
        yield record


def _damaged(path: str, how: str) -> DatasetError:
    return DatasetError(
        f"Expected a whole TFRecord file. Received: path={path}: {how}. "
        "Generate the dataset again."
    )
