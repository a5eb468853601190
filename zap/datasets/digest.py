"""A digest of a dataset that does not depend on the order of its records.

Each record is hashed with 128 bits and the hashes are added modulo 2**128, so shards
can be digested apart and in any order. Records that occur twice count twice (a XOR
would lose them).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

_MODULUS = 1 << 128


def digest_of(records: Iterable[bytes]) -> int:
    """The sum of the records' hashes."""
    total = 0
    for record in records:
        total += int.from_bytes(hashlib.blake2b(record, digest_size=16).digest())
    return total % _MODULUS


def add_digests(digests: Iterable[int]) -> int:
    """The digest of all records of several parts."""
    return sum(digests) % _MODULUS


def shown(digest: int) -> str:
    """The digest as 32 hexadecimal digits."""
    return f"{digest:032x}"
