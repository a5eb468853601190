"""Bodies of JSON: what of them can't be taken is refused as a whole."""

from __future__ import annotations

from typing import Any

import orjson

from zap.collect.protocol import Fate, Reply, Unaccepted
from zap.collect.protocols.bounded_json import BODY_DEPTH, DeepJsonError, read_json


def json_of(body: bytes) -> Any:
    """What the body of a request says.

    Raises:
        Unaccepted: it is no JSON, or nests too deep.
    """
    try:
        return read_json(body, BODY_DEPTH)
    except DeepJsonError as error:
        raise Unaccepted(Fate.TOO_LARGE, str(error)) from error
    except ValueError as error:
        raise Unaccepted(Fate.MALFORMED, str(error)) from error


def object_of(body: bytes) -> dict[str, Any]:
    """The object that the body of a request is.

    Raises:
        Unaccepted: it is other JSON, or as for `json_of`.
    """
    found = json_of(body)
    if not isinstance(found, dict):
        raise Unaccepted(
            Fate.MALFORMED, f"Expected an object. Received: {type(found).__name__}."
        )
    return found


def json_reply(status: int, content: Any) -> Reply:
    """An answer in JSON."""
    headers = [(b"content-type", b"application/json")]
    return Reply(status, orjson.dumps(content), headers)
