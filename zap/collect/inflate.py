"""Decompression that stops: a small body can hold gigabytes.

What a compressed text says of its own length is not believed. It is inflated up to a
bound and one byte more, so that memory is that of the bound whatever was sent.
"""

from __future__ import annotations

import zlib

from zap.collect.protocol import Fate, Unaccepted

GZIP = 16 + zlib.MAX_WBITS
MOST_MEMBERS = 16


def inflate(content: bytes, most_bytes: int) -> bytes:
    """What a gzip holds.

    Args:
        content: one gzip, or several in a row.
        most_bytes: that may come out.

    Raises:
        Unaccepted: it holds more (too large), or is damaged (malformed).

    >>> import gzip
    >>> inflate(gzip.compress(b"an event"), 100)
    b'an event'
    >>> inflate(gzip.compress(bytes(10**6)), 100)
    Traceback (most recent call last):
        ...
    zap.collect.protocol.Unaccepted: Expected a gzip that holds at most 100 bytes. ...
    """
    found = b""
    for _ in range(MOST_MEMBERS):
        part, content = _member(content, most_bytes - len(found))
        found += part
        if not content:
            return found
        if len(found) > most_bytes:
            break
    raise _too_large(most_bytes)


def _member(content: bytes, most_bytes: int) -> tuple[bytes, bytes]:
    """What one gzip holds, and what comes after it."""
    reader = zlib.decompressobj(GZIP)
    try:
        found = reader.decompress(content, most_bytes + 1)
    except zlib.error as error:
        raise Unaccepted(
            Fate.MALFORMED, f"Expected a body that is gzip. Received: {error}."
        ) from None
    if len(found) > most_bytes:
        raise _too_large(most_bytes)
    if not reader.eof:
        raise Unaccepted(
            Fate.MALFORMED, "Expected a whole gzip. Received: one that is cut off."
        )
    return found, reader.unused_data


def _too_large(most_bytes: int) -> Unaccepted:
    return Unaccepted(
        Fate.TOO_LARGE,
        f"Expected a gzip that holds at most {most_bytes} bytes. Send less at once.",
    )
