"""An entry of the log, and the line that holds it.

A line is a JSON object whose last member is a checksum of all that stands before it, so
that any tool can read it, and a line that was torn or damaged is known by itself. The
score is written so that reading gives the very same number. A changed meaning of a
member raises ``FORMAT``: lines of another format count as damaged, so a reader must go
on knowing the older ones.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Literal, get_args

import orjson

from zap.errors import LogError

FORMAT = 1
MAX_LINE_BYTES = 1 << 20
HASH_DIGITS = 16
Source = Literal["subject", "events", "batch"]
_SOURCES = get_args(Source)
_CHECK = b',"crc":"%08x"}\n'
_CHECK_BYTES = len(_CHECK % 0)
_TEXTS = ("id", "application", "version", "fingerprint", "ids", "encoded", "source")


@dataclass(frozen=True)
class Logged:
    """One prediction, as the log holds it.

    Attributes:
        id: the prediction's id.
        time: when it was answered, in microseconds since 1970.
        instant: the moment that it was made for; None is that of the last event.
        application: the question.
        version: the version of the model that answered.
        fingerprint: of the encoder.
        subject: the keyed hash of the subject (`keyed_subject`); None without a key.
        events: how many events were used.
        ids: `event_hashes` of the events that were handed over, the oldest first.
        encoded: ``EncodedInstance.digest``.
        score: what was answered; of classes a number each.
        source: where the events came from.

    Raises:
        LogError: the score is no finite number, or an id is longer than a line may be.
    """

    id: str
    time: int
    instant: int | None
    application: str
    version: str
    fingerprint: str
    subject: str | None
    events: int
    ids: str
    encoded: str
    score: float | tuple[float, ...]
    source: Source

    def __post_init__(self) -> None:
        score = self.score
        numbers = score if isinstance(score, tuple) else (score,)
        if not all(map(math.isfinite, numbers)):
            raise LogError(
                "Expected a score of finite numbers, which JSON can hold. Received: "
                f"score={score!r}. Verify the version with zap verify."
            )

    @property
    def event_hashes(self) -> list[str]:
        """The hashes of the events one by one, the oldest first."""
        return [
            self.ids[start : start + HASH_DIGITS]
            for start in range(0, len(self.ids), HASH_DIGITS)
        ]


@lru_cache(65_536)  # a subject's events come again with each of its predictions
def event_hash(event_id: str) -> str:
    """The 64-bit hash of an event's id, as 16 hexadecimal digits."""
    return blake2b(event_id.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def event_hashes(event_ids: Iterable[str]) -> str:
    """The hashes of events' ids, joined: what ``Logged.ids`` holds."""
    return "".join(map(event_hash, event_ids))


def line_of(entry: Logged) -> bytes:
    """The line of an entry, its end included.

    Raises:
        LogError: it is longer than a line may be.
    """
    # Keyword by keyword: dataclasses.asdict takes ten times as long.
    body = orjson.dumps(
        {
            "format": FORMAT,
            "id": entry.id,
            "time": entry.time,
            "instant": entry.instant,
            "application": entry.application,
            "version": entry.version,
            "fingerprint": entry.fingerprint,
            "subject": entry.subject,
            "events": entry.events,
            "ids": entry.ids,
            "encoded": entry.encoded,
            "score": entry.score,
            "source": entry.source,
        }
    )[:-1]
    if len(body) + _CHECK_BYTES > MAX_LINE_BYTES:
        raise LogError(
            f"Expected an entry of at most {MAX_LINE_BYTES:,} bytes. Received: "
            f"events={entry.events:,} in {len(body):,} bytes. Hand over the events "
            "alone that Instance.reads asks for."
        )
    return body + _CHECK % zlib.crc32(body)


def entry_of(line: bytes) -> Logged:
    """The entry in a whole line, its end included.

    Raises:
        ValueError: the line is damaged, or of another format.
    """
    body, check = line[:-_CHECK_BYTES], line[-_CHECK_BYTES:]
    if check != _CHECK % zlib.crc32(body):
        raise ValueError("the checksum is another")
    data = orjson.loads(body + b"}")
    if not isinstance(data, dict) or data.pop("format", None) != FORMAT:
        raise ValueError(f"no entry of format {FORMAT}")
    return _checked(data)


def _checked(data: dict[str, Any]) -> Logged:
    """The entry, if each member is of its type."""
    fits = (
        all(isinstance(data.get(name), str) for name in _TEXTS)
        and all(type(data.get(name)) is int for name in ("time", "events"))
        and isinstance(data.get("subject"), str | None)
        and isinstance(data.get("instant"), int | None)
        and data["source"] in _SOURCES
    )
    if not fits:
        raise ValueError("a member is missing or of another type")
    score = data.get("score")
    numbers = score if isinstance(score, list) else [score]
    if not all(type(number) in (int, float) for number in numbers):
        raise ValueError("the score is no number")
    floats = tuple(map(float, numbers))
    members = {name: data[name] for name in (*_TEXTS, "time", "instant", "subject")}
    shown = floats if isinstance(score, list) else floats[0]
    return Logged(**members, events=data["events"], score=shown)
