"""Opens local and remote files, plain or compressed, and reads their bytes.

Local files need no package; a path with a protocol ("gs://...") goes through fsspec.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

import pyarrow as pa

from zap.errors import InputError, MissingExtraError

CHUNK_BYTES = 4 << 20
_NO_TEXT = (b"PAR1", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04")
_CODECS = {".gz": "gzip", ".zst": "zstd"}


def is_remote(path: str) -> bool:
    """True for paths that fsspec must open."""
    return "://" in path


def filesystem(path: str) -> tuple[Any, str]:
    """The fsspec filesystem of a path, and the path in it.

    Raises:
        MissingExtraError: fsspec, or the package of the protocol, is not installed.
        InputError: the protocol is unknown.
    """
    try:
        import fsspec.core
    except ImportError as error:
        raise MissingExtraError("fsspec", "beam") from error
    try:
        return cast(tuple[Any, str], fsspec.core.url_to_fs(path))
    except ImportError as error:
        raise MissingExtraError(f"the fsspec package for {path}", "gcp") from error
    except ValueError as error:
        raise InputError(
            f"Expected a path with a known protocol. Received: path={path!r} "
            f"({error}). Correct the path."
        ) from error


def open_bytes(path: str) -> IO[bytes]:
    """Open a file for reading.

    Raises:
        InputError: it does not exist or cannot be read.
    """
    try:
        if is_remote(path):
            system, inner = filesystem(path)
            return cast(IO[bytes], system.open(inner, "rb"))
        return open(path, "rb")
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: str, error: Exception) -> InputError:
    """The error of a file that is missing, truncated or damaged."""
    return InputError(
        f"Expected a file that can be read to its end. Received: path={path!r} "
        f"({type(error).__name__}: {error}). Check that it exists, may be read, and "
        "was written completely."
    )


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Give the user's error for whatever goes wrong inside with a file's bytes."""
    try:
        yield
    except (OSError, EOFError, pa.ArrowException) as error:
        raise unreadable(path, error) from error


def read_chunks(path: str) -> Iterator[bytes]:
    """The bytes of a file, decompressed after its name (.gz, .zst), in pieces.

    Raises:
        InputError: it cannot be read, or ends before its end.
    """
    codec = next((c for suffix, c in _CODECS.items() if path.endswith(suffix)), None)
    with open_bytes(path) as file, reading(path):
        stream: Any = file
        if codec is not None:
            stream = pa.CompressedInputStream(pa.PythonFile(file, mode="r"), codec)
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk


def read_text_chunks(path: str) -> Iterator[bytes]:
    """The bytes of a text file in pieces, without a byte order mark.

    Raises:
        InputError: as for ``read_chunks``; or the text is UTF-16, or none.
    """
    chunks = read_chunks(path)
    first = next(chunks, b"")
    if first.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(
            f"Expected text in UTF-8. Received: path={path!r}, which begins like "
            "UTF-16. Convert it, for example with: iconv -f UTF-16 -t UTF-8"
        )
    if first.startswith(_NO_TEXT):
        raise InputError(
            f"Expected a text. Received: path={path!r}, which begins like "
            f"{'Parquet' if first.startswith(b'PAR1') else 'something compressed'}. "
            "Its name, or format in the mapping, must say what it is: .parquet, "
            ".csv.gz, .csv.zst."
        )
    yield first.removeprefix(b"\xef\xbb\xbf")
    yield from chunks
