"""Agents as they are sent."""

import sys
from importlib.metadata import version

import pytest

from zap.errors import MissingExtraError
from zap.events import agents
from zap.events.agents import Agent, agent_parser_version, parse_agent

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 13_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/13.1 Mobile/15E148 Safari/604.1"
)
DESKTOP = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/120.0.0.0 Safari/537.36"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PHONE, Agent("Mobile Safari", "iOS", "iPhone")),
        (DESKTOP, Agent("Chrome", "Windows", None)),
        ("", Agent()),
        ("  ", Agent()),
        ("no agent at all \x00", Agent()),
    ],
)
def test_parts_of_an_agent(text: str, expected: Agent) -> None:
    assert parse_agent(text) == expected


def test_only_the_beginning_of_a_long_text_counts() -> None:
    assert parse_agent(DESKTOP + "x" * 100_000).family == "Chrome"
    assert parse_agent("x" * 2048 + DESKTOP) == Agent()


def test_the_version_names_code_and_patterns() -> None:
    found = agent_parser_version()
    assert version("ua-parser") in found
    assert version("ua-parser-builtins") in found


def test_without_the_package_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "ua_parser", None)
    agents._parser.cache_clear()
    with pytest.raises(MissingExtraError, match="ua-parser"):
        agent_parser_version()
