"""Generators by name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from zap.errors import GeneratorError
from zap.examples import Generator
from zap.examples.registry import (
    by_name,
    generators_in,
    load_generator,
    reference,
    registered,
)

SHIPPED = {
    "advertiser_churn",
    "cdnow_orders",
    "cdnow_repurchase",
    "cdnow_spend",
    "free_day_30_upgrade",
    "newsletter_signup",
    "recipe_box_churn",
    "retail_repurchase_30",
    "retail_repurchase_90",
    "shop_purchase",
    "shop_purchase_after_3",
    "shop_purchase_after_6",
}
SITE = '''
from zap.examples import *

class Returns(Generator):
    """Will the visitor come back?"""
    cutoffs = each(event("page_view"))
    label = future(days=7).any(event("page_view"))
    instance = Instance(types=["page_view"], fields=[Hash("url.path")])

class Leaves(Returns):
    label = future(days=7).none(event("page_view"))

other = 3
'''


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a user's own module that can be imported."""
    (tmp_path / "my_site_questions.py").write_text(SITE)
    monkeypatch.syspath_prepend(tmp_path)
    yield "my_site_questions"
    sys.modules.pop("my_site_questions", None)


def test_all_that_ship_are_registered_with_their_mapping() -> None:
    assert set(registered()) >= SHIPPED
    for name in SHIPPED:
        generator = load_generator(name)
        assert generator.name == name
        assert (generator.folder() / generator.mapping).is_file()
        assert generator.question.endswith("?")


def test_a_class_is_found_by_its_path(site: str) -> None:
    generator = load_generator(f"{site}:Leaves")
    assert generator.name == "leaves"
    assert reference(type(generator)) == f"{site}:Leaves"
    found = {cls.__name__ for cls in generators_in(sys.modules[site])}
    assert found == {"Returns", "Leaves"}


@pytest.mark.parametrize(
    ("name", "messages"),
    [
        ("cdnow_repurchas", ["Did you mean 'cdnow_repurchase'?", "shop_purchase,"]),
        (
            "???",
            ["There are: advertiser_churn, cdnow_orders, cdnow_repurchase", "'???'"],
        ),
        ("my_site_questions:Return", ["It defines: Returns, Leaves"]),
        ("my_site_questions:other", ["It defines: Returns, Leaves"]),
        ("my_site_questions:Generator", ["It defines: Returns, Leaves"]),
        ("no_such_module.at_all:Returns", ["no_such_module.at_all:Returns", "import"]),
    ],
)
def test_an_unknown_name_says_what_there_is(
    name: str, messages: list[str], site: str
) -> None:
    with pytest.raises(GeneratorError) as caught:
        load_generator(name)
    for message in messages:
        assert message in str(caught.value)
    assert f"Received: generator={name!r}" in str(caught.value)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("import not_there_either\n", "ModuleNotFoundError in {}, line 1: No module"),
        ("from zap.examples import Nothing\n", "ImportError in {}, line 1: cannot"),
        ("x = 1\nlabel = (+\n", "SyntaxError in {}, line 2: "),
        (SITE.replace("types", "kinds", 1), "TypeError in {}, line 8: "),
    ],
)
def test_a_module_that_cannot_be_imported_says_where(
    source: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "broken_questions.py"
    path.write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(GeneratorError) as caught:
        load_generator("broken_questions:Returns")
    assert problem.format(path) in str(caught.value)


def test_two_generators_of_one_name_are_refused() -> None:
    shop = registered()["shop_purchase"]
    twin = type("ShopPurchase", (shop,), {"__module__": "elsewhere"})
    assert by_name([shop, shop]) == {"shop_purchase": shop}
    with pytest.raises(GeneratorError, match="named 'shop_purchase'") as caught:
        by_name([shop, twin])
    assert reference(shop) in str(caught.value)
    assert reference(twin) in str(caught.value)


def test_the_base_is_no_generator() -> None:
    assert Generator not in registered().values()
