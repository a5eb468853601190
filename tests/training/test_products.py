"""Sparse products: values and gradients against loops in numpy, in both forms."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs extra: train")

from zap.training import products
from zap.training.backend import tf
from zap.training.products import (
    compressed_product,
    multi_hot_is_faster,
    multi_hot_product,
    sparse_product,
)

FORMS = (multi_hot_product, compressed_product, sparse_product)
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


def made(rows: int, size: int, width: int, units: int, seed: int = 0) -> Arrays:
    """A kernel, and entries of which some repeat an index and some are blank."""
    rng = np.random.default_rng(seed)
    kernel = rng.normal(size=(size, units)).astype(np.float32)
    indices = rng.integers(0, size, (rows, width)).astype(np.int32)
    values = rng.uniform(-1, 1, (rows, width)).astype(np.float32)
    blank = np.arange(width) >= rng.integers(0, width + 1, (rows, 1))
    return kernel, np.where(blank, 0, indices), np.where(blank, 0, values)


def expected(
    kernel: np.ndarray, indices: np.ndarray, values: np.ndarray, upstream: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The product and the kernel's gradient, entry by entry."""
    product = np.zeros(upstream.shape)
    gradient = np.zeros(kernel.shape)
    for row, at in np.ndindex(indices.shape):
        index, value = indices[row, at], float(values[row, at])
        product[row] += value * kernel[index]
        gradient[index] += value * upstream[row]
    return product, gradient


def both(form: Callable[..., Any], arrays: Arrays, upstream: np.ndarray) -> Any:
    """What a form gives, traced for any number of rows as the trainer does."""
    kernel, indices, _ = arrays
    entries = (None, indices.shape[1])
    signature = [
        tf.TensorSpec(kernel.shape),
        tf.TensorSpec(entries, tf.int32),
        tf.TensorSpec(entries),
        tf.TensorSpec((None, kernel.shape[1])),
    ]

    @tf.function(input_signature=signature, autograph=False)
    def run(kernel: Any, indices: Any, values: Any, upstream: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(kernel)
            product = form(kernel, indices, values)
        return product, tape.gradient(product, kernel, upstream)

    return [part.numpy() for part in run(*arrays, upstream)]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("rows", "size", "width", "units"),
    [(7, 5, 3, 4), (40, 2000, 12, 3), (30, 100, 20, 8), (1, 1, 1, 1), (9, 4, 30, 2)],
)
def test_values_and_gradients(
    form: Callable[..., Any], rows: int, size: int, width: int, units: int
) -> None:
    arrays = made(rows, size, width, units)
    rng = np.random.default_rng(1)
    upstream = rng.normal(size=(rows, units)).astype(np.float32)
    for found, wanted in zip(
        both(form, arrays, upstream), expected(*arrays, upstream), strict=True
    ):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_an_index_that_repeats_in_a_row_adds_up(form: Callable[..., Any]) -> None:
    kernel = np.array([[1, 10], [2, 20], [3, 30]], np.float32)
    indices = np.array([[2, 2, 0], [1, 2, 1]], np.int32)
    values = np.array([[1, 0.5, 0], [1, 0, 2]], np.float32)
    upstream = np.array([[1, 2], [3, 4]], np.float32)
    product, gradient = both(form, (kernel, indices, values), upstream)
    assert product.tolist() == [[4.5, 45], [6, 60]]
    assert gradient.tolist() == [[0, 0], [9, 12], [1.5, 3]]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("rows", "width"), [(0, 3), (5, 3)])
def test_no_rows_and_rows_of_blanks(
    form: Callable[..., Any], rows: int, width: int
) -> None:
    kernel = np.ones((4, 2), np.float32)
    blank = np.zeros((rows, width), np.int32), np.zeros((rows, width), np.float32)
    product, gradient = both(form, (kernel, *blank), np.ones((rows, 2), np.float32))
    assert product.shape == (rows, 2) and not product.any()
    assert gradient.shape == (4, 2) and not gradient.any()


def test_the_form_follows_the_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures of the choice are those of the shapes that were measured."""
    taken = {
        shape: multi_hot_is_faster(*shape, 32)
        for shape in ((2000, 12), (500, 12), (200, 40), (100, 20))
    }
    assert list(taken.values()) == [False, False, True, True]
    used = []
    for form in (multi_hot_product, compressed_product):
        monkeypatch.setattr(
            products, form.__name__, lambda *_, name=form.__name__: used.append(name)
        )
    for size, width in taken:
        entries = np.zeros((1, width), np.int32), np.zeros((1, width), np.float32)
        sparse_product(tf.zeros((size, 32)), *entries)
    assert used == 2 * ["compressed_product"] + 2 * ["multi_hot_product"]


@pytest.mark.slow
def test_two_threads_give_the_same_bits() -> None:
    """In a process of its own, since threads are set before anything runs."""
    code = """
import hashlib
import numpy as np
from zap.training.backend import tf
from zap.training.products import compressed_product, multi_hot_product

rng = np.random.default_rng(0)
for form, size in ((multi_hot_product, 200), (compressed_product, 2000)):
    kernel = tf.constant(rng.normal(size=(size, 32)).astype("f"))
    indices = rng.integers(0, size, (5000, 12)).astype("i")
    values = tf.constant(rng.random((5000, 12)).astype("f"))
    seen = set()
    for _ in range(20):
        with tf.GradientTape() as tape:
            tape.watch(kernel)
            product = form(kernel, indices, values)
            loss = tf.reduce_sum(tf.square(product), axis=1)
        parts = product, tape.gradient(loss, kernel)
        seen.add(hashlib.sha256(b"".join(p.numpy().tobytes() for p in parts)).digest())
    assert len(seen) == 1, form
"""
    env = {**os.environ, "TF_NUM_INTRAOP_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
