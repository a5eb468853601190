"""JSON that names its own schema, as Snowplow's trackers put it into parameters.

Such JSON comes plain or as base64. What cannot be read makes its event a bad row:
without it nobody knows what happened.
"""

from __future__ import annotations

import binascii
import re
from typing import Any

from zap.collect.protocols.bad_events import BadEventError, bad_event
from zap.collect.protocols.bounded_json import DeepJsonError, read_json
from zap.collect.protocols.snowplow_fields import Parameters

_SCHEMA = re.compile(
    r"iglu:(?P<vendor>[A-Za-z0-9_.-]+)/(?P<name>[A-Za-z0-9_-]+)"
    r"/(?P<format>[A-Za-z0-9_-]+)/(?P<version>\d+-\d+-\d+)"
)


def described(entity: Any, reason: str) -> tuple[re.Match[str], dict[str, Any]]:
    """The schema of something that describes itself, and its data.

    Raises:
        BadEventError: it does not.
    """
    received = entity
    if isinstance(entity, dict):
        schema = _SCHEMA.fullmatch(str(entity.get("schema")))
        data = entity.get("data")
        if schema is not None and isinstance(data, dict):
            return schema, data
        received = entity.get("schema") if schema is None else data
    expected = "schema (iglu:VENDOR/NAME/FORMAT/VERSION) and data (an object)"
    raise bad_event(f"snowplow.{reason}", expected, received)


def coded_json(parameters: Parameters, plain: str, coded: str, reason: str) -> Any:
    """The JSON of a parameter, which may be coded as URL-safe base64.

    Raises:
        BadEventError: it is none, or nests too deep.
    """
    try:
        if plain in parameters:
            return read_json(parameters[plain])
        return read_json(_decoded(parameters.get(coded, "")))
    except DeepJsonError as error:
        raise BadEventError("snowplow.depth", str(error)) from error
    except ValueError as error:
        where = f"JSON in {plain}, or in {coded} as URL-safe base64"
        raise bad_event(f"snowplow.{reason}", where, str(error)) from error


def _decoded(text: str) -> bytes:
    """Base64 with "-_" or "+/", with or without padding."""
    text = text.replace("-", "+").replace("_", "/").rstrip("=")
    return binascii.a2b_base64(text + "=" * (-len(text) % 4), strict_mode=True)
