"""Features that put numbers into bins: even ones, and ones that grow as a power."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from zap.encoding import bins
from zap.encoding.columns import Column, FloatArray
from zap.encoding.entries import NO_ENTRIES, Entries, where_valid, without_zeros
from zap.encoding.feature import Feature
from zap.encoding.values import numbers_of
from zap.errors import EncodingError


class Binned(Feature):
    """What linear and power-law bins share: their edges.

    With ``smooth``, a value lights its bin and the next one, shared by its distance to
    their edges, so that near values have near codes; a value on an edge looks the same
    either way. Helps where examples are few. Beyond the outer edges nothing changes.
    """

    edges: Sequence[float] | None
    smooth: bool

    def _check_bins(self, parameters: Sequence[Any]) -> None:
        given = [value is not None for value in parameters]
        if any(given) and not all(given):
            raise EncodingError(
                f"{type(self).__name__}({self.field!r}): give all parameters of the "
                "bins, or none to have them fitted. "
                f"Received: {', '.join(map(repr, parameters))}."
            )
        if self.edges is not None:
            object.__setattr__(self, "edges", tuple(map(float, self.edges)))
            bins.check_edges(np.array(self.edges))
        elif all(given):
            self._computed_edges()

    def _computed_edges(self) -> FloatArray:
        raise NotImplementedError

    @property
    def size(self) -> int:
        """One place an edge."""
        return len(self.edge_array())

    @property
    def most(self) -> int:
        """Two for smooth bins, else one."""
        return 2 if self.smooth else 1

    def edge_array(self) -> FloatArray:
        """The edges; float64, shape (bins,)."""
        if self.edges is not None:
            return np.array(self.edges)
        return self._computed_edges()

    def with_edges(self) -> Self:
        """The same feature with its edges stored as numbers."""
        changed: dict[str, Any] = {"edges": tuple(self.edge_array().tolist())}
        return dataclasses.replace(self, **changed)

    def entries(self, column: Column) -> Entries:
        """The bin of each value; see ``Feature.entries``."""
        numbers = numbers_of(column, self.field)
        valid = ~np.isnan(numbers)
        if not valid.any():
            return NO_ENTRIES
        if not self.smooth:
            return where_valid(valid, bins.place(numbers[valid], self.edge_array()))
        lower, shares = bins.share(numbers[valid], self.edge_array())
        return without_zeros(
            np.repeat(np.flatnonzero(valid), 2),
            np.column_stack([lower, lower + 1]).ravel(),
            np.column_stack([1 - shares, shares]).ravel(),
        )


@dataclass(frozen=True)
class LinearBins(Binned, kind="linear_bins"):
    """Bins of one width, with edges 0, w, 2w, ... (paper, listing 1).

    Attributes:
        field: a numeric field.
        width: width of a bin.
        bins: number of bins; values above the last edge go to the last.
        smooth: share a value between two neighbouring bins; see ``Binned``.
        edges: the edges as numbers, stored by fitting; they win over the parameters.

    Example:
        ``LinearBins("age", 10, 11)`` has edges 0, 10, ..., 100 and puts 42 at place 4.
    """

    width: float | None = None
    bins: int | None = None
    smooth: bool = False
    edges: Sequence[float] | None = None

    def __post_init__(self) -> None:
        self._check_bins([self.width, self.bins])

    @property
    def fitted(self) -> bool:
        """True when the edges are known."""
        return self.edges is not None or self.width is not None

    def _computed_edges(self) -> FloatArray:
        assert self.width is not None and self.bins is not None, "not fitted"
        return bins.linear_edges(self.width, self.bins)


@dataclass(frozen=True)
class PowerBins(Binned, kind="power_bins"):
    """Bins that are even up to a cutoff and grow as a power after (formulas 2-4).

    Attributes:
        field: a numeric field.
        step: width of the even bins.
        linear_cutoff: where they end; a whole number of steps.
        cutoff: the last edge.
        last: index of the last edge: there are ``last + 1`` places. A higher one gives
            a finer resolution in the tail.
        smooth: share a value between two neighbouring bins; see ``Binned``.
        edges: the edges as numbers, stored by fitting; they win over the parameters.
    """

    step: float | None = None
    linear_cutoff: float | None = None
    cutoff: float | None = None
    last: int | None = None
    smooth: bool = False
    edges: Sequence[float] | None = None

    def __post_init__(self) -> None:
        self._check_bins([self.step, self.linear_cutoff, self.cutoff, self.last])

    @property
    def fitted(self) -> bool:
        """True when the edges are known."""
        return self.edges is not None or self.step is not None

    def _computed_edges(self) -> FloatArray:
        assert self.step is not None and self.linear_cutoff is not None, "not fitted"
        assert self.cutoff is not None and self.last is not None, "not fitted"
        return bins.power_edges(self.step, self.linear_cutoff, self.cutoff, self.last)


@dataclass(frozen=True)
class SincePrevious(PowerBins, kind="since_previous"):
    """Seconds since the subject's previous kept event, in power-law bins.

    Looks back only: the time to the next event would tell that there is one. The first
    event of a history has no such time.
    """

    field: str = dataclasses.field(init=False, default="since_previous")
