"""The calls in a request: one, or a batch, whose calls are told apart before parsing.

A batch is cut into the texts of its calls first. So each call's size is what was sent,
and one that is too large, too deep or damaged becomes a bad row, while the others are
taken: a client that is told that its batch is bad drops all of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import orjson

from zap.collect.event import BadRow, Event
from zap.collect.nesting import openings
from zap.collect.protocol import Fate, Unaccepted
from zap.collect.protocols.bounded_json import DeepJsonError, check_depth
from zap.collect.protocols.calls import Post, UnfitError, read_call
from zap.collect.protocols.many import check_many
from zap.collect.protocols.mended_json import loads

_FEW_LEVELS = 32
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_NULL = msgspec.Raw(b"null")
_ABOUT = ("writeKey", "sentAt", "context", "integrations")


def read_object(text: bytes) -> dict[str, Any]:
    """A body that is an object.

    Raises:
        Unaccepted: it is none.
    """
    try:
        value = loads(text)
    except ValueError as error:
        raise malformed(f"a body of JSON. Received: {error}") from error
    if type(value) is not dict:
        raise malformed(f"an object. Received: {type(value).__name__}")
    return value


def read_few(text: bytes, max_bytes: int) -> tuple[dict[str, Any], list[Any]] | None:
    """What a small batch says of its calls, and the calls: most batches of one.

    Args:
        text: of the batch.
        max_bytes: of a call.

    Returns:
        None where a call might be too large, too deep or damaged: only its text tells.
    """
    if len(text) > max_bytes or openings(text) > _FEW_LEVELS:
        return None
    try:
        about = orjson.loads(text)
    except ValueError:
        return None
    calls = about.pop("batch", None) if type(about) is dict else None
    if type(calls) is list and len(calls) <= _FEW_LEVELS:
        return about, calls
    return None


class _Envelope(msgspec.Struct):
    """The names of a batch that anybody reads; each a text of JSON."""

    batch: list[msgspec.Raw]
    writeKey: msgspec.Raw = _NULL
    sentAt: msgspec.Raw = _NULL
    context: msgspec.Raw = _NULL
    integrations: msgspec.Raw = _NULL


_ENVELOPE = msgspec.json.Decoder(_Envelope)


def read_envelope(text: bytes) -> tuple[dict[str, Any], list[msgspec.Raw]]:
    """What a batch says of all its calls, and their texts.

    Raises:
        Unaccepted: it is no batch, or of too many calls.
    """
    about, calls = usual_envelope(text) or any_envelope(text)
    check_many(calls)
    return about, calls


def usual_envelope(text: bytes) -> tuple[dict[str, Any], list[msgspec.Raw]] | None:
    """The same by looking once; None where it must be looked at closely.

    What has another name is skipped, so that texts alone are read which are UTF-8.
    """
    try:
        if not text.isascii():
            text.decode()
        found = _ENVELOPE.decode(text)
        about = {name: loads(memoryview(getattr(found, name))) for name in _ABOUT}
    except (ValueError, RecursionError):
        return None
    return about, found.batch


def any_envelope(text: bytes) -> tuple[dict[str, Any], list[msgspec.Raw]]:
    """The same of any body, whose JSON may need mending.

    Raises:
        Unaccepted: it is no batch.
    """
    try:
        try:
            parts = _OBJECT.decode(text)
        except ValueError:
            parts = _OBJECT.decode(orjson.dumps(loads(text)))
        calls = _LIST.decode(parts.pop("batch", b"null"))
        return {name: loads(memoryview(part)) for name, part in parts.items()}, calls
    except (ValueError, TypeError, RecursionError) as error:
        expected = 'an object with "batch", a list of calls'
        raise malformed(f"{expected}. Received: {error}") from error


def read_calls(
    tool: str, calls: Sequence[msgspec.Raw], post: Post, max_bytes: int
) -> Iterator[Event | BadRow]:
    """The event of each call of a batch, or why it is none.

    Args:
        tool: the protocol's name, with which reasons begin.
        calls: their texts.
        post: what they came with.
        max_bytes: of a call.
    """
    for each in calls:
        text = bytes(each)
        try:
            sent = loads(text)
        except ValueError as error:
            detail = f"Expected JSON. Received: {error}."
            yield BadRow(f"{tool}.json", detail, text.decode("utf-8", "replace"))
            continue
        if len(text) > max_bytes:
            detail = f"Expected a call of at most {max_bytes} bytes. "
            detail += f"Received: {len(text)}. Send less with it."
            yield _bad(f"{tool}.too_large", detail, None, sent, post)
        else:
            yield read_sent(tool, None, sent, text, post)


def read_sent(
    tool: str, call: str | None, sent: Any, text: bytes, post: Post
) -> Event | BadRow:
    """The event of a call, or why it is none."""
    try:
        if openings(text) > _FEW_LEVELS:
            check_depth(sent, _FEW_LEVELS)
        return read_call(call, sent, post)
    except DeepJsonError as error:
        reason, detail = "depth", str(error)
    except UnfitError as error:
        reason, detail = error.args
    return _bad(f"{tool}.{reason}", detail, call, sent, post)


def _bad(reason: str, detail: str, call: str | None, sent: Any, post: Post) -> BadRow:
    """A row with all that is needed to read its call again, and without its key."""
    if type(sent) is dict:
        sent = {name: value for name, value in sent.items() if name != "writeKey"}
        if call is not None:
            sent["type"] = call
        if post.sent_at is not None and not sent.get("sentAt"):
            sent["sentAt"] = post.sent_at
    return BadRow(reason, detail, sent)


def malformed(expected_and_received: str) -> Unaccepted:
    """The refusal of a body of another form."""
    return Unaccepted(Fate.MALFORMED, f"Expected {expected_and_received}.")
