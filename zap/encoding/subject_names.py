"""How subjects are named by numbers, and by names that only a key can make.

Batch and serving share this: an example, a verification set and the log of predictions
name a subject alike, so that it can be found in all of them. Changing the seed moves
subjects between splits, and loses those named in what was written before.
"""

from __future__ import annotations

import hashlib

import mmh3

SUBJECT_SEED = 0x5EED
"""Seed of the subjects' hash. Changing it moves subjects between splits."""

OF_USER, OF_DEVICE = "user:", "anonymous:"
"""What stands before the id in the name of a person, so that user 7 and visitor 7 stay
two persons. Changing it moves persons between splits."""


def subject_hash(subject: str) -> int:
    """The signed 64-bit hash of a subject: half of MurmurHash3 (x64, 128 bits)."""
    return mmh3.hash64(str(subject).encode("utf-8", "surrogatepass"), SUBJECT_SEED)[0]


def keyed_subject(key: bytes, subject_hash: int) -> str:
    """The name of a subject that only those who hold the key can make; hexadecimal."""
    hashed = int(subject_hash).to_bytes(8, "little", signed=True)
    return hashlib.blake2b(hashed, key=key, digest_size=16).hexdigest()
