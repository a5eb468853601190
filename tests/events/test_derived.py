"""Derived fields are the parts of their base field, under its name."""

from zap.events.agents import parse_agent
from zap.events.derived import DERIVED, derive
from zap.events.schema import CANONICAL_NAMES
from zap.events.urls import parse_url

URL = "https://shop.example/a/b?x=1"
AGENT = (
    "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36"
)


def test_each_field_is_the_part_that_it_names() -> None:
    bases = {"url": "url", "referrer": "referrer", "agent": "user_agent"}
    for name, derived in DERIVED.items():
        prefix, part = name.split(".")
        assert derived.base == bases[prefix]
        assert derived.base in CANONICAL_NAMES
        text = AGENT if prefix == "agent" else URL
        parsed = parse_agent(text) if prefix == "agent" else parse_url(text)
        assert derive(name, text) == getattr(parsed, part)


def test_nothing_is_none() -> None:
    for name in DERIVED:
        assert derive(name, None) is None
        assert derive(name, "") is None
