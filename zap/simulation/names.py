"""The texts of a simulated shop: addresses, user agents, campaigns.

Each is a list, and rows hold indices into it, so that no text is made twice. Every
address names a host under ``.example``, which belongs to nobody, and says "simulated".
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zap.encoding.columns import BoolArray, IntArray
from zap.simulation.shop import CAMPAIGNS, PAGES
from zap.simulation.steps import BUY, FINE, Steps

SITE = "https://simulated-shop.example"
# The item is in the query, so that the path alone tells what kind of page it is.
_PATHS = (
    "/",
    "/category?id=c{:02d}",
    "/product?id=p{:03d}",
    "/search?q=word{:02d}",
    "/cart",
    "/checkout",
    "/account",
    "/help?topic={:01d}",
    "/checkout/complete",
)
_ITEMS = np.array([1, 24, 400, 60, 1, 1, 1, 8, 1])
_FIRST = np.cumsum(_ITEMS) - _ITEMS
_URLS = int(_ITEMS.sum())
# Where a visit comes from, by campaign; a visit without one comes from a search or from
# nowhere.
_SOURCES = (
    "https://search.example/",
    "https://ads.example/click",
    "https://social.example/feed",
    "https://mail.example/",
    "https://partner.example/reviews",
)

_SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
_CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0"
DESKTOP_AGENTS = (
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME} Safari/537.36",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME} Safari/537.36 Edg/126.0.0.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_SAFARI} Version/17.5 "
    "Safari/605.1.15",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_CHROME} Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
)
MOBILE_AGENTS = (
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) {_SAFARI} Version/17.5 "
    "Mobile/15E148 Safari/604.1",
    f"Mozilla/5.0 (Linux; Android 10; K) {_CHROME} Mobile Safari/537.36",
    f"Mozilla/5.0 (Linux; Android 14; SM-S911B) {_CHROME} Mobile Safari/537.36",
    "Mozilla/5.0 (Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0",
)
CRAWLERS = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
    "DuckDuckBot/1.1; (+http://duckduckgo.com/duckduckbot.html)",
)
AGENTS = (*DESKTOP_AGENTS, *MOBILE_AGENTS, *CRAWLERS)


@cache
def addresses() -> pa.Array:
    """All addresses and sources, in the order of ``url_codes`` and ``source_codes``."""
    paths = [
        path.format(item)
        for path, items in zip(_PATHS, _ITEMS, strict=True)
        for item in range(items)
    ]
    texts = [SITE + path for path in paths]
    for campaign in CAMPAIGNS[1:]:
        for path in paths:
            joint = "&" if "?" in path else "?"
            texts.append(f"{SITE}{path}{joint}utm_campaign={campaign}")
    return pa.array([*texts, *_SOURCES])


def url_codes(
    page: NDArray[np.int8], item: NDArray[np.int32], landed: IntArray
) -> IntArray:
    """The address of each event.

    Args:
        page: index into ``PAGES``, or ``BUY``.
        item: in [0, FINE); squared, so that some items are far more popular.
        landed: the campaign if the visit began with this page view, else 0.
    """
    row = np.where(page == BUY, len(PAGES), page).astype(np.int64)
    square = (item.astype(np.int64) ** 2) // FINE
    codes: IntArray = _FIRST[row] + (_ITEMS[row] * square) // FINE + landed * _URLS
    return codes


def source_codes(campaign: IntArray, searched: BoolArray) -> IntArray:
    """Where visits come from; -1 is nowhere.

    Args:
        campaign: index into ``CAMPAIGNS``.
        searched: true where a visit without a campaign comes from a search.
    """
    from_source = (campaign > 0) | searched
    codes: IntArray = np.where(from_source, len(CAMPAIGNS) * _URLS + campaign, -1)
    return codes


def agent_codes(draw: IntArray, mobile: BoolArray, declared: BoolArray) -> IntArray:
    """The user agent of each device: indices into ``AGENTS``.

    Args:
        draw: random whole numbers, at least 0.
        mobile: whether it is a mobile one.
        declared: whether it is a bot that says so.
    """
    desktop = draw % len(DESKTOP_AGENTS)
    handheld = len(DESKTOP_AGENTS) + draw % len(MOBILE_AGENTS)
    crawler = len(AGENTS) - 1 - draw % len(CRAWLERS)
    codes: IntArray = np.where(declared, crawler, np.where(mobile, handheld, desktop))
    return codes


STEPS = tuple(
    f"{source} to {page}"
    for source in (*CAMPAIGNS, *PAGES)
    for page in (*PAGES, "complete")
)


def step_codes(steps: Steps, campaign: IntArray) -> IntArray:
    """From where to where each event leads: indices into ``STEPS``.

    Args:
        steps: events, the first of a visit from its campaign.
        campaign: of each visit.
    """
    before = len(CAMPAIGNS) + steps.page[steps.previous].astype(np.int64)
    source = np.where(steps.previous < 0, campaign[steps.visit], before)
    page = np.where(steps.page == BUY, len(PAGES), steps.page)
    codes: IntArray = source * (len(PAGES) + 1) + page
    return codes


_HEX = np.array(
    [int.from_bytes(f"{byte:02x}".encode(), "little") for byte in range(256)], "<u2"
)


def hex_texts(numbers: IntArray) -> pa.Array:
    """Numbers as texts of 16 hexadecimal digits, without a loop over them."""
    digits = _HEX[numbers.astype(">u8").view(np.uint8)].astype("<u2")
    ends = np.arange(0, 16 * len(numbers) + 1, 16, dtype=np.int32)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(digits)]
    return pa.Array.from_buffers(pa.string(), len(numbers), buffers)


def mixed(numbers: IntArray) -> IntArray:
    """A one-to-one scrambling of 64-bit numbers, for identifiers (splitmix64)."""
    z = numbers.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    scrambled: IntArray = (z ^ (z >> np.uint64(31))).view(np.int64)
    return scrambled
