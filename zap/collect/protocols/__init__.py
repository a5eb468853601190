"""What the clients of each tool say, and what they must be told."""

from __future__ import annotations

from collections.abc import Callable

from zap.collect.protocol import Protocol
from zap.collect.protocols.posthog import PostHog
from zap.collect.protocols.rudderstack import RudderStack
from zap.collect.protocols.segment import Segment
from zap.collect.protocols.snowplow import Snowplow
from zap.collect.protocols.zap import Zap

PROTOCOLS: dict[str, Callable[[], Protocol]] = {
    "posthog": PostHog,
    "rudderstack": RudderStack,
    "segment": Segment,
    "snowplow": Snowplow,
    "zap": Zap,
}
"""Protocols by the names that settings and counts know them by."""
