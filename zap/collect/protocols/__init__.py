"""What the clients of each tool say, and what they must be told."""

from __future__ import annotations

from collections.abc import Callable

from zap.collect.protocol import Protocol
from zap.collect.protocols.posthog import PostHog
from zap.collect.protocols.rudderstack import RudderStack
from zap.collect.protocols.segment import Segment
from zap.collect.protocols.snowplow import Snowplow

PROTOCOLS: dict[str, Callable[[], Protocol]] = {
    "posthog": PostHog,
    "rudderstack": RudderStack,
    "segment": Segment,
    "snowplow": Snowplow,
}
"""Protocols by the names that settings and counts know them by."""
