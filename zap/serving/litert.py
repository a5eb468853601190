"""Sequence models in their frozen form: LiteRT flatbuffers, an interpreter a thread."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zap.datasets.visits import InputSpec
from zap.errors import BundleError, MissingExtraError
from zap.serving.frozen import INPUTS, at_least_one
from zap.serving.stderr import silent_stderr


class LiteRtModel:
    """A LiteRT model. May be used from several threads: each has its own interpreters.

    Args:
        content: a flatbuffer, as ``zap.training.freeze`` makes it.
        spec: the shape of its inputs.

    Raises:
        BundleError: the model is damaged or has other inputs.
        MissingExtraError: LiteRT is not installed.
    """

    reads_events = True

    def __init__(self, content: bytes, spec: InputSpec):
        self.spec = at_least_one(spec)
        self._content = content
        self._local = threading.local()
        self.outputs = int(self._interpreter(1)[0].get_output_details()[0]["shape"][-1])

    def score(
        self,
        indices: NDArray[np.int32],
        values: NDArray[np.float32],
        length: NDArray[np.int32],
        metadata_indices: NDArray[np.int32],
        metadata_values: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Logits of padded instances; see ``FrozenModel.score``."""
        interpreter, places, output = self._interpreter(len(length))
        inputs = (indices, values, length, metadata_indices, metadata_values)
        for place, array in zip(places, inputs, strict=True):
            interpreter.set_tensor(place, array)
        interpreter.invoke()
        logits: NDArray[np.float32] = interpreter.get_tensor(output)
        return logits

    def _interpreter(self, size: int) -> tuple[Any, list[int], int]:
        """This thread's interpreter for ``size`` instances and its tensors."""
        made = self._local.__dict__.setdefault("interpreters", {})
        if size not in made:
            made[size] = _allocate(self._content, self.spec, size)
        interpreter: tuple[Any, list[int], int] = made[size]
        return interpreter


def _allocate(model: bytes, spec: InputSpec, size: int) -> tuple[Any, list[int], int]:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise MissingExtraError("ai-edge-litert", "serve") from error
    try:
        interpreter = Interpreter(model_content=model, num_threads=1)
    except ValueError as error:
        raise BundleError(
            f"Expected a LiteRT model. Received: {len(model)} bytes that are none. "
            "Take the bundle from its source again, or train the model again."
        ) from error
    details = {
        d["name"].removeprefix("serving_default_").split(":")[0]: d
        for d in interpreter.get_input_details()
    }
    shapes = _shapes(spec, size)
    found = {
        name: tuple(d["shape_signature"].tolist()[1:]) for name, d in details.items()
    }
    wanted = {name: shape[1:] for name, shape in shapes.items()}
    if found != wanted:
        raise BundleError(
            f"Expected a model with the inputs {wanted}. Received: inputs={found}. "
            "The bundle's parts do not belong together; train the model again."
        )
    places = [int(details[name]["index"]) for name in INPUTS]
    for place, name in zip(places, INPUTS, strict=True):
        interpreter.resize_tensor_input(place, shapes[name])
    with silent_stderr():
        interpreter.allocate_tensors()
    return interpreter, places, int(interpreter.get_output_details()[0]["index"])


def _shapes(spec: InputSpec, size: int) -> dict[str, tuple[int, ...]]:
    events = (size, spec.last, spec.event_width)
    metadata = (size, spec.metadata_width)
    shapes = (events, events, (size,), metadata, metadata)
    return dict(zip(INPUTS, shapes, strict=True))
