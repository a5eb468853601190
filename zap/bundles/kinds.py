"""The kinds of models, by the names that settings and bundles give them."""

from __future__ import annotations

GRU, CNN, TRANSFORMER, TREES = "gru", "cnn", "transformer", "trees"
SEQUENCE_KINDS = (GRU, CNN, TRANSFORMER)
MODEL_KINDS = (*SEQUENCE_KINDS, TREES)
