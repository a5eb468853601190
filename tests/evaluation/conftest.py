"""A made evaluation that the tests of the report share."""

import numpy as np
import pytest

from zap.evaluation.evaluate import evaluate


@pytest.fixture(scope="session")
def made_metrics():
    rng = np.random.default_rng(3)
    logit = rng.normal(-1.1, 1.3, 2000)
    p = 1 / (1 + np.exp(-logit))
    y = (rng.random(2000) < p).astype(float)
    weak = 1 / (1 + np.exp(-(0.6 * logit - 0.4 + rng.normal(0, 0.8, 2000))))
    return evaluate(
        y,
        p,
        np.arange(2000),
        p_uncalibrated=1 / (1 + np.exp(-(logit + 1))),
        p_baseline=weak,
        draws=100,
    )


@pytest.fixture(scope="session")
def one_class_metrics():
    p = np.linspace(0.01, 0.4, 50)
    return evaluate(np.zeros(50), p, np.arange(50), p_baseline=p, draws=5)


@pytest.fixture(scope="session")
def made_facts():
    return {
        "scope": "the test split",
        "created_at": "2026-01-02 03:04 UTC",
        "generator": {"name": "shop_purchase", "label": {"days": 7}},
        "data": {"observed_from": "2026-01-01", "observed_until": "2026-03-01"},
        "splits": {"test": {"examples": 2000, "label_rate": 0.3}},
        "counters": {
            "rows.read": 12345,
            "rows.bad.timestamp.unparsable": 3,
            "cutoffs.dropped.censored": 17,
        },
        "encoder": {"collision_rate": 0.031, "sparsity": 0.95},
        "config": {"units": 32, "learning_rate": 0.002},
        "history": [
            {"epoch": 1, "loss": 0.6, "val_loss": 0.61},
            {"epoch": 2, "loss": 0.5, "val_loss": 0.55},
            {"epoch": 3, "loss": 0.4, "val_loss": 0.58},
        ],
        "versions": {"numpy": "2.4.0"},
    }
