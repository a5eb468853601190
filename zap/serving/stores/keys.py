"""Keys of documents: the field that names the subject, and the subject's name."""

from __future__ import annotations

import hashlib

LONGEST_KEY_BYTES = 400


def key_of(field: str, subject: str) -> str:
    """The key of a subject's document; a hash stands for a name that is too long."""
    key = f"{field}:{subject}"
    data = key.encode("utf-8", "surrogatepass")
    if len(data) <= LONGEST_KEY_BYTES and len(data) == len(key):
        return key  # ASCII, as nearly all are
    try:
        key.encode()
    except UnicodeEncodeError:
        pass
    else:
        if len(data) <= LONGEST_KEY_BYTES:
            return key
    return f"{field}:#{hashlib.blake2b(data, digest_size=16).hexdigest()}"
