"""The readers by kind, and what they have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from zap.bundles.kinds import CNN, GRU, TRANSFORMER
from zap.training.config import ModelConfig
from zap.training.models.cnn import EventConvolutions
from zap.training.models.gru import EventRecurrence
from zap.training.models.padded import Padded
from zap.training.models.transformer import EventAttention


class Reader(Protocol):
    """A Keras layer that makes states of event vectors.

    Attributes:
        name: of the layer; also the model's attribute that holds it, and so the name
            of its weights in a Keras file.
        units: length of a state.
    """

    name: str
    units: int

    @property
    def kernels(self) -> list[Any]:
        """The weights that L2 regularises: all that multiply an input."""

    def build(self, *shapes: Any) -> None:
        """Makes the weights, which depend on the seed alone."""

    def __call__(self, events: Any) -> Any:
        """The states after 0, 1, ... events.

        Args:
            events: float32, shape (rows, steps, inputs).

        Returns:
            float32, shape (rows, steps + 1, units); the first state is 0.
        """

    def frozen(self, events: Padded) -> tuple[Any, Any]:
        """What is carried along the events, in operations that LiteRT knows.

        Blank events leave it bit-equal, and no operation mixes rows.

        Args:
            events: of some rows.

        Returns:
            float32, shape (rows, units): the state after each row's last event; and
            float32, shape (rows, inputs): the sum of its events' vectors.
        """


def _gru(config: ModelConfig, last: int, seed: int) -> Reader:
    return EventRecurrence(config.embedding, config.units, seed, name="recurrence")


def _cnn(config: ModelConfig, last: int, seed: int) -> Reader:
    return EventConvolutions(
        *(config.embedding, config.units, config.layers, config.kernel, seed),
        name="convolutions",
    )


def _transformer(config: ModelConfig, last: int, seed: int) -> Reader:
    return EventAttention(
        *(config.embedding, config.units, config.layers, config.heads, last, seed),
        name="attention",
    )


_READERS: Mapping[str, Callable[[ModelConfig, int, int], Reader]] = {
    GRU: _gru,
    CNN: _cnn,
    TRANSFORMER: _transformer,
}


def reader_of(config: ModelConfig, last: int, seed: int) -> Reader:
    """The reader of a kind of model, without weights yet.

    Args:
        config: the settings; a kind that reads events.
        last: most events of a row.
        seed: of the first weights.
    """
    return _READERS[config.kind](config, last, seed)
