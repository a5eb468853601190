"""Trees as arrays: a walk's scores, whatever the batch, without a training library."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from zap.bundles.bundle import Bundle, write_bundle
from zap.bundles.calibrator import MatrixScaling
from zap.datasets.visits import InputSpec
from zap.errors import BundleError
from zap.serving.scorer import Scorer
from zap.serving.trees import Trees, TreesModel

SPEC = InputSpec(
    last=3, event_size=4, event_width=1, metadata_size=50, metadata_width=8
)
Node = tuple[int, float, "Node", "Node"] | float


def grown(rng: np.random.Generator, leaves: int) -> Node:
    """A random tree: (place, threshold, left, right) for a condition, or a value."""
    if leaves == 1:
        return float(rng.normal())
    left = int(rng.integers(1, leaves))
    place, threshold = int(rng.integers(0, 6)), float(rng.uniform(0, 1))
    return place, threshold, grown(rng, left), grown(rng, leaves - left)


def walked(node: Node, x: np.ndarray) -> float:
    """The leaf where a walk ends."""
    while isinstance(node, tuple):
        place, threshold, left, right = node
        value = 0.0 if np.isnan(x[place]) else x[place]
        node = left if value <= threshold else right
    return node


def flattened(forest: list[Node], sums: int, outputs: int) -> Trees:
    """The arrays of a forest over the places 3, 7, 11, ... of the vector."""
    feature, threshold, left_out, leaf = [], [], [], []
    first_condition, first_leaf = [], []

    def visit(node: Node, base: int) -> tuple[int, int]:
        """Adds a node; the leaves below it, as from and to."""
        if not isinstance(node, tuple):
            leaf.append(node)
            return len(leaf) - 1 - base, len(leaf) - base
        at = len(feature)
        feature.append(node[0])
        threshold.append(node[1])
        left_out.append(0)
        first, middle = visit(node[2], base)
        _, last = visit(node[3], base)
        left_out[at] = (2**64 - 1) & ~sum(1 << n for n in range(first, middle))
        return first, last

    for tree in forest:
        first_condition.append(len(feature))
        first_leaf.append(len(leaf))
        visit(tree, len(leaf))
    return Trees(
        columns=np.arange(3, 27, 4),
        feature=np.array(feature),
        threshold=np.array(threshold),
        left_out=np.array(left_out, np.uint64),
        first_condition=np.array(first_condition),
        leaf=np.array(leaf),
        first_leaf=np.array(first_leaf),
        sums=sums,
        outputs=outputs,
    )


@pytest.fixture(scope="module")
def forest() -> list[Node]:
    rng = np.random.default_rng(0)
    sizes = [2, 64, 5, *rng.integers(2, 65, 57).tolist()]
    return [grown(rng, size) for size in sizes]


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    rng = np.random.default_rng(1)
    x = rng.choice([0.0, 0.25, 0.5, np.nan], (300, 6)) + 0.0
    return np.where(rng.random(x.shape) < 0.5, rng.random(x.shape), x)


@pytest.mark.parametrize(("sums", "outputs"), [(1, 2), (1, 1), (3, 3)])
def test_every_row_ends_where_a_walk_ends(
    forest: list[Node], rows: np.ndarray, sums: int, outputs: int
) -> None:
    trees = flattened(forest, sums, outputs)
    found = trees.raw(rows)
    assert found.shape == (300, sums)
    for row, scores in zip(rows, found, strict=True):
        expected = [0.0] * sums
        for number, tree in enumerate(forest):
            expected[number % sums] += walked(tree, row)
        assert scores.tolist() == expected
    logits = trees.logits(rows)
    if sums == outputs:
        assert (logits == found.astype(np.float32)).all()
    else:
        assert (logits[:, 1] == (found[:, 0] / 2).astype(np.float32)).all()
        assert (logits[:, 0] == -logits[:, 1]).all()


def test_a_threshold_itself_leads_left(forest: list[Node]) -> None:
    trees = flattened([(0, 0.1, 1.0, 2.0)], 1, 1)
    x = np.array([[0.1], [np.nextafter(0.1, 1)], [np.nan]])
    x = np.repeat(x, 6, axis=1)
    assert trees.raw(x)[:, 0].tolist() == [1.0, 2.0, 1.0]


def padded(rng: np.random.Generator, count: int) -> tuple[np.ndarray, ...]:
    """Instances whose metadata have 0 to 8 entries, and any events."""
    entries = rng.integers(0, 9, count)
    indices = np.zeros((count, 8), np.int32)
    values = np.zeros((count, 8), np.float32)
    for row, some in enumerate(entries):
        indices[row, :some] = np.sort(rng.choice(50, some, replace=False))
        values[row, :some] = rng.uniform(0.1, 1, some)
    events = rng.integers(0, 4, (count, 3, 1)).astype(np.int32)
    length = rng.integers(0, 4, count).astype(np.int32)
    return events, events.astype(np.float32), length, indices, values


@pytest.mark.parametrize("batch", [1, 7, 256])
def test_scores_do_not_depend_on_batch_padding_or_events(
    forest: list[Node], batch: int
) -> None:
    model = TreesModel(flattened(forest, 1, 2), SPEC)
    inputs = padded(np.random.default_rng(2), 256)
    expected = model.score(*inputs)
    assert len(np.unique(expected)) > 100
    parts = [
        model.score(*(a[begin : begin + batch] for a in inputs))
        for begin in range(0, 256, batch)
    ]
    assert (np.concatenate(parts) == expected).all()
    wider = [np.pad(a, [(0, 0), (0, 5)]) for a in inputs[3:]]
    assert (model.score(*inputs[:3], *wider) == expected).all()
    order = np.random.default_rng(3).permutation(256)
    assert (model.score(*(a[order] for a in inputs)) == expected[order]).all()
    assert (model.score(*(a * 0 for a in inputs[:3]), *inputs[3:]) == expected).all()


def test_an_entry_at_place_0_is_not_lost_under_padding() -> None:
    trees = replace(
        flattened([(0, 0.5, 1.0, 2.0)], 1, 1), columns=np.array([0, 1, 2, 3, 4, 5])
    )
    model = TreesModel(trees, SPEC)
    indices = np.zeros((1, 8), np.int32)
    values = np.zeros((1, 8), np.float32)
    values[0, 0] = 0.75
    events = np.zeros((1, 3, 1), np.int32)
    scored = model.score(
        events, events.astype(np.float32), events[:, 0, 0], indices, values
    )
    assert scored.tolist() == [[2.0]]


def bundle_of(trees: Trees, path: Path, **info: object) -> Bundle:
    files = {
        "model.trees.npz": trees.to_bytes(),
        "calibrator.json": MatrixScaling().to_dict(),
    }
    told = {"inputs": SPEC.to_dict(), "model": {"kind": "trees"}, **info}
    return write_bundle(path, files, told)


def test_a_bundle_says_which_kind_it_holds(forest: list[Node], tmp_path: Path) -> None:
    trees = flattened(forest, 1, 2)
    scorer = Scorer.from_bundle(bundle_of(trees, tmp_path / "b"))
    inputs = padded(np.random.default_rng(2), 20)
    assert (scorer.score(*inputs) == TreesModel(trees, SPEC).score(*inputs)).all()
    other = bundle_of(trees, tmp_path / "other", model={"kind": "oracle"})
    with pytest.raises(BundleError, match="Received: kind='oracle'"):
        Scorer.from_bundle(other)


def test_damaged_or_foreign_trees_are_refused(
    forest: list[Node], tmp_path: Path
) -> None:
    for wrong in (b"", b"no trees", flattened(forest, 1, 2).to_bytes()[:-60]):
        with pytest.raises(BundleError, match="Expected trees"):
            Trees.from_bytes(wrong)
    narrow = replace(SPEC, metadata_size=23)
    with pytest.raises(BundleError, match="condition on place 23"):
        TreesModel(flattened(forest, 1, 2), narrow)


def test_scoring_needs_no_training_library_and_no_litert(
    forest: list[Node], tmp_path: Path
) -> None:
    bundle = bundle_of(flattened(forest, 1, 2), tmp_path / "b")
    code = (
        "import json, sys\n"
        "from zap.bundles.bundle import Bundle\n"
        "from zap.serving.scorer import Scorer\n"
        "Scorer.from_bundle(Bundle.load(sys.argv[1]))\n"
        "heavy = ['lightgbm', 'sklearn', 'scipy', 'tensorflow', 'keras',\n"
        "         'ai_edge_litert', 'apache_beam', 'pyarrow']\n"
        "print(json.dumps([n for n in heavy if n in sys.modules]))\n"
    )
    command = [sys.executable, "-c", code, str(bundle.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
