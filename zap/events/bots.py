"""Tells crawlers from people by their user agent.

The list is crawler-user-agents', whose version belongs to the fingerprint: another
release drops other events.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib.metadata import version

from zap.errors import MissingExtraError

MAX_AGENT_CHARS = 2048


@functools.lru_cache(maxsize=65536)
def is_crawler(agent: str) -> bool:
    """True if the agent is one that the list names.

    Args:
        agent: the header as it was sent; only its first 2,048 characters count. An
            empty one is no crawler: most are people whose tag sends none.

    Raises:
        MissingExtraError: crawler-user-agents is not installed.
    """
    return bool(_matcher()(agent[:MAX_AGENT_CHARS]))


@functools.cache
def _matcher() -> Callable[[str], bool]:
    """The list's own test of one agent."""
    try:
        import crawleruseragents
    except ImportError as error:
        raise MissingExtraError("crawler-user-agents", "serve") from error
    matcher: Callable[[str], bool] = crawleruseragents.is_crawler
    return matcher


def bot_list_version() -> str:
    """The version of the list, for fingerprints.

    Raises:
        MissingExtraError: crawler-user-agents is not installed.
    """
    _matcher()
    return f"crawler-user-agents {version('crawler-user-agents')}"
