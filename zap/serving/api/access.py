"""Which kind of caller may ask which route, known before any body is read.

What no rule names needs a secret key, so that a route that is added and forgotten here
is closed and not open. The template of the rule is also the route's name in metrics:
a path itself holds subjects, and has no bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any


class Access(Enum):
    """Whom a route is for."""

    OPEN = "everybody"
    LOCAL = "this machine, else a secret key"
    BROWSER = "a publishable key with its visitor's token, or a secret key"
    VISITORS = "a publishable key, which gets a token for its visitor"
    SECRET = "a secret key"


PAGES = (Access.BROWSER, Access.VISITORS)


@dataclass(frozen=True)
class Rule:
    """Who may ask for the paths of one template.

    Attributes:
        template: a path; ``{name}`` stands for one segment, ``{name:path}`` at the end
            for all that follow.
        access: whom it is for.
        vital: answered also where the server is full: probes and metrics.
    """

    template: str
    access: Access
    vital: bool = False


METRICS_PATH = "/metrics"
VISITORS_PATH = "/v1/visitors"
RULES = (
    Rule("/health", Access.OPEN, vital=True),
    Rule("/ready", Access.OPEN, vital=True),
    Rule(METRICS_PATH, Access.LOCAL, vital=True),
    Rule("/openapi.json", Access.OPEN),
    Rule("/docs", Access.OPEN),
    Rule("/docs/{file:path}", Access.OPEN),
    Rule("/ui", Access.OPEN),
    Rule("/ui/", Access.OPEN),
    Rule("/ui/data", Access.SECRET),
    Rule("/ui/{file}", Access.OPEN),
    Rule(VISITORS_PATH, Access.VISITORS),
    Rule("/v1/predictions/{application}", Access.BROWSER),
    Rule("/v1/predictions/{application}/batch", Access.SECRET),
    Rule("/v1/events", Access.SECRET),
    Rule("/v1/applications", Access.SECRET),
    Rule("/v1/applications/{application}", Access.SECRET),
    Rule("/v1/subjects/{field}/{subject:path}", Access.SECRET),
)
OTHER = Rule("other", Access.SECRET)
Params = Mapping[str, str]
NONE: Params = {}
REMEMBERED, LONG = 1_024, 200


class Rules:
    """Rules by path. The first that fits a path is its rule.

    Args:
        rules: in their order.
    """

    def __init__(self, rules: Iterable[Rule] = RULES):
        self.all = tuple(rules)
        self._exact: dict[str, Rule] = {}
        self._patterns: list[tuple[list[str], Rule]] = []
        for rule in self.all:
            if "{" in rule.template:
                self._patterns.append((rule.template.split("/"), rule))
            else:
                self._exact.setdefault(rule.template, rule)
        self._remembered = lru_cache(REMEMBERED)(self._find)

    def find(self, path: str) -> tuple[Rule, Params]:
        """The rule of a path, and what stands for the names of its template."""
        return self._find(path) if len(path) > LONG else self._remembered(path)

    def _find(self, path: str) -> tuple[Rule, Params]:
        rule = self._exact.get(path)
        if rule is not None:
            return rule, NONE
        parts = path.split("/")
        for pattern, rule in self._patterns:
            params = _matched(pattern, parts)
            if params is not None:
                return rule, params
        return OTHER, NONE


def _matched(pattern: list[str], parts: list[str]) -> Params | None:
    if pattern[-1].endswith(":path}") and len(parts) > len(pattern):
        rest = len(pattern) - 1
        parts = [*parts[:rest], "/".join(parts[rest:])]
    if len(parts) != len(pattern):
        return None
    params = {}
    for wanted, part in zip(pattern, parts, strict=True):
        if not wanted.startswith("{"):
            if wanted != part:
                return None
        elif not part:
            return None
        else:
            params[wanted[1:-1].removesuffix(":path")] = part
    return params


def path_of(scope: Mapping[str, Any]) -> str:
    """The path below the prefix at which the application is mounted."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    if root and path.startswith(root) and path[len(root) :][:1] in ("", "/"):
        return path[len(root) :]
    return path
