"""Which protocols are asked at a path, found by one look-up for all but prefixes.

Two protocols may share a path, as tools that took over another's do. Then they are
asked in their order, and the key's source says whose the request is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from zap.collect.protocol import Protocol


@dataclass(frozen=True)
class Path:
    """Who is asked at a path.

    Attributes:
        methods: its protocols by method.
        protocols: all of them; the first speaks where none is meant.
    """

    methods: Mapping[str, Sequence[Protocol]]
    protocols: Sequence[Protocol]


class Routes:
    """The paths of protocols.

    Args:
        protocols: in the order in which they are asked.
    """

    def __init__(self, protocols: Iterable[Protocol]):
        found: dict[str, dict[str, list[Protocol]]] = {}
        for protocol in protocols:
            for method, path in protocol.routes:
                found.setdefault(path, {}).setdefault(method, []).append(protocol)
        self._exact: dict[str, Path] = {}
        self._prefixes: list[tuple[str, Path]] = []
        for path, methods in found.items():
            of_all = [one for each in methods.values() for one in each]
            whose = Path(methods, tuple(dict.fromkeys(of_all)))
            if path.endswith("*"):
                self._prefixes.append((path[:-1], whose))
            else:
                self._exact[path] = whose
        self._prefixes.sort(key=lambda each: -len(each[0]))

    def find(self, path: str) -> Path | None:
        """Who is asked at a path; None where it is nobody's."""
        found = self._exact.get(path)
        if found is not None:
            return found
        for prefix, whose in self._prefixes:
            if path.startswith(prefix):
                return whose
        return None
