"""The settings of a model and of its training, with defaults that are meant to stay.

The defaults were chosen on three kinds of data (many page views a visit, a few
purchases a customer, monthly snapshots of few customers) and used unchanged on all;
so a user's first model needs no tuning. Every setting enters the bundle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from zap.errors import TrainingError


@dataclass(frozen=True)
class ModelConfig:
    """What a model is made of and how it is trained.

    Attributes:
        embedding: length of an event's vector after the first layer.
        units: length of the recurrent state.
        metadata_units: length of the metadata's vector after its first layer.
        merged_units: length of the layer that merges both.
        dropout: share of each layer's output that is left out while training.
        l2: weight of the squared kernels beside the summed cross-entropy of all
            examples, so that it counts for less the more examples there are. It is
            what keeps models of few thousand examples from learning them by heart.
        learning_rate: of Adam, at the first step; it falls to a hundredth along a
            half cosine.
        batch: most windows of visits in one step; fewer where an epoch would have
            under 32 steps.
        epochs: most passes over the examples.
        patience: epochs without a lower validation loss after which training stops.
        average: decay, a step, of the running average of the weights; the averaged
            weights are validated and kept. 0 averages nothing.
        positive_weight: weight of a positive in the cross-entropy (paper, section 3).
        seed: of the first weights, the order of examples and dropout.
    """

    embedding: int = 32
    units: int = 48
    metadata_units: int = 32
    merged_units: int = 64
    dropout: float = 0.1
    l2: float = 10.0
    learning_rate: float = 3e-3
    batch: int = 128
    epochs: int = 24
    patience: int = 12
    average: float = 0.997
    positive_weight: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            self._check_type(field.name)
        sizes = ("embedding", "units", "metadata_units", "merged_units")
        for name in (*sizes, "batch", "epochs", "patience"):
            self._check(name, getattr(self, name) >= 1, "at least 1")
        for name in ("learning_rate", "positive_weight"):
            self._check(name, 0 < getattr(self, name) < 1e6, "above 0")
        for name in ("dropout", "average"):
            self._check(name, 0 <= getattr(self, name) < 1, "in [0, 1)")
        self._check("l2", 0 <= self.l2 < 1e6, "at least 0")
        self._check("seed", 0 <= self.seed < 2**31, "in [0, 2**31)")

    def to_dict(self) -> dict[str, Any]:
        """The settings as a JSON object."""
        return asdict(self)

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> ModelConfig:
        """The settings of a JSON object; what it leaves out has its default.

        Raises:
            TrainingError: a setting is unknown or has an unusable value.
        """
        known = [field.name for field in fields(cls)]
        for name in settings:
            if name not in known:
                raise TrainingError(
                    f"Expected a setting of the model. Received: {name}="
                    f"{settings[name]!r}. The settings are: {', '.join(known)}."
                )
        return cls(**settings)

    def _check_type(self, name: str) -> None:
        whole = isinstance(type(self).__dataclass_fields__[name].default, int)
        value = getattr(self, name)
        wanted = int if whole else (int, float)
        fits = isinstance(value, wanted) and not isinstance(value, bool)
        self._check(name, fits, "a whole number" if whole else "a number")

    def _check(self, name: str, holds: bool, wanted: str) -> None:
        if not holds:
            raise TrainingError(
                f"Expected {name} to be {wanted}. "
                f"Received: {name}={getattr(self, name)!r}. Change this setting."
            )
