"""One way to train a model of any kind: examples to a frozen model and its files.

Only what a kind needs is loaded: trees are grown without TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from zap.bundles.files import Where
from zap.bundles.kinds import TREES
from zap.bundles.target import Target
from zap.datasets.visits import InputSpec, Visits
from zap.encoding.columns import Float32Array
from zap.serving.frozen import LITERT_FILE, TREES_FILE, FrozenModel
from zap.serving.litert import LiteRtModel
from zap.serving.trees import TreesModel
from zap.training.config import ModelConfig
from zap.training.devices import Device
from zap.training.history import Epoch

KERAS_FILE = "model.keras"
LIGHTGBM_FILE = "model.lightgbm.txt"


@dataclass(frozen=True)
class Fitted:
    """A trained model in its frozen form.

    Attributes:
        model: what scores.
        files: contents by name, as a bundle holds them: the frozen form, and that of
            the library which trained it.
        history: one entry an epoch.
        packages: those that have a say in the model.
        device: what it was trained on.
    """

    model: FrozenModel
    files: Mapping[str, bytes] = field(repr=False)
    history: list[Epoch]
    packages: tuple[str, ...]
    device: Device = field(default_factory=Device)


def fit(
    train: Visits,
    validation: Visits,
    spec: InputSpec,
    config: ModelConfig,
    *,
    target: Target,
    start: Sequence[Float32Array] | None = None,
    work_dir: Where | None = None,
    progress: Callable[[Epoch], None] | None = None,
) -> Fitted:
    """Trains a model of the configured kind and freezes it.

    Args:
        train: the examples to learn from.
        validation: examples of other subjects, for early stopping.
        spec: the shape of the inputs.
        config: the settings.
        target: what the labels are.
        start: weights to begin with (``zap.training.warm``); None: random ones. Trees
            are always grown anew.
        work_dir: where the state after each epoch is kept, a folder or a URL; None
            keeps none.
        progress: called after each epoch.

    Raises:
        TrainingError: no model can be trained on these examples.
        MissingExtraError: a package that the kind needs is not installed.
    """
    device = device_of(config.kind)
    if config.kind == TREES:
        return _trees(train, validation, spec, config, target, progress)
    from zap.training.freeze import freeze
    from zap.training.trainer import train as trained_on

    trained = trained_on(
        train,
        validation,
        spec,
        config,
        target=target,
        start=start,
        work_dir=work_dir,
        progress=progress,
    )
    frozen = freeze(trained)
    return Fitted(
        LiteRtModel(frozen, spec),
        {KERAS_FILE: trained.keras_bytes(), LITERT_FILE: frozen},
        trained.history,
        ("keras", "tensorflow", "ai-edge-litert"),
        device,
    )


def device_of(kind: str) -> Device:
    """What models of a kind are trained on. For sequences this loads TensorFlow.

    Raises:
        MissingExtraError: a package that the kind needs is not installed.
    """
    if kind == TREES:
        return Device()
    from zap.training.backend import DEVICE

    return DEVICE


def _trees(
    train: Visits,
    validation: Visits,
    spec: InputSpec,
    config: ModelConfig,
    target: Target,
    progress: Callable[[Epoch], None] | None,
) -> Fitted:
    from zap.training.boosting import boost

    boosted = boost(train, validation, spec, config, target, progress)
    files = {
        TREES_FILE: boosted.trees.to_bytes(),
        LIGHTGBM_FILE: boosted.text.encode(),
    }
    model = TreesModel(boosted.trees, spec)
    return Fitted(model, files, boosted.history, ("lightgbm", "numpy"))
