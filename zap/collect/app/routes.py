"""Which protocols are asked at a path, found by one look-up for all but prefixes.

Two protocols may share a path, as tools that took over another's do. Then they are
asked in their order, and the key's source says whose the request is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from zap.collect.protocol import Protocol

Methods = Mapping[str, tuple[Protocol, ...]]


class Routes:
    """The paths of protocols.

    Args:
        protocols: in the order in which they are asked.
    """

    def __init__(self, protocols: Iterable[Protocol]):
        exact: dict[str, dict[str, tuple[Protocol, ...]]] = {}
        for protocol in protocols:
            for method, path in protocol.routes:
                methods = exact.setdefault(path, {})
                methods[method] = (*methods.get(method, ()), protocol)
        self._exact: dict[str, Methods] = {}
        self._prefixes: list[tuple[str, Methods]] = []
        for path, methods in exact.items():
            if path.endswith("*"):
                self._prefixes.append((path[:-1], methods))
            else:
                self._exact[path] = methods
        self._prefixes.sort(key=lambda each: -len(each[0]))

    def find(self, path: str) -> Methods | None:
        """The protocols of a path by method; None where it is nobody's."""
        found = self._exact.get(path)
        if found is not None:
            return found
        for prefix, methods in self._prefixes:
            if path.startswith(prefix):
                return methods
        return None


def of(methods: Methods) -> tuple[Protocol, ...]:
    """All protocols of a path."""
    return tuple(dict.fromkeys(one for each in methods.values() for one in each))
