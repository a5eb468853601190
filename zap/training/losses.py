"""The loss of each kind of label, as a function of a model's outputs.

Each is a negative log likelihood, or a quasi-likelihood, whose curvature is about that
of the cross-entropy of a yes or no, so that one set of defaults (the rate of learning,
the weight of L2) serves all kinds. Amounts are heavy-tailed: their variance is many
times their mean, and the Poisson form is divided by that ratio, as quasi-likelihood
asks for (McCullagh and Nelder, Generalized Linear Models, chapter 9).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from zap.bundles.target import AMOUNT, CLASSES, LOG, Target
from zap.training.backend import tf

Loss = Callable[[Any, Any], Any]


def loss_of(target: Target, positive_weight: float = 1.0) -> Loss:
    """The loss of a kind of label.

    Args:
        target: what the outputs stand for.
        positive_weight: weight of a positive; of a yes or no alone.

    Returns:
        A function of logits, float32 (rows, outputs), and labels, (rows,), that gives
        the loss of each row, float32 (rows,).
    """
    if target.kind == CLASSES:
        return _softmax_cross_entropy
    if target.kind == AMOUNT:
        form = _poisson if target.link == LOG else _squared
        return lambda logits, label: form(target, logits[:, 0], label)
    return lambda logits, label: _cross_entropy(positive_weight, logits, label)


def unweighted_loss_of(target: Target, positive_weight: float = 1.0) -> Loss:
    """The loss without the weight, of a model that was trained with it.

    Positives that count w times make the odds w times as high; that factor is taken out
    of the model before it is asked. Losses of models with different weights compare.

    Args:
        target: what the outputs stand for.
        positive_weight: what the model was trained with; of a yes or no alone.

    Returns:
        As ``loss_of``; the same function where the weight is 1.
    """
    loss = loss_of(target)
    if positive_weight == 1:
        return loss
    surplus = tf.constant([0.0, math.log(positive_weight)])
    return lambda logits, label: loss(logits - surplus, label)


def _cross_entropy(positive_weight: float, logits: Any, label: Any) -> Any:
    """-(w y log p + (1 - y) log(1 - p)) (paper, section 3)."""
    label = tf.cast(label, tf.float32)
    margin = logits[:, 1] - logits[:, 0]
    return positive_weight * label * tf.nn.softplus(-margin) + (
        1 - label
    ) * tf.nn.softplus(margin)


def _softmax_cross_entropy(logits: Any, label: Any) -> Any:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(label, logits)


def _poisson(target: Target, z: Any, label: Any) -> Any:
    """Half the Poisson deviance of amount / scale from exp(z), over the dispersion."""
    amount = label / target.scale
    least = tf.math.xlogy(amount, amount) - amount
    return (tf.exp(z) - amount * z + least) / target.dispersion


def _squared(target: Target, z: Any, label: Any) -> Any:
    """Half the squared error of the standardised amount."""
    return tf.square((label - target.centre) / target.scale - z) / 2
