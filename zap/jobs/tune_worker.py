"""A process of a search that trains what it is told to, and says how it goes.

It reads one JSON object a line from stdin and writes one a line to what was stdout when
it began; all else that anything prints goes to stderr. It never opens the search's
file, so it may die at any time. It ends when nobody talks to it any more.

    in   {"trial": 3, "config": {...}, "losses": "FILE.npz"}
    out  {"epoch": 1, "loss": 0.52}       after each epoch; then
    in   {"go": true}                     or false, which gives the trial up
    out  {"loss": 0.51}, {"given_up": 12} or {"failed": "why"}
"""

from __future__ import annotations

import io
import json
import math
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from zap.bundles.folders import replace_file
from zap.bundles.kinds import SEQUENCE_KINDS
from zap.bundles.target import BINARY
from zap.datasets.store import Dataset
from zap.datasets.visits import Visits
from zap.errors import DatasetError, ZapError
from zap.training.calibration import halves
from zap.training.checks import check_examples
from zap.training.config import ModelConfig
from zap.training.objective import calibrated, row_losses
from zap.training.targets import target_of


class GivenUp(Exception):
    """The search has no more use for this trial."""


class Diverged(Exception):
    """The loss is no number any more."""


class Channel:
    """Lines of JSON to and from the process that leads the search."""

    def __init__(self, incoming: IO[str], outgoing: IO[str]):
        self._in, self._out = incoming, outgoing

    def say(self, **message: Any) -> None:
        """Write a line."""
        self._out.write(f"{json.dumps(message)}\n")
        self._out.flush()

    def hear(self) -> dict[str, Any]:
        """Read a line.

        Raises:
            EOFError: nobody is there.
        """
        line = self._in.readline()
        if not line:
            raise EOFError
        message: dict[str, Any] = json.loads(line)
        return message

    def orders(self) -> Iterator[dict[str, Any]]:
        """Lines until nobody is there."""
        while True:
            try:
                yield self.hear()
            except EOFError:
                return


def searched(dataset: Dataset) -> tuple[Visits, Visits]:
    """What a search may see: the training split and the stopping half of validation.

    Raises:
        DatasetError: a split has no examples.
        TrainingError: there are fewer than two validation subjects.
    """
    return dataset.read("train"), stopping_half(dataset)


def stopping_half(dataset: Dataset) -> Visits:
    """The half of the validation subjects that early stopping sees."""
    return halves(dataset.read("validation"))[0]


class Trainer:
    """Trains on what a search may see.

    Args:
        dataset: the examples.

    Raises:
        ZapError: as for ``searched``; or no model can be trained on these examples.
    """

    def __init__(self, dataset: Dataset):
        import zap.training.backend  # noqa: F401  (refuses here what it would later)

        self._spec = dataset.spec
        self._train, self._stopping = searched(dataset)
        label = dataset.manifest["label"]
        self._target = target_of(label, self._train, self._stopping)
        check_examples(self._train, self._stopping, self._target)

    def tried(self, config: ModelConfig, channel: Channel, losses: Path) -> float:
        """The loss of the settings; that of each row is written to ``losses``.

        Raises:
            GivenUp, Diverged: training ended early.
        """
        from zap.serving.scorer import Scorer
        from zap.training.fit import fit
        from zap.training.history import Epoch

        def told(epoch: Epoch) -> None:
            loss = epoch.unweighted_loss
            if loss is None or not math.isfinite(loss):
                raise Diverged(f"the loss was {loss} after epoch {epoch.epoch}")
            channel.say(epoch=epoch.epoch, loss=loss)
            if not channel.hear()["go"]:
                raise GivenUp(epoch.epoch)

        if config.kind in SEQUENCE_KINDS:
            from zap.training.backend import keras

            keras.backend.clear_session()  # else each trial's graph would stay
        target, stopping = self._target, self._stopping
        fitted = fit(
            self._train, stopping, self._spec, config, target=target, progress=told
        )
        logits = Scorer(fitted.model, self._spec).logits(stopping)
        p = calibrated(target, logits, stopping.label, stopping.weight)
        each = row_losses(target, stopping.label, p)
        more = {"p": p} if target.kind == BINARY else {}
        write_losses(losses, losses=each, **more)
        return float(np.average(each, weights=stopping.weight))

    def obey(self, order: dict[str, Any], channel: Channel) -> None:
        """Try what an order says, and say what came of it."""
        try:
            config = ModelConfig.from_dict(order["config"])
            loss = self.tried(config, channel, Path(order["losses"]))
        except GivenUp as gone:
            channel.say(given_up=gone.args[0])
        except Diverged as problem:
            channel.say(failed=str(problem))
        except (EOFError, BrokenPipeError):
            raise
        except Exception as problem:  # a trial's settings may break anything
            channel.say(failed=f"{type(problem).__name__}: {problem}")
        else:
            channel.say(loss=loss)


def write_losses(path: Path, **arrays: Any) -> None:
    """Write arrays as a file, or in its place, in one step.

    Raises:
        OSError: the disk refuses.
    """
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **arrays)
    replace_file(path, content.getvalue())


def main(dataset: str) -> None:
    """Serve until nobody talks to this process any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the leader's to handle
    channel = Channel(sys.stdin, os.fdopen(os.dup(1), "w"))
    os.dup2(2, 1)
    try:
        try:
            trainer = Trainer(Dataset.open(dataset))
        except ZapError as problem:
            channel.say(refused=str(problem), dataset=isinstance(problem, DatasetError))
            return
        channel.say(ready=True)
        for order in channel.orders():
            trainer.obey(order, channel)
    except (EOFError, BrokenPipeError):
        os._exit(1)  # nothing is left to flush to


if __name__ == "__main__":
    main(sys.argv[1])
