"""The words for each kind of label that is not a plain yes or no.

A module of words has ``headline``, ``cards``, ``summary_table`` and ``TERMS``; those of
a yes or no are in the modules of these names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

from zap.evaluation import amount_words, class_words


class Words(Protocol):
    """What a module of words has."""

    TERMS: Sequence[tuple[str, str]]

    def headline(self, metrics: Mapping[str, Any], scope: str) -> str:
        """The evaluation in one sentence."""

    def cards(self, metrics: Mapping[str, Any]) -> list[tuple[str, str, str]]:
        """Name, number and note of the numbers that matter most."""

    def summary_table(self, metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
        """The findings as rows of two columns."""


_KINDS = {"classes": class_words, "amount": amount_words}


def words_of(metrics: Mapping[str, Any]) -> Words | None:
    """The words for the kind of ``metrics``; None for a yes or no."""
    return cast(Words | None, _KINDS.get(str(metrics.get("kind"))))
