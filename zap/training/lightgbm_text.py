"""LightGBM's own text form of a model, read into the arrays that are served.

The text is LightGBM's documented file format (version v4); numbers in it have 17
digits, so that thresholds and leaf values are the very ones of the library.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from zap.encoding.columns import IntArray
from zap.serving.trees import Trees

_EVERY_LEAF = 2**64 - 1
_OTHER_DECISIONS = 0b1101
"""Bits of a decision by category, or with a way of its own for what is missing."""


def trees_of(text: str, columns: IntArray, outputs: int) -> Trees:
    """The trees of a model.

    Args:
        text: as ``Booster.model_to_string`` gives it; numeric conditions without
            missing values, at most 64 leaves a tree.
        columns: int64, ascending: the place of each feature in the metadata vector.
        outputs: logits of an instance.
    """
    header, *blocks = text.partition("\nend of trees")[0].split("\nTree=")
    sums = int(_entries(header)["num_tree_per_iteration"])
    conditions: list[tuple[int, float, int]] = []
    leaves: list[float] = []
    first_condition, first_leaf = [], []
    for block in blocks:
        first_condition.append(len(conditions))
        first_leaf.append(len(leaves))
        tree = _entries(block)
        values = _floats(tree["leaf_value"])
        if len(values) == 1:
            conditions.append((0, float("inf"), _EVERY_LEAF))
            leaves += values
            continue
        found, order = _conditions(tree)
        conditions += found
        leaves += [values[leaf] for leaf in order]
    feature, threshold, left_out = zip(*conditions, strict=True)
    return Trees(
        columns=columns,
        feature=np.array(feature, np.int64),
        threshold=np.array(threshold, np.float64),
        left_out=np.array(left_out, np.uint64),
        first_condition=np.array(first_condition, np.int64),
        leaf=np.array(leaves, np.float64),
        first_leaf=np.array(first_leaf, np.int64),
        sums=sums,
        outputs=outputs,
    )


def _entries(block: str) -> dict[str, str]:
    """The lines ``name=value`` of a part of the text."""
    pairs = (line.partition("=") for line in block.splitlines())
    return {name: value for name, _, value in pairs}


def _conditions(
    tree: Mapping[str, str],
) -> tuple[list[tuple[int, float, int]], list[int]]:
    """The conditions of a tree, and its leaves from left to right.

    Returns:
        of each condition its feature, its threshold and the bits of the leaves that
        remain when it fails; and the library's numbers of the leaves.
    """
    feature, threshold = _ints(tree["split_feature"]), _floats(tree["threshold"])
    children = list(
        zip(_ints(tree["left_child"]), _ints(tree["right_child"]), strict=True)
    )
    assert not any(kind & _OTHER_DECISIONS for kind in _ints(tree["decision_type"]))
    order = [~leaf for leaf in _leaves_below(0, children)]
    bit = {leaf: 1 << place for place, leaf in enumerate(order)}
    remain = [
        _EVERY_LEAF & ~sum(bit[~leaf] for leaf in _leaves_below(left, children))
        for left, _ in children
    ]
    return list(zip(feature, threshold, remain, strict=True)), order


def _leaves_below(node: int, children: Sequence[tuple[int, int]]) -> Iterator[int]:
    """The leaves below a node, from left to right; a leaf is a number below 0."""
    if node < 0:
        yield node
        return
    for child in children[node]:
        yield from _leaves_below(child, children)


def _ints(text: str) -> list[int]:
    return [int(word) for word in text.split()]


def _floats(text: str) -> list[float]:
    return [float(word) for word in text.split()]
