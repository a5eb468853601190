"""How many events some files hold, without reading them: an estimate from a few.

Of Parquet files the last bytes tell, of text the lines of the first megabyte.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from zap.events.files import open_bytes, reading
from zap.events.parquet_rows import PARQUET_FORMATS
from zap.events.sources import StoredFile, named_by_path

LOOKED_AT = 16
HEAD_BYTES = 2**20


def likely_rows(files: Sequence[StoredFile]) -> int:
    """About how many rows there are.

    Args:
        files: of any formats; of each format up to 16 are looked at, from the first to
            the last of the list at equal steps.

    Raises:
        InputError: a file cannot be read.
    """
    by_format: dict[str, list[StoredFile]] = {}
    for file in files:
        by_format.setdefault(file.format, []).append(file)
    return round(sum(_rows(some) for some in by_format.values()))


def _rows(files: Sequence[StoredFile]) -> float:
    step = max(1, len(files) // LOOKED_AT)
    some = files[::step][:LOOKED_AT]
    density = sum(_rows_of(file) for file in some) / _bytes(some)
    return density * _bytes(files)


def _bytes(files: Sequence[StoredFile]) -> int:
    return max(1, sum(file.size_bytes for file in files))


def _rows_of(file: StoredFile) -> float:
    if named_by_path(file).format in PARQUET_FORMATS:
        with open_bytes(file.path) as opened, reading(file.path):
            return float(pq.ParquetFile(opened).metadata.num_rows)
    with open_bytes(file.path) as opened, reading(file.path):
        head = opened.read(HEAD_BYTES)
    lines = _unpacked(head, file.path).count(b"\n")
    return lines * file.size_bytes / max(1, len(head))


def _unpacked(head: bytes, path: str) -> bytes:
    """The text at the beginning of a file, of which more may follow."""
    if path.endswith(".gz"):
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head)
    if not path.endswith(".zst"):
        return head
    stream, found = pa.CompressedInputStream(pa.BufferReader(head), "zstd"), []
    try:
        while chunk := stream.read(HEAD_BYTES):
            found.append(chunk)
    except OSError:
        pass  # where the beginning ends, in the midst of a block
    return b"".join(found)
