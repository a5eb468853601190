"""The frozen model: what turns padded instances into logits, without its trainer.

Whatever kind it is of, its score of an instance is the same whatever else is in the
batch, and however far the instance is padded.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from zap.bundles.kinds import MODEL_KINDS, TREES, kind_of
from zap.datasets.visits import InputSpec
from zap.errors import BundleError

if TYPE_CHECKING:
    from zap.bundles.bundle import Bundle

INPUTS = ("indices", "values", "length", "metadata_indices", "metadata_values")
LITERT_FILE = "model.tflite"
TREES_FILE = "model.trees.npz"


class FrozenModel(Protocol):
    """Logits of padded instances. May be used from several threads.

    Attributes:
        spec: the shape of its inputs, none of size 0.
        outputs: how many logits an instance has.
        reads_events: whether its scores depend on the sequence of events.
    """

    spec: InputSpec
    outputs: int
    reads_events: bool

    def score(
        self,
        indices: NDArray[np.int32],
        values: NDArray[np.float32],
        length: NDArray[np.int32],
        metadata_indices: NDArray[np.int32],
        metadata_values: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Logits of padded instances.

        Args:
            indices: int32, shape (b, last, event width).
            values: float32, shape (b, last, event width).
            length: int32, shape (b,): events of each instance.
            metadata_indices: int32, shape (b, metadata width).
            metadata_values: float32, shape (b, metadata width).

        Returns:
            float32, shape (b, outputs).
        """


def frozen_model(bundle: Bundle, spec: InputSpec) -> FrozenModel:
    """The frozen model of a bundle, by the kind that the bundle names.

    Args:
        bundle: what holds it; one that names no kind is a GRU.
        spec: the shape of its inputs.

    Raises:
        BundleError: the kind is unknown, or the model is damaged or has other inputs.
        MissingExtraError: LiteRT is needed and not installed.
    """
    kind = kind_of(bundle.info)
    if kind not in MODEL_KINDS:
        raise BundleError(
            f"Expected a model of one of the kinds {', '.join(MODEL_KINDS)} in "
            f"{bundle.path}. Received: kind={kind!r}. Serve it with the version of zap "
            "that made it, or a newer one."
        )
    if kind == TREES:
        from zap.serving.trees import TreesModel

        return TreesModel.from_bytes(bundle.read(TREES_FILE), spec)
    from zap.serving.litert import LiteRtModel

    return LiteRtModel(bundle.read(LITERT_FILE), spec)


def at_least_one(spec: InputSpec) -> InputSpec:
    """``spec`` with room for one entry where there is none.

    A model has no inputs of size 0: an instance without metadata has one blank entry.
    """
    return replace(
        spec,
        event_width=max(1, spec.event_width),
        metadata_width=max(1, spec.metadata_width),
    )
