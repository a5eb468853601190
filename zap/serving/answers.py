"""What a server says of a subject.

The same records are returned by `zap.serving.service.Service` and written as JSON by
the HTTP API, whose OpenAPI document is made of them: nothing is told twice. Fields that
do not apply are None here and absent from JSON. Add fields, never rename them.
"""

from __future__ import annotations

import msgspec


class Reason(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A past event that moved the score.

    Attributes:
        place: 1 is the last event that was used, 2 the one before it, and so on.
        type: of the event.
        timestamp: of the event, in microseconds since 1970.
        change: the score as it is, minus the score without the event. Of several
            classes: of the one whose probability moves most.
        name: which class that is; None where there are none.
    """

    place: int
    type: str
    timestamp: int
    change: float
    name: str | None = None


class Answer(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A prediction.

    Attributes:
        prediction_id: names it in the prediction log.
        application: which question was asked.
        version: of the model that answered.
        probability: that the answer is yes; None for other kinds of questions.
        probabilities: of each class by name; None for other kinds.
        amount: the mean amount; None for other kinds.
        segment: which fifth of all this is, from "very high" to "very low"; None where
            the bundle tells no bounds.
        events: how many past events the model saw as a sequence.
        instant_us: the moment for which it was made, in microseconds since 1970.
        reasons: past events that moved the score, the strongest first; None if they
            were not asked for.
    """

    prediction_id: str
    application: str
    version: str
    probability: float | None = None
    probabilities: dict[str, float] | None = None
    amount: float | None = None
    segment: str | None = None
    events: int
    instant_us: int
    reasons: list[Reason] | None = None

    @property
    def score(self) -> float | list[float]:
        """The number or numbers that the prediction log holds."""
        if self.probability is not None:
            return self.probability
        if self.amount is not None:
            return self.amount
        assert self.probabilities is not None
        return list(self.probabilities.values())
