"""Texts of an event cut to what may stay: addresses, and parameters of URLs.

Pages and keys come again and again, so what was found of them is kept, as far as it is
few and short.
"""

from __future__ import annotations

from functools import lru_cache

from zap.collect.checks.addresses import is_address_key, truncated
from zap.collect.checks.queries import is_query_key, without
from zap.collect.checks.settings import PrivacySettings
from zap.errors import CollectError

_KEPT = 2_048
_LONGEST_KEPT = 2_048


class TextRules:
    """What texts are cut to, wherever they are.

    Args:
        settings: of the source.

    Raises:
        CollectError: a name of a parameter is empty.
    """

    def __init__(self, settings: PrivacySettings):
        if not all(settings.drop_query):
            raise CollectError(
                "Expected names of URL parameters. Received: "
                f"drop_query={settings.drop_query}. Take the empty one out."
            )
        self._names = frozenset(name.lower() for name in settings.drop_query)
        self._addresses = settings.truncate_addresses
        self._cut = lru_cache(_KEPT)(self._without)
        self._kind = lru_cache(_KEPT)(_kind)
        self.any = bool(self._names or self._addresses)

    def __call__(self, name: str, text: str) -> str:
        """The text as it may stay, by the name of the key that it is below."""
        kind = self._kind if len(name) <= _LONGEST_KEPT else _kind
        is_query, is_address = kind(name)
        if self._names and ("?" in text or "#" in text or is_query):
            cut = self._cut if len(text) <= _LONGEST_KEPT else self._without
            text = cut(text, is_query)
        if is_address and self._addresses and ("." in text or ":" in text):
            text = truncated(text)
        return text

    def _without(self, text: str, is_query: bool) -> str:
        return without(text, self._names, is_query and "?" not in text)


def _kind(name: str) -> tuple[bool, bool]:
    """Whether a key is of queries, and whether it is of addresses."""
    return is_query_key(name), is_address_key(name)
