"""BG/NBD (Fader, Hardie, Lee 2005): the classic model of repeat purchases.

Fitted by maximum likelihood on frequency, recency and age of training customers; a
customer is ranked by the purchases that it expects in the time to come (the paper's
equations 6 and 10).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import gammaln, hyp2f1

Array = NDArray[np.float64]


def fit(frequency: Array, recency: Array, age: Array) -> Array:
    """The parameters r, alpha, a, b.

    Args:
        frequency: repeat purchases; shape (customers,).
        recency: time of the last purchase since the first, 0 for none.
        age: time since the first purchase.
    """

    def loss(logs: Array) -> float:
        r, alpha, a, b = np.exp(logs)
        shared = gammaln(r + frequency) - gammaln(r) + r * np.log(alpha)
        lived = (
            gammaln(a + b)
            + gammaln(b + frequency)
            - gammaln(b)
            - gammaln(a + b + frequency)
        )
        alive = -(r + frequency) * np.log(alpha + age)
        left = np.where(
            frequency > 0,
            np.log(a)
            - np.log(b + np.maximum(frequency, 1) - 1)
            - (r + frequency) * np.log(alpha + recency),
            -np.inf,
        )
        return -float(np.sum(shared + lived + np.logaddexp(alive, left)))

    found = minimize(loss, np.zeros(4), method="Nelder-Mead", options={"maxiter": 4000})
    return np.asarray(np.exp(found.x))


def expected(
    params: Array, frequency: Array, recency: Array, age: Array, ahead: float
) -> Array:
    """Purchases expected in the time ``ahead``; shape (customers,)."""
    r, alpha, a, b = params
    x = frequency
    z = ahead / (alpha + age + ahead)
    series = hyp2f1(r + x, b + x, a + b + x - 1, z)
    grown = 1 - ((alpha + age) / (alpha + age + ahead)) ** (r + x) * series
    gone = np.where(
        x > 0,
        a / (b + np.maximum(x, 1) - 1) * ((alpha + age) / (alpha + recency)) ** (r + x),
        0.0,
    )
    return np.asarray((a + b + x - 1) / (a - 1) * grown / (1 + gone))
