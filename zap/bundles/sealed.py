"""A sealed file: lines of JSON, compressed, that carry the digest of themselves.

``bundle.json`` names such a file but holds no digest of it, so that one subject can be
taken out of it (`zap forget`) in one rename, while all else that the bundle holds, and
its version, stay what they are.

It is gzip in two members, which any tool unpacks to one text. The first holds one line,
stored and not deflated: the SHA-256 of the second member's bytes, how many records that
has, and how many were forgotten. A stored member has one form only, and the second is
hashed as it lies on the disk, so a changed byte is noticed wherever it is: also in a
header's date, or in bits that a decompressor never looks at.

Other bytes for the same records (another level, another zlib) are read all the same.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from zap.errors import BundleError

LIMIT_BYTES = 256 << 20
"""The longest text that is unpacked: 1,000 long histories are a tenth of it."""

_HEADER = bytes.fromhex("1f8b08000000000000ff")  # no date and no name
_STORED = len(_HEADER) + 5  # the head of a block that is the only one, and not deflated


@dataclass(frozen=True)
class Seal:
    """What a sealed file says of itself.

    Attributes:
        sha256: of all bytes after the first member, in hexadecimal digits.
        count: how many records there are.
        forgotten: how many were taken out since the file was first written.
    """

    sha256: str
    count: int
    forgotten: int


def seal(records: Iterable[Mapping[str, Any]], forgotten: int = 0) -> bytes:
    """The bytes of a sealed file; the same for the same records.

    Args:
        records: JSON objects, in order. Numbers come back exactly.
        forgotten: how many records were taken out so far.

    Raises:
        BundleError: a record is not JSON, or all are longer than is read again.
    """
    lines = [_line(record) for record in records]
    text = b"".join(lines)
    if len(text) > LIMIT_BYTES:
        raise BundleError(
            f"Expected records of at most {LIMIT_BYTES:,} bytes to seal. Received: "
            f"bytes={len(text):,}. Seal fewer records, or fewer events of each."
        )
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = _member(deflate.compress(text) + deflate.flush(), text)
    digest = hashlib.sha256(packed).hexdigest()
    return _stored(_line(asdict(Seal(digest, len(lines), forgotten)))) + packed


def check_seal(content: bytes, where: str) -> Seal:
    """What a sealed file says of itself, once every byte of it was looked at.

    Args:
        content: the file.
        where: its path, for the error.

    Raises:
        BundleError: a byte has changed.
    """
    head = content[_STORED : _STORED + _length(content)]
    first = _stored(head)
    if not content.startswith(first):
        raise _damaged(where, "its first line")
    try:
        said = Seal(**json.loads(head))
    except (ValueError, TypeError) as error:
        raise _damaged(where, "its first line") from error
    if hashlib.sha256(content[len(first) :]).hexdigest() != said.sha256:
        raise _damaged(where, "what it holds")
    return said


def unseal(content: bytes, where: str) -> tuple[list[dict[str, Any]], Seal]:
    """The records of a sealed file, and what it says of itself.

    Args:
        content: the file.
        where: its path, for the error.

    Raises:
        BundleError: a byte has changed, or the file unpacks to more than the limit.
    """
    said = check_seal(content, where)
    packed = content[_STORED + _length(content) + 8 :]
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        text = unpack.decompress(packed, LIMIT_BYTES + 1)
    except zlib.error as error:
        raise _damaged(where, "what it holds") from error
    if len(text) > LIMIT_BYTES:
        raise BundleError(
            f"Expected a sealed file that unpacks to at most {LIMIT_BYTES:,} bytes. "
            f"Received: file={where}, which is longer. Train the model again."
        )
    try:
        records = [json.loads(line) for line in text.splitlines()]
    except ValueError as error:
        raise _damaged(where, "a record") from error
    if len(records) != said.count or not unpack.eof:
        raise _damaged(where, "the number of records")
    return records, said


def _line(record: Mapping[str, Any]) -> bytes:
    try:
        text = json.dumps(
            record, sort_keys=True, separators=(",", ":"), allow_nan=False
        )
    except (TypeError, ValueError) as error:
        raise BundleError(
            f"Expected JSON in a record to seal. Received: {error}. Use numbers, "
            "texts, lists and objects, and None in place of NaN."
        ) from error
    return f"{text}\n".encode()


def _member(block: bytes, text: bytes) -> bytes:
    """A member of gzip: a header without date and name, the block, two checks."""
    return _HEADER + block + struct.pack("<II", zlib.crc32(text), len(text))


def _stored(text: bytes) -> bytes:
    size = len(text)
    assert size < 1 << 16, size
    return _member(struct.pack("<BHH", 1, size, size ^ 0xFFFF) + text, text)


def _length(content: bytes) -> int:
    """How long the first line is, by the head of its block."""
    return int.from_bytes(content[_STORED - 4 : _STORED - 2], "little")


def _damaged(where: str, part: str) -> BundleError:
    name = where.rpartition("/")[2]
    return BundleError(
        f"Expected {name} as it was sealed, but {part} has changed. Received: "
        f"file={where}. Copy the bundle again from its source, or train the model "
        "again."
    )
