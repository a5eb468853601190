"""Texts and identifiers: codes lead to the text that is meant."""

from __future__ import annotations

import numpy as np

from zap.events.urls import parse_url
from zap.simulation.names import (
    STEPS,
    addresses,
    hex_texts,
    mixed,
    source_codes,
    step_codes,
    url_codes,
)
from zap.simulation.shop import CAMPAIGNS, PAGES
from zap.simulation.steps import BUY, FINE, Steps


def test_an_address_tells_the_page_and_the_campaign() -> None:
    texts = addresses().to_pylist()
    items = np.array([0, FINE // 3, FINE - 1], np.int32)
    for page in (*range(len(PAGES)), BUY):
        for landed in range(len(CAMPAIGNS)):
            pages = np.full(3, page, np.int8)
            codes = url_codes(pages, items, np.full(3, landed))
            for url in (parse_url(texts[code]) for code in codes):
                assert url.host == "simulated-shop.example"
                kind = "checkout" if page == BUY else PAGES[page]
                wanted = "" if kind == "home" else kind
                assert (url.segments or ("",))[0] == wanted
                assert ("utm_campaign" in url.query_keys) == (landed > 0)
    assert len(set(texts)) == len(texts)


def test_some_items_are_far_more_popular() -> None:
    items = np.random.default_rng(0).integers(0, FINE, 50_000).astype(np.int32)
    products = np.full(len(items), PAGES.index("product"), np.int8)
    counts = np.bincount(url_codes(products, items, np.zeros(len(items), np.int64)))
    counts = np.sort(counts[counts > 0])[::-1]
    assert len(counts) == 400
    assert counts[:40].sum() > 0.25 * counts.sum()


def test_sources_are_other_sites_or_none() -> None:
    texts = addresses().to_pylist()
    campaign = np.array([0, 0, 1, 4])
    codes = source_codes(campaign, np.array([False, True, False, True]))
    assert codes[0] == -1
    found = [parse_url(texts[code]).host for code in codes[1:]]
    assert found == ["search.example", "ads.example", "partner.example"]


def test_hex_texts_are_those_of_python() -> None:
    numbers = np.array([0, 1, 255, 2**40 + 17, -1, 2**63 - 1])
    wanted = [f"{number % 2**64:016x}" for number in numbers.tolist()]
    assert hex_texts(numbers).to_pylist() == wanted
    assert hex_texts(numbers[:0]).to_pylist() == []


def test_scrambled_numbers_stay_distinct() -> None:
    numbers = np.arange(100_000)
    scrambled = mixed(numbers)
    assert len(np.unique(scrambled)) == len(numbers)
    assert abs((np.diff(scrambled) > 0).mean() - 0.5) < 0.01


def test_a_step_names_where_from_and_where_to() -> None:
    page = [PAGES.index("product"), PAGES.index("cart"), BUY, PAGES.index("home")]
    steps = Steps(
        visit=np.array([0, 0, 0, 1]),
        time_ms=np.arange(4),
        page=np.array(page, np.int8),
        item=np.zeros(4, np.int32),
        previous=np.array([-1, 0, 1, -1]),
        number=np.array([1, 2, 3, 1], np.int32),
        probability=np.zeros(4),
    )
    campaign = np.array([CAMPAIGNS.index("social"), 0])
    assert [STEPS[code] for code in step_codes(steps, campaign)] == [
        "social to product",
        "product to cart",
        "cart to complete",
        "none to home",
    ]
