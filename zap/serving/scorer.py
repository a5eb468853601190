"""Scores from a frozen model: the one arithmetic of evaluation and of serving.

Keras gives slightly different numbers for different batch sizes; the frozen model under
LiteRT does not. So reports, verification and the server all score through this class.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zap.bundles.calibrators import Calibrator, calibrator_from_dict, plain
from zap.datasets.visits import InputSpec, Visits, take_rows
from zap.encoding.padding import pad_instances, pad_rows
from zap.errors import BundleError, MissingExtraError
from zap.serving.stderr import silent_stderr

if TYPE_CHECKING:
    from zap.bundles.bundle import Bundle

INPUTS = ("indices", "values", "length", "metadata_indices", "metadata_values")
_BATCH = 256


class Scorer:
    """Logits of instances, and the calibrated predictions that they stand for.

    May be used from several threads: each has its own interpreters.

    Args:
        model: a LiteRT flatbuffer, as ``zap.training.freeze`` makes it.
        spec: the shape of its inputs.
        calibrator: what turns logits into predictions; None leaves them as they are.
        encoder_fingerprint: of the encoder whose indices the model knows; None checks
            nothing.

    Raises:
        BundleError: the model is damaged or has other inputs.
        MissingExtraError: LiteRT is not installed.
    """

    def __init__(
        self,
        model: bytes,
        spec: InputSpec,
        calibrator: Calibrator | None = None,
        encoder_fingerprint: str | None = None,
    ):
        self.spec = at_least_one(spec)
        self.encoder_fingerprint = encoder_fingerprint
        self._model = model
        self._local = threading.local()
        self.outputs = int(self._interpreter(1)[0].get_output_details()[0]["shape"][-1])
        self.calibrator = calibrator or plain(self.outputs)
        _check_outputs(self.outputs, self.calibrator)

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> Scorer:
        """The scorer of a bundle: its model, calibration and encoder.

        Raises:
            BundleError: a part is missing or does not fit.
        """
        inputs: Any = bundle.info.get("inputs")
        try:
            spec = InputSpec(**inputs)
        except TypeError as error:
            raise BundleError(
                f"Expected the shape of the model's inputs in {bundle.path}/"
                f"bundle.json. Received: inputs={inputs!r}. Train the model again."
            ) from error
        return cls(
            bundle.read("model.tflite"),
            spec,
            calibrator_from_dict(bundle.json("calibrator.json")),
            bundle.info.get("encoder_fingerprint"),
        )

    def check_encoder(self, fingerprint: str) -> None:
        """Refuses examples that another encoder made.

        Raises:
            BundleError: the fingerprint is not that of the model's encoder.
        """
        if self.encoder_fingerprint not in (None, fingerprint):
            raise BundleError(
                "The bundle was made for another encoder than these examples. "
                f"Expected: encoder={self.encoder_fingerprint}. "
                f"Received: encoder={fingerprint}. Generate the examples again with "
                "the bundle's encoder, or train a bundle on these examples."
            )

    def logits(self, visits: Visits, batch: int = _BATCH) -> NDArray[np.float32]:
        """Logits at every cutoff, in the order of the cutoffs.

        Args:
            visits: encoded examples.
            batch: instances that are scored at once; has no influence on the scores.

        Returns:
            float32, shape (cutoffs, outputs).
        """
        logits = np.zeros((visits.cutoffs, self.outputs), np.float32)
        for begin in range(0, visits.cutoffs, batch):
            rows = np.arange(begin, min(begin + batch, visits.cutoffs))
            logits[rows] = self.score(*self._inputs(visits, rows, batch))[: len(rows)]
        return logits

    def predictions(self, visits: Visits, batch: int = _BATCH) -> NDArray[np.float64]:
        """What the calibrated model says of every cutoff.

        Args:
            visits: encoded examples.
            batch: as for ``logits``.

        Returns:
            float64: probabilities of a yes, shape (cutoffs,); probabilities of the
            classes, shape (cutoffs, K); or mean amounts, shape (cutoffs,).
        """
        return self.calibrator.apply(self.logits(visits, batch))

    def probabilities(self, visits: Visits, batch: int = _BATCH) -> NDArray[np.float64]:
        """The predictions of a model whose label is a yes or no, or a class."""
        return self.predictions(visits, batch)

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
        interpreter, places, output = self._interpreter(len(length))
        inputs = (indices, values, length, metadata_indices, metadata_values)
        for place, array in zip(places, inputs, strict=True):
            interpreter.set_tensor(place, array)
        interpreter.invoke()
        logits: NDArray[np.float32] = interpreter.get_tensor(output)
        return logits

    def _inputs(self, visits: Visits, rows: NDArray[np.int64], batch: int) -> Any:
        """Padded inputs of the cutoffs at ``rows``, filled up to a whole batch.

        Filling up spares an allocation for the last batch's own size.
        """
        spec = self.spec
        size = batch if visits.cutoffs > batch else len(rows)
        filled = np.concatenate((rows, np.full(size - len(rows), rows[-1])))
        events = pad_instances(
            visits.events,
            visits.start[filled],
            visits.stop[filled],
            spec.last,
            spec.event_width,
        )
        metadata = pad_rows(take_rows(visits.metadata, filled), spec.metadata_width)
        return *events, *metadata

    def _interpreter(self, size: int) -> tuple[Any, list[int], int]:
        """This thread's interpreter for ``size`` instances and its tensors."""
        made = self._local.__dict__.setdefault("interpreters", {})
        if size not in made:
            made[size] = _allocate(self._model, self.spec, size)
        interpreter: tuple[Any, list[int], int] = made[size]
        return interpreter


def at_least_one(spec: InputSpec) -> InputSpec:
    """``spec`` with room for one entry where there is none.

    A model has no inputs of size 0: an instance without metadata has one blank entry.
    """
    return replace(
        spec,
        event_width=max(1, spec.event_width),
        metadata_width=max(1, spec.metadata_width),
    )


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


def _check_outputs(outputs: int, calibrator: Calibrator) -> None:
    if calibrator.outputs != outputs:
        raise BundleError(
            f"Expected a calibration of {outputs} outputs, which is what the model has."
            f" Received: a {type(calibrator).__name__} of {calibrator.outputs}. The "
            "bundle's parts do not belong together; train the model again."
        )


def _shapes(spec: InputSpec, size: int) -> dict[str, tuple[int, ...]]:
    events = (size, spec.last, spec.event_width)
    metadata = (size, spec.metadata_width)
    shapes = (events, events, (size,), metadata, metadata)
    return dict(zip(INPUTS, shapes, strict=True))
