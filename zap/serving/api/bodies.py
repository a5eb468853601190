"""The bodies of requests and answers: what is taken, and what is refused.

They are msgspec structs, decoded strictly: an unknown key, a wrong type, a text that is
no UTF-8 and a nesting that no struct has are refused while they are read. The OpenAPI
document is made of the same structs. Names of fields stand in callers' programs: add,
and do not rename.
"""

from __future__ import annotations

import difflib
import re
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from zap.serving.answers import Answer
from zap.serving.api.refusals import Refused
from zap.serving.posted import TEXTS

Subject = Annotated[str, Meta(min_length=1, max_length=512)]
_EARLIEST_US, _LATEST_US = -62_135_596_800_000_000, 253_402_300_799_999_999
_DATE_TIME = {"type": "string", "format": "date-time"}
_MOMENT = [
    {"type": "integer", "minimum": _EARLIEST_US, "maximum": _LATEST_US},
    {**_DATE_TIME, "minLength": 10, "maxLength": 64},
]
Moment = (
    Annotated[int, Meta(ge=_EARLIEST_US, le=_LATEST_US)]
    | Annotated[str, Meta(min_length=10, max_length=64, extra_json_schema=_DATE_TIME)]
)
_Text = Annotated[str, Meta(max_length=8192)]
_Int = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
_Texts = Annotated[list[_Text], Meta(max_length=256)]
Value = bool | _Int | float | _Text | _Texts | None
_KNOWN: dict[str, object] = {
    "timestamp": {"anyOf": _MOMENT},
    "received_at": {"anyOf": [*_MOMENT, {"type": "null"}]},
    "type": {"type": "string", "minLength": 1, "maxLength": 8192},
    "sequence": {
        "type": ["integer", "null"],
        "minimum": -(2**63),
        "maximum": 2**63 - 1,
    },
} | {name: {"type": ["string", "null"], "maxLength": 8192} for name in TEXTS}
Event = Annotated[
    dict[Annotated[str, Meta(min_length=1, max_length=256)], Value],
    Meta(
        min_length=2,
        max_length=256,
        extra_json_schema={
            "required": ["timestamp", "type"],
            "properties": _KNOWN,
        },
        description="A flat object: timestamp (ISO 8601 with a zone, or microseconds "
        "since 1970), type, the canonical fields, and properties by name.",
        examples=[
            {
                "event_id": "e1",
                "anonymous_id": "v1",
                "timestamp": "2026-01-15T10:00:00Z",
                "type": "page_view",
                "url": "https://shop.example/a",
            }
        ],
    ),
]
MOST_EVENTS, MOST_SUBJECTS, MOST_EXPLAINED = 10_000, 10_000, 64
Events = Annotated[list[Event], Meta(max_length=MOST_EVENTS)]


class PredictionRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Either a subject, whose events the store holds, or the events themselves."""

    subject: Subject | None = None
    events: Events | None = None
    instant: Moment | None = None
    explain: Annotated[int, Meta(ge=0, le=MOST_EXPLAINED)] = 0


class BatchRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Subjects whose events the store holds."""

    subjects: Annotated[list[Subject], Meta(max_length=MOST_SUBJECTS)]


class EventsRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Events to be kept."""

    events: Events


class EventsAnswer(Struct, frozen=True):
    """What became of posted events; those that were there already are repeated."""

    new: int
    repeated: int
    left_out: dict[str, int] = {}


class VisitorAnswer(Struct, frozen=True):
    """A token that proves an anonymous id until a second since 1970."""

    anonymous_id: str
    token: str
    expires: int


class Forgotten(Struct, frozen=True):
    """How many events of a subject were removed."""

    events: int


class BatchAnswer(Struct, frozen=True):
    """A prediction for each subject, in their order."""

    predictions: list[Answer]


class ServedAnswer(Struct, frozen=True):
    """What is served of an application: times are ISO 8601."""

    application: str
    question: str
    version: str
    kind: str
    classes: list[str]
    subject: str
    created_at: str | None
    fingerprint: str


class ApplicationsAnswer(Struct, frozen=True):
    """All applications that have a live version."""

    applications: list[ServedAnswer]


class DeploymentAnswer(Struct, frozen=True):
    """One entry of the log of deployments."""

    number: int
    action: str
    version: str
    live: str | None
    previous: str | None
    who: str
    when: str
    why: str


class ApplicationAnswer(Struct, frozen=True):
    """The versions of an application; problem says why the live one is not served."""

    served: ServedAnswer
    live: str | None
    problem: str | None
    versions: list[str]
    deployments: list[DeploymentAnswer]


class Health(Struct, frozen=True):
    """The process runs."""

    version: str


class Readiness(Struct, frozen=True, omit_defaults=True):
    """Whether predictions are answered; versions by application."""

    ready: bool
    applications: dict[str, str]
    store: str = "ok"
    log: str = "ok"
    problems: dict[str, str] = {}


class Problem(Struct, frozen=True):
    """What went wrong: a word for programs and a sentence for people."""

    code: str
    message: str


class ErrorAnswer(Struct, frozen=True):
    """The body of every answer that is not 2xx."""

    error: Problem


T = TypeVar("T")
_UNKNOWN = re.compile(r"unknown field `(.*)`")
encode = msgspec.json.Encoder().encode


def decoded(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """What a body says.

    Raises:
        Refused: 400 where it is not JSON, 422 where it is not of the wanted form.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        hint = _nearest(decoder, str(error))
        raise invalid(f"{error}.{hint} See /docs.") from error
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Refused(
            400,
            "malformed",
            f"Expected a body of JSON in UTF-8. Received: {str(error)[:200]}.",
            "malformed",
        ) from error
    except RecursionError as error:
        raise invalid("Expected a flat body. Received: deep nesting.") from error


def invalid(message: str) -> Refused:
    """A body that is JSON, but does not say what is needed."""
    return Refused(422, "invalid", message[:1000], "invalid")


def _nearest(decoder: msgspec.json.Decoder[T], message: str) -> str:
    """The known key that an unknown one may have been meant for."""
    unknown = _UNKNOWN.search(message)
    fields = getattr(decoder.type, "__struct_fields__", ())
    if not unknown or not fields:
        return ""
    near = difflib.get_close_matches(unknown[1], fields, 1, 0.5)
    if near:
        return f" Did you mean `{near[0]}`?"
    return f" Known are: {', '.join(fields)}."
