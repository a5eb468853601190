"""What a training tells of itself, epoch by epoch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Epoch:
    """What one epoch brought; also what a progress callback receives.

    Attributes:
        epoch: 1 for the first.
        epochs: most epochs that there will be.
        loss: mean training loss (``zap.training.losses``), with dropout.
        validation_loss: mean loss of the averaged weights.
        best: whether the validation loss is the lowest so far.
        unweighted_loss: the validation loss as if ``positive_weight`` were 1, of the
            same model with that weight taken out of its odds; so it compares between
            settings with different weights.
    """

    epoch: int
    epochs: int
    loss: float
    validation_loss: float
    best: bool
    unweighted_loss: float | None = None  # in a state that knew no such number
