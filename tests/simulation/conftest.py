"""A small law whose truth can be worked out by hand, and a small simulation."""

from pathlib import Path

import numpy as np
import pytest

from zap.simulation.chain import Chain, in_units
from zap.simulation.folder import Folder
from zap.simulation.law import Law
from zap.simulation.settings import Settings
from zap.simulation.simulate import simulate


@pytest.fixture(scope="session")
def tiny_laws() -> list[Law]:
    """Two laws of two intents over three pages, with dwells in three bins."""
    random = np.random.default_rng(3)
    laws = []
    for _ in range(2):
        moves = random.random((2, 3, 5)) * [1, 1, 1, 1.5, 0.8]
        moves[0, 1, 2] = 0.0  # a move that one intent never makes
        chain = Chain(
            in_units(moves),
            in_units(random.random((2, 3, 3))),
            np.array([1_000, 2_000, 5_000, 9_000]),
        )
        prior = random.random((4, 2))
        prior /= prior.sum(axis=1, keepdims=True)
        laws.append(Law(chain, prior, in_units(random.random((2, 2, 3)))))
    return laws


@pytest.fixture(scope="session")
def simulation(tmp_path_factory) -> Folder:
    """About 20,000 rows with everything that can be wrong with them."""
    settings = Settings(
        events=20_000, bots=0.2, duplicates=0.02, late=0.02, broken=0.005, seed=5
    )
    return simulate(settings, Path(tmp_path_factory.mktemp("simulated")) / "shop")
