"""One prediction, from what was asked to what is told and what the log keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from zap.bundles.target import AMOUNT
from zap.encoding.encoder import EncodedInstance
from zap.errors import ServingError
from zap.serving.answers import Answer, Reason
from zap.serving.log import Logged, event_hashes
from zap.serving.log.entry import Source
from zap.serving.predictor import Prediction
from zap.serving.served import Served

Event = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """One prediction to be made.

    Attributes:
        events: the past in total order.
        ids: their event ids.
        instant_us: when it is made; None where there is no event of the sequence.
        now_us: the clock, which counts where there is no event.
        named: whose it is, as the log may know it; None where nobody may or said.
        prediction: its id.
    """

    events: Sequence[Event]
    ids: Sequence[str]
    instant_us: int | None
    now_us: int
    named: str | None
    prediction: str

    @property
    def moment_us(self) -> int:
        """When it is made, by the clock where nothing else says so."""
        return self.now_us if self.instant_us is None else self.instant_us


def answer_of(
    served: Served, asked: Asked, prediction: Prediction, why: list[Reason] | None
) -> Answer:
    """What is told of a prediction.

    Args:
        served: whose model made it.
        asked: what was asked.
        prediction: what the model says.
        why: the events that moved it, if that was asked.
    """
    value = prediction.value
    probability = amount = probabilities = segment = None
    if isinstance(value, tuple):
        probabilities = dict(zip(served.classes, value, strict=True))
    else:
        segment = served.segments.of(value) if served.segments else None
        if served.kind == AMOUNT:
            amount = value
        else:
            probability = value
    return Answer(
        prediction_id=asked.prediction,
        application=served.application,
        version=served.version,
        probability=probability,
        probabilities=probabilities,
        amount=amount,
        segment=segment,
        events=prediction.events,
        instant_us=asked.moment_us,
        reasons=why,
    )


def entry_of(
    served: Served,
    asked: Asked,
    encoded: EncodedInstance,
    answer: Answer,
    source: Source,
    time_us: int,
) -> Logged:
    """What the log keeps of a prediction.

    Args:
        served: whose model made it.
        asked: what was asked.
        encoded: what the model saw.
        answer: what is told.
        source: where the events came from.
        time_us: when it is told.
    """
    score = answer.score
    return Logged(
        id=answer.prediction_id,
        time=time_us,
        instant=asked.instant_us,
        application=served.application,
        version=served.version,
        fingerprint=served.predictor.encoder.fingerprint,
        subject=asked.named,
        events=answer.events,
        ids=event_hashes(asked.ids),
        encoded=encoded.digest,
        score=tuple(score) if isinstance(score, list) else score,
        source=source,
    )


def subject_of(served: Served, past: Sequence[Event]) -> str | None:
    """Whose events these are, if all of them say so.

    Raises:
        ServingError: they are of several subjects, whose score would be nobody's.
    """
    said = [event[served.subject] for event in past if served.subject in event]
    named = {*map(str, said)}
    if len(named) > 1:
        raise ServingError(
            "Expected events of one subject. Received: events of "
            f"{len(named)} by {served.subject}. Ask for each on its own."
        )
    return named.pop() if named and len(said) == len(past) else None
