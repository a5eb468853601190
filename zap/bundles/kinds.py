"""The kinds of models, by the names that settings and bundles give them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

GRU, CNN, TRANSFORMER, TREES = "gru", "cnn", "transformer", "trees"
SEQUENCE_KINDS = (GRU, CNN, TRANSFORMER)
MODEL_KINDS = (*SEQUENCE_KINDS, TREES)


def kind_of(info: Mapping[str, Any]) -> Any:
    """The kind that ``bundle.json`` names; bundles of the first days name none."""
    return info.get("model", {"kind": GRU}).get("kind")
