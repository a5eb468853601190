"""Predictions from events: the whole path of serving, in one object.

Events -> instance -> encoder -> frozen model -> calibration, without TensorFlow and
without Beam. Verification, the API and a server of one's own all call this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from zap.bundles.bundle import Bundle
from zap.encoding.day_buckets import DayBuckets
from zap.encoding.encoder import EncodedInstance, Encoder
from zap.encoding.padding import pad_instance, pad_row
from zap.serving.scorer import Scorer

Event = Mapping[str, Any]


@dataclass(frozen=True)
class Prediction:
    """What a model says of one instance.

    Attributes:
        value: the probability of a yes, or a mean amount; of classes, a probability
            each.
        logits: the outputs of the frozen model before calibration.
        events: how many events the sequence held.
    """

    value: float | tuple[float, ...]
    logits: tuple[float, ...]
    events: int


class Predictor:
    """Predicts from events. May be used from several threads.

    Args:
        encoder: the bundle's encoder.
        scorer: its frozen model with its calibration.

    Example:
        Three lines in a server::

            predictor = Predictor.load("models/shop/versions/0f3a52c61b9d8e74")
            events = [{"timestamp": 1768471200000000, "type": "page_view", "page": "a"}]
            predictor.predict(events).value
    """

    def __init__(self, encoder: Encoder, scorer: Scorer):
        scorer.check_encoder(encoder.fingerprint)
        self.encoder = encoder
        self.scorer = scorer

    @classmethod
    def load(cls, path: str | Path) -> Predictor:
        """The predictor of a bundle's directory, every file of which is verified.

        Raises:
            BundleError: there is no bundle, or it is damaged.
        """
        return cls.from_bundle(Bundle.load(path))

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> Predictor:
        """The predictor of a bundle.

        Raises:
            BundleError: a part is missing or does not fit the others.
        """
        encoder = Encoder.from_dict(bundle.json("encoder.json"))
        return cls(encoder, Scorer.from_bundle(bundle))

    def predict(
        self,
        events: Sequence[Event],
        instant: datetime | int | None = None,
        buckets: DayBuckets | None = None,
    ) -> Prediction:
        """The prediction for a subject.

        Args:
            events: its past, or what ``Instance.reads`` asks of it; see
                ``Encoder.encode_instance``.
            instant: when the prediction is made; None is the last event's time.
            buckets: the days that stand for events which are not among ``events``; see
                ``Encoder.encode_instance``.

        Raises:
            EncodingError: an event lacks its timestamp or type, or holds a value of a
                type that cannot be encoded.
        """
        return self.score(self.encoder.encode_instance(events, instant, buckets))

    def score(self, encoded: EncodedInstance) -> Prediction:
        """The prediction for an instance that is encoded already."""
        (logits,) = self.scorer.score(*self.inputs(encoded)).tolist()
        value = self.scorer.calibrator.one(logits)
        return Prediction(value, tuple(logits), len(encoded.events))

    def inputs(self, encoded: EncodedInstance) -> tuple[NDArray[Any], ...]:
        """The padded arrays of an instance, as ``FrozenModel.score`` takes them."""
        spec = self.scorer.spec
        return (
            *pad_instance(encoded.events, spec.last, spec.event_width),
            *pad_row(encoded.metadata, spec.metadata_width),
        )
