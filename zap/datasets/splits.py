"""Which examples train, validate and test: by subject, or by time with an embargo.

A subject's part is decided by its hash alone, so that it stays the same over datasets,
runs and machines. In a split by time, a label that looks ahead could reach over a
boundary, so the cutoffs of one label window before each boundary are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mmh3
import numpy as np
from numpy.typing import NDArray

from zap.encoding.columns import IntArray
from zap.errors import DatasetError
from zap.times import instant_us, iso

SPLITS = ("train", "validation", "test")
SPLIT_SEED = 0x5B117
EMBARGOED = -1


@dataclass(frozen=True)
class SubjectSplit:
    """Every subject belongs to one part, by a hash.

    Attributes:
        shares: of train, validation and test; they add up to 1.
        seed: another seed gives other parts.
    """

    shares: tuple[float, float, float] = (0.7, 0.15, 0.15)
    seed: int = SPLIT_SEED

    def __post_init__(self) -> None:
        sane = len(self.shares) == 3 and min(self.shares) >= 0
        if not sane or not self.shares[0] > 0 or not abs(sum(self.shares) - 1) < 1e-9:
            raise DatasetError(
                "The shares of train, validation and test must be 0 or more, add up to "
                f"1, and train's be above 0. Received: shares={self.shares!r}."
            )

    def assign(
        self, subject_hash: IntArray, instant_us: IntArray, reach_us: IntArray
    ) -> NDArray[np.int8]:
        """The part of each cutoff as an index of ``SPLITS``; int8, shape (cutoffs,).

        Args:
            subject_hash: int64, shape (cutoffs,).
            instant_us: int64, shape (cutoffs,); not looked at.
            reach_us: int64, shape (cutoffs,): how far after its instant each label
                looks; not looked at.
        """
        distinct, inverse = np.unique(subject_hash, return_inverse=True)
        hashed = [
            mmh3.hash(each.to_bytes(8, "little", signed=True), self.seed, False)
            for each in distinct.tolist()
        ]
        edges = np.cumsum(self.shares[:2]) * 2**32
        parts = np.searchsorted(edges, np.array(hashed, float), "right")
        return parts.astype(np.int8)[inverse]

    def to_dict(self) -> dict[str, Any]:
        """The rule as a JSON object."""
        return {"by": "subject", "shares": list(self.shares), "seed": self.seed}


@dataclass(frozen=True)
class TimeSplit:
    """Cutoffs before one instant train, those from another on test.

    Attributes:
        validation_us: from here on cutoffs validate.
        test_us: from here on they test.
    """

    validation_us: int
    test_us: int

    def __post_init__(self) -> None:
        if self.validation_us >= self.test_us:
            raise DatasetError(
                "A split by time begins validation before test. "
                f"Received: {iso(self.validation_us)}, {iso(self.test_us)}."
            )

    def assign(
        self, subject_hash: IntArray, instant_us: IntArray, reach_us: IntArray
    ) -> NDArray[np.int8]:
        """The part of each cutoff; ``EMBARGOED`` where its label reaches a boundary."""
        edges = np.array([self.validation_us, self.test_us])
        parts = np.searchsorted(edges, instant_us, "right")
        reached = np.searchsorted(edges, instant_us + reach_us, "left")
        return np.where(reached > parts, EMBARGOED, parts).astype(np.int8)

    def to_dict(self) -> dict[str, Any]:
        """The rule as a JSON object."""
        return {
            "by": "time",
            "validation": iso(self.validation_us),
            "test": iso(self.test_us),
        }


@dataclass(frozen=True)
class NewestSplit:
    """The newest cutoffs test; of those before, whole subjects train or validate.

    So a model learns from all but the newest days, which a split by time in three
    would keep from it for twice as long.

    Attributes:
        test_us: from here on cutoffs test.
        validation: share of the subjects that validate before.
        seed: another seed gives other parts.
    """

    test_us: int
    validation: float = 0.2
    seed: int = SPLIT_SEED

    def __post_init__(self) -> None:
        if not 0 < self.validation < 1:
            raise DatasetError(
                "Expected a share of validation subjects between 0 and 1. "
                f"Received: validation={self.validation!r}."
            )

    def assign(
        self, subject_hash: IntArray, instant_us: IntArray, reach_us: IntArray
    ) -> NDArray[np.int8]:
        """The part of each cutoff; ``EMBARGOED`` where its label reaches the newest."""
        shares = (1 - self.validation, self.validation, 0.0)
        parts = SubjectSplit(shares, self.seed).assign(
            subject_hash, instant_us, reach_us
        )
        newest = instant_us >= self.test_us
        parts[newest] = SPLITS.index("test")
        parts[~newest & (instant_us + reach_us > self.test_us)] = EMBARGOED
        return parts

    def to_dict(self) -> dict[str, Any]:
        """The rule as a JSON object."""
        return {
            "by": "newest",
            "test": iso(self.test_us),
            "validation": self.validation,
            "seed": self.seed,
        }


@dataclass(frozen=True)
class NoSplit:
    """Every example tests: for raw input that is only scored."""

    def assign(
        self, subject_hash: IntArray, instant_us: IntArray, reach_us: IntArray
    ) -> NDArray[np.int8]:
        """Test for each cutoff."""
        return np.full(len(subject_hash), SPLITS.index("test"), np.int8)

    def to_dict(self) -> dict[str, Any]:
        """The rule as a JSON object."""
        return {"by": "none"}


Split = SubjectSplit | TimeSplit | NewestSplit | NoSplit


def parse_split(text: str) -> Split:
    """A split as it is written on a command line.

    Args:
        text: ``subject``, ``subject:0.7,0.15,0.15``, ``time:2024-03-01,2024-04-01``
            (validation from, test from) or ``none``.

    Raises:
        DatasetError: the text has another form.

    Example:
        >>> parse_split("subject:0.5,0.25,0.25").shares
        (0.5, 0.25, 0.25)
    """
    kind, _, rest = text.partition(":")
    values = rest.split(",") if rest else []
    try:
        if kind == "none" and not values:
            return NoSplit()
        if kind == "subject":
            return SubjectSplit(_three(values)) if values else SubjectSplit()
        if kind == "time" and len(values) == 2:
            return TimeSplit(instant_us(values[0]), instant_us(values[1]))
    except ValueError:
        pass
    raise DatasetError(
        "A split is written subject, subject:0.7,0.15,0.15, "
        f"time:VALIDATION_FROM,TEST_FROM or none. Received: split={text!r}."
    )


def _three(values: Sequence[str]) -> tuple[float, float, float]:
    first, second, third = (float(value) for value in values)
    return first, second, third
