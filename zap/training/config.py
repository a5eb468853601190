"""The settings of a model and of its training, with defaults that are meant to stay.

The defaults were chosen on three kinds of data (many page views a visit, a few
purchases a customer, monthly snapshots of few customers) and used unchanged on all;
so a user's first model needs no tuning. Every setting enters the bundle. Each kind of
model has its own settings; those of another kind are refused, not passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from zap.bundles.kinds import CNN, GRU, MODEL_KINDS, TRANSFORMER, TREES
from zap.errors import TrainingError

MOST_LEAVES = 64
_MOST_UNITS = 16_384  # the layers of a larger model would not fit into any memory
_MOST_COUNT = 2**31  # what the libraries count with

_ALL = ("kind", "epochs", "patience", "positive_weight", "seed")
_SEQUENCE = (
    *("embedding", "units", "metadata_units", "merged_units", "dropout", "l2"),
    *("learning_rate", "batch", "average"),
)
_OWN: Mapping[str, tuple[str, ...]] = {
    GRU: _SEQUENCE,
    CNN: (*_SEQUENCE, "layers", "kernel"),
    TRANSFORMER: (*_SEQUENCE, "layers", "heads"),
    TREES: ("leaves", "leaf_rows", "leaf_l2", "shrinkage", "columns"),
}


@dataclass(frozen=True)
class ModelConfig:
    """What a model is made of and how it is trained.

    Attributes:
        kind: "gru", a recurrence; "cnn", causal convolutions; "transformer", causal
            attention; "trees", gradient boosting on the metadata vector alone.
        embedding: length of an event's vector after the first layer.
        units: length of the state that the events leave.
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
        epochs: most passes over the examples; of trees, most times 20 trees.
        patience: epochs without a lower validation loss after which training stops.
        average: decay, a step, of the running average of the weights; the averaged
            weights are validated and kept. 0 averages nothing.
        positive_weight: weight of a positive in the cross-entropy (paper, section 3).
        seed: of the first weights, the order of examples and dropout; of trees, of the
            columns that a split may choose from.
        layers: of convolutions or of attention.
        kernel: events that a convolution looks at; those of the next layer lie
            ``kernel`` times as far apart, so that the last layer sees kernel**layers.
        heads: of attention.
        leaves: most leaves of a tree.
        leaf_rows: fewest examples in a leaf.
        leaf_l2: weight of the squared leaf values.
        shrinkage: what a tree's leaf values are multiplied with.
        columns: share of the columns, drawn anew, that a split may choose from.
    """

    kind: str = GRU
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
    layers: int = 2
    kernel: int = 6
    heads: int = 4
    leaves: int = 15
    leaf_rows: int = 40
    leaf_l2: float = 10.0
    shrinkage: float = 0.05
    columns: float = 0.3

    def __post_init__(self) -> None:
        self._check("kind", self.kind in MODEL_KINDS, f"one of {_listed(MODEL_KINDS)}")
        for field in fields(self)[1:]:
            self._check_type(field.name)
            if getattr(self, field.name) != field.default:
                _check_own(self.kind, field.name, getattr(self, field.name))
        sizes = ("embedding", "units", "metadata_units", "merged_units")
        counts = ("batch", "epochs", "patience", "layers", "kernel", "heads")
        for name in sizes:
            fits = 1 <= getattr(self, name) <= _MOST_UNITS
            self._check(name, fits, f"at least 1, at most {_MOST_UNITS}")
        for name in (*counts, "leaf_rows"):
            fits = 1 <= getattr(self, name) < _MOST_COUNT
            self._check(name, fits, "at least 1, and below 2**31")
        for name in ("learning_rate", "positive_weight"):
            self._check(name, 0 < getattr(self, name) < 1e6, "above 0")
        for name in ("dropout", "average"):
            self._check(name, 0 <= getattr(self, name) < 1, "in [0, 1)")
        for name in ("l2", "leaf_l2"):
            self._check(name, 0 <= getattr(self, name) < 1e6, "at least 0")
        for name in ("shrinkage", "columns"):
            self._check(name, 0 < getattr(self, name) <= 1, "above 0, at most 1")
        fits = 2 <= self.leaves <= MOST_LEAVES
        self._check("leaves", fits, f"from 2 to {MOST_LEAVES}")
        self._check("seed", 0 <= self.seed < 2**31, "in [0, 2**31)")

    def to_dict(self) -> dict[str, Any]:
        """The settings of the kind as a JSON object."""
        own = settings_of(self.kind)
        return {name: value for name, value in asdict(self).items() if name in own}

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> ModelConfig:
        """The settings of a JSON object; what it leaves out has its default.

        Raises:
            TrainingError: a setting is unknown, of another kind of model, or has an
                unusable value.
        """
        known = [field.name for field in fields(cls)]
        for name in settings:
            if name not in known:
                raise TrainingError(
                    f"Expected a setting of the model. Received: {name}="
                    f"{settings[name]!r}. The settings are: {', '.join(known)}."
                )
        made = cls(**settings)
        for name, value in settings.items():
            _check_own(made.kind, name, value)
        return made

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


def settings_of(kind: str) -> tuple[str, ...]:
    """The names of the settings that a kind of model has."""
    return (*_ALL, *_OWN[kind])


def kinds_with(name: str) -> tuple[str, ...]:
    """The kinds of models that have a setting."""
    return tuple(kind for kind in MODEL_KINDS if name in settings_of(kind))


def _check_own(kind: str, name: str, value: Any) -> None:
    if name not in settings_of(kind):
        raise TrainingError(
            f"Expected a setting of the kind {kind!r}: {_listed(settings_of(kind))}. "
            f"Received: {name}={value!r}, which is of {_listed(kinds_with(name))}. "
            "Leave it out, or choose that kind."
        )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
