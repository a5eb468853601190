"""The scorer: what it refuses, its threads, and what it does not import."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs extra: train")

from zap.bundles.bundle import Bundle, write_bundle
from zap.bundles.calibrator import MatrixScaling
from zap.datasets.visits import InputSpec, Visits
from zap.encoding.columns import SparseRows
from zap.errors import BundleError
from zap.serving.scorer import Scorer

SPEC = InputSpec(last=4, event_size=6, event_width=1, metadata_size=2, metadata_width=1)
SCALING = MatrixScaling(((0.5, 0.1), (0.0, 0.7)), (0.2, -0.4))


def made_visits(cutoffs: int = 100) -> Visits:
    """Visits of one cutoff each, with 0 to 4 events."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(0, 5, cutoffs)
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    return Visits(
        subject_hash=np.arange(cutoffs),
        event_offsets=offsets,
        events=ones(rng, int(offsets[-1]), 6),
        cutoff_offsets=np.arange(cutoffs + 1),
        start=offsets[:-1],
        stop=offsets[1:],
        instant_us=np.zeros(cutoffs, np.int64),
        label=np.zeros(cutoffs, np.float32),
        weight=np.ones(cutoffs, np.float32),
        metadata=ones(rng, cutoffs, 2),
        statistics={},
        baseline={},
    )


def ones(rng: np.random.Generator, rows: int, size: int) -> SparseRows:
    """One-hot rows."""
    indices = rng.integers(0, size, rows).astype(np.int32)
    return SparseRows(np.arange(rows + 1), indices, np.ones(rows, np.float32))


@pytest.fixture(scope="module")
def model() -> bytes:
    from zap.training.config import ModelConfig
    from zap.training.freeze import convert
    from zap.training.model import SequenceModel

    return convert(SequenceModel(SPEC, ModelConfig(units=8, embedding=8)))


@pytest.fixture(scope="module")
def bundle(model: bytes, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    files = {"model.tflite": model, "calibrator.json": SCALING.to_dict()}
    info = {"inputs": SPEC.to_dict(), "encoder_fingerprint": "abc"}
    return write_bundle(tmp_path_factory.mktemp("bundles") / "b", files, info)


def test_probabilities_are_the_calibrated_logits(bundle: Bundle, model: bytes) -> None:
    visits = made_visits()
    scorer = Scorer.from_bundle(bundle)
    logits = Scorer(model, SPEC).logits(visits)
    assert len(np.unique(logits[:, 0])) > 20
    assert (scorer.probabilities(visits) == SCALING.apply(logits)).all()


@pytest.mark.parametrize("batch", [1, 7, 256])
def test_each_has_the_score_of_its_own_inputs(model: bytes, batch: int) -> None:
    """Whatever they are put together with, and in which order."""
    visits, scorer = made_visits(), Scorer(model, SPEC)
    found = scorer.logits(visits, batch)
    for at, (first, stop) in enumerate(zip(visits.start, visits.stop, strict=True)):
        indices, values = np.zeros((1, 4, 1), np.int32), np.zeros((1, 4, 1), np.float32)
        indices[0, : stop - first, 0] = visits.events.indices[first:stop]
        values[0, : stop - first, 0] = 1.0
        length = np.array([stop - first], np.int32)
        metadata = visits.metadata.indices[at].reshape(1, 1)
        alone = scorer.score(indices, values, length, metadata, np.ones((1, 1), "f4"))
        assert found[at].tobytes() == alone[0].tobytes()


def test_no_cutoffs_no_scores(model: bytes) -> None:
    none = made_visits().take_visits(np.arange(0))
    assert Scorer(model, SPEC).probabilities(none).shape == (0,)


def test_threads_score_alike(model: bytes) -> None:
    visits, scorer = made_visits(), Scorer(model, SPEC)
    expected = scorer.logits(visits)
    with ThreadPoolExecutor(4) as pool:
        for logits in pool.map(lambda b: scorer.logits(visits, b), [1, 3, 9, 64] * 4):
            assert (logits == expected).all()


def test_examples_of_another_encoder_are_refused(bundle: Bundle, model: bytes) -> None:
    Scorer.from_bundle(bundle).check_encoder("abc")
    Scorer(model, SPEC).check_encoder("anything")
    with pytest.raises(BundleError, match=r"made for another encoder.*encoder=xyz"):
        Scorer.from_bundle(bundle).check_encoder("xyz")


def test_parts_that_do_not_fit_are_refused(model: bytes, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="Expected a model with the inputs"):
        Scorer(model, replace(SPEC, last=5))
    with pytest.raises(BundleError, match="Expected a LiteRT model"):
        Scorer(b"not a model", SPEC)
    files = {"model.tflite": model, "calibrator.json": SCALING.to_dict()}
    for number, info in enumerate(({}, {"inputs": {"last": 4}})):
        with pytest.raises(BundleError, match="shape of the model's inputs"):
            Scorer.from_bundle(write_bundle(tmp_path / str(number), files, info))


def test_scoring_needs_neither_tensorflow_nor_beam(bundle: Bundle) -> None:
    code = (
        "import sys\n"
        "from zap.bundles.bundle import Bundle\n"
        "from zap.serving.scorer import Scorer\n"
        "Scorer.from_bundle(Bundle.load(sys.argv[1]))\n"
        "heavy = {'tensorflow', 'keras', 'apache_beam', 'pyarrow'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    command = [sys.executable, "-c", code, str(bundle.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
