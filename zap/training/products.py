"""Products of sparse rows and a dense matrix, with gradients, as fast as their shape.

Two forms of one function. The compressed form adds up the matrix's rows in C++ and
turns the sparse rows once for the gradient, so that it never holds a row for each
entry; the multi-hot form writes the rows out and multiplies twice. Few ones among many
indices are cheaper compressed, many among few written out
(``docs/decisions/0018-the-first-layer.md`` has the measurements). Both are
deterministic: the product with a transposed compressed matrix would be shorter, but
adds up its threads' parts in the order in which they finish.
"""

from __future__ import annotations

from typing import Any

from zap.training.backend import tf

# Measured on two cores with 16 to 128 units and 1,000 to 5,000 rows: a written-out
# column costs as much as (_OVERHEAD + units) / _ENTRY entries.
_ENTRY = 768
_OVERHEAD = 16


def multi_hot_is_faster(size: int, width: int, units: int) -> bool:
    """Whether rows of ``width`` entries are better written out.

    Args:
        size: length of a row.
        width: most entries of a row, blanks included.
        units: columns of the matrix.
    """
    return size * (units + _OVERHEAD) <= _ENTRY * width


def sparse_product(kernel: Any, indices: Any, values: Any) -> Any:
    """The product of sparse rows and ``kernel``, by the faster of the two forms.

    Only the kernel gets a gradient; the entries are data.

    Args:
        kernel: float32, shape (size, units), both known when traced.
        indices: int32, shape (rows, width), width known; padding has any valid index.
        values: float32, shape (rows, width); padding has 0.

    Returns:
        float32, shape (rows, units).
    """
    shape = (kernel.shape[0], indices.shape[-1], kernel.shape[-1])
    form = multi_hot_product if multi_hot_is_faster(*shape) else compressed_product
    return form(kernel, indices, values)


@tf.custom_gradient
def multi_hot_product(kernel: Any, indices: Any, values: Any) -> tuple[Any, Any]:
    """``sparse_product`` by dense rows; entries of one index add up."""
    size = kernel.shape[0]
    rows = tf.shape(indices)[0]
    places = tf.reshape(indices + tf.range(rows)[:, None] * size, (-1,))
    # One sum over segments is spread over the cores; a scatter is not.
    flat = tf.math.unsorted_segment_sum(
        tf.reshape(values, (-1,)), places, num_segments=rows * size
    )
    hot = tf.reshape(flat, (rows, size))

    def gradient(upstream: Any) -> tuple[Any, None, None]:
        return tf.matmul(hot, upstream, transpose_a=True), None, None

    return tf.matmul(hot, kernel), gradient


@tf.custom_gradient
def compressed_product(kernel: Any, indices: Any, values: Any) -> tuple[Any, Any]:
    """``sparse_product`` by compressed sparse rows."""
    rows, width = tf.shape(indices)[0], indices.shape[-1]
    # A product of no rows ends the process, with a division by their number.
    some = tf.maximum(rows, 1)
    row = tf.repeat(tf.range(rows), width)
    places = tf.stack([row, tf.reshape(indices, (-1,))], axis=1)
    compressed = tf.raw_ops.SparseTensorToCSRSparseMatrix(
        indices=tf.cast(places, tf.int64),
        values=tf.reshape(values, (-1,)),
        dense_shape=tf.cast([some, kernel.shape[0]], tf.int64),
    )

    def gradient(upstream: Any) -> tuple[Any, None, None]:
        turned = tf.raw_ops.SparseMatrixTranspose(input=compressed, type=tf.float32)
        filled = tf.pad(upstream, [(0, some - rows), (0, 0)])
        return tf.raw_ops.SparseMatrixMatMul(a=turned, b=filled), None, None

    return tf.raw_ops.SparseMatrixMatMul(a=compressed, b=kernel)[:rows], gradient
