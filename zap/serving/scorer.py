"""Scores from a frozen model: the one arithmetic of evaluation and of serving.

Keras gives slightly different numbers for different batch sizes; a frozen model does
not. So reports, verification and the server all score through this class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zap.bundles.calibrators import Calibrator, calibrator_from_dict, plain
from zap.datasets.visits import InputSpec, Visits, take_rows
from zap.encoding.columns import IntArray, SparseRows
from zap.encoding.padding import pad_instances, pad_rows
from zap.errors import BundleError
from zap.serving.frozen import FrozenModel, frozen_model

if TYPE_CHECKING:
    from zap.bundles.bundle import Bundle

_BATCH = 256


class Scorer:
    """Logits of instances, and the calibrated predictions that they stand for.

    May be used from several threads.

    Args:
        model: a frozen model; or a LiteRT flatbuffer, as ``zap.training.freeze`` makes
            it.
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
        model: FrozenModel | bytes,
        spec: InputSpec,
        calibrator: Calibrator | None = None,
        encoder_fingerprint: str | None = None,
    ):
        self.model = _litert(model, spec) if isinstance(model, bytes) else model
        self.spec, self.outputs = self.model.spec, self.model.outputs
        self.encoder_fingerprint = encoder_fingerprint
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
            frozen_model(bundle, spec),
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
        return self.logits_of(
            visits.events, visits.start, visits.stop, visits.metadata, batch
        )

    def logits_of(
        self,
        events: SparseRows,
        start: IntArray,
        stop: IntArray,
        metadata: SparseRows,
        batch: int = _BATCH,
    ) -> NDArray[np.float32]:
        """Logits of instances that share the rows of their events.

        Args:
            events: a sparse row for each event.
            start: int64, shape (n,): first row of each instance.
            stop: int64, shape (n,): one past the last row of each.
            metadata: a sparse row for each instance.
            batch: instances that are scored at once; has no influence on the scores.

        Returns:
            float32, shape (n, outputs).
        """
        size = len(start)
        logits = np.zeros((size, self.outputs), np.float32)
        # A batch costs what its longest sequence does, so like lengths go together.
        order = np.argsort(stop - start, kind="stable")
        for begin in range(0, size, batch):
            rows = order[begin : begin + batch]
            # Filling up spares an allocation for the last batch's own size.
            whole = batch if size > batch else len(rows)
            filled = np.concatenate((rows, np.full(whole - len(rows), rows[-1])))
            inputs = self._inputs(
                events, start[filled], stop[filled], take_rows(metadata, filled)
            )
            logits[rows] = self.score(*inputs)[: len(rows)]
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

    def score(self, *inputs: NDArray[Any]) -> NDArray[np.float32]:
        """Logits of padded instances; arguments as for ``FrozenModel.score``."""
        return self.model.score(*inputs)

    def _inputs(
        self, events: SparseRows, start: IntArray, stop: IntArray, metadata: SparseRows
    ) -> Any:
        """Padded inputs of some instances."""
        spec = self.spec
        padded = pad_instances(events, start, stop, spec.last, spec.event_width)
        return *padded, *pad_rows(metadata, spec.metadata_width)


def _litert(content: bytes, spec: InputSpec) -> FrozenModel:
    from zap.serving.litert import LiteRtModel

    return LiteRtModel(content, spec)


def _check_outputs(outputs: int, calibrator: Calibrator) -> None:
    if calibrator.outputs != outputs:
        raise BundleError(
            f"Expected a calibration of {outputs} outputs, which is what the model has."
            f" Received: a {type(calibrator).__name__} of {calibrator.outputs}. The "
            "bundle's parts do not belong together; train the model again."
        )
