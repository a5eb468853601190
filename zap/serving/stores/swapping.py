"""Documents are changed by reading, making and swapping them, until it succeeds.

Two servers that append to one subject at once lose nothing: the one that comes second
does its change again. Within a process locks keep threads from having to.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TypeAlias

from zap.errors import StoreError
from zap.serving.stores.backend import ABSENT, Backend, Change, Held
from zap.serving.stores.document import (
    NOTHING,
    Document,
    decode,
)

Work: TypeAlias = Callable[[str, Document], Document | None]

_STRIPES = 64
_ATTEMPTS = 40
_VERSIONS = 2**63 - 1
_LEAST_TTL_US = 1_000_000


class Swapper:
    """Changes documents.

    Args:
        backend: where they are kept.
    """

    def __init__(self, backend: Backend):
        self._backend = backend
        self._locks = [threading.Lock() for _ in range(_STRIPES)]

    def swap(self, keys: Sequence[str], now_us: int, work: Work) -> None:
        """Change documents.

        Args:
            keys: theirs.
            now_us: what has expired by then is not there.
            work: of a key and its document makes another, or None where it may stay;
                called again where somebody else was quicker.

        Raises:
            StoreError: the database cannot be reached, or others are always quicker.
        """
        with self._held(keys):
            for attempt in range(_ATTEMPTS):
                if not keys:
                    return
                if attempt:
                    time.sleep(random.uniform(0, min(0.05, 0.001 * 2**attempt)))
                held = self._backend.get(keys)
                changes = []
                for key, each in zip(keys, held, strict=True):
                    made = work(key, document_of(each, now_us))
                    if made is not None and (each is not None or not made.empty):
                        changes.append(_change(key, each, made, now_us))
                done = self._backend.swap(changes) if changes else []
                keys = [c.key for c, ok in zip(changes, done, strict=True) if not ok]
        if keys:
            raise StoreError(
                f"Expected to change a document within {_ATTEMPTS} tries. "
                f"Received: {self._backend.name}, where others change it all the time. "
                "Append it again."
            )

    @contextmanager
    def _held(self, keys: Sequence[str]) -> Iterator[None]:
        """The locks of some documents among the threads of this process."""
        stripes = sorted({hash(key) % _STRIPES for key in keys})
        with ExitStack() as stack:
            for stripe in stripes:
                stack.enter_context(self._locks[stripe])
            yield


def document_of(held: Held | None, now_us: int) -> Document:
    """The document that a database held, or an empty one."""
    return NOTHING if held is None else decode(held.data, now_us)[0]


def _change(key: str, held: Held | None, document: Document, now_us: int) -> Change:
    """The change; one to nothing expires at once, as no key is removed unseen."""
    return Change(
        key=key,
        expected=ABSENT if held is None else held.version,
        version=random.randint(1, _VERSIONS),
        data=document.data,
        expires_us=document.expires_us,
        ttl_us=max(_LEAST_TTL_US, document.expires_us - now_us),
    )
