"""Parameters taken out of URLs, judged by urllib."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zap.collect.checks.queries import is_query_key, without

NAMES = frozenset({"email", "token", "straße"})
names = st.sampled_from(["email", "Email", "token", "straße", "a", "page", "e mail"])
values = st.text(max_size=8)
pairs = st.lists(st.tuples(names, values), max_size=6)
paths = st.sampled_from(["https://shop.example/cart", "/cart;v=1", "", "//x.example"])
fragments = st.sampled_from(["", "#top", "#/route"])


def kept(found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in found if name.lower() not in NAMES]


@given(paths, pairs, fragments)
def test_what_urllib_reads_is_what_was_kept(
    path: str, query: list[tuple[str, str]], fragment: str
) -> None:
    url = f"{path}?{urlencode(query)}{fragment}"
    new = without(url, NAMES)
    before, after = urlsplit(url), urlsplit(new)
    assert parse_qsl(after.query, True) == kept(parse_qsl(before.query, True))
    assert (after.netloc, after.path, after.fragment) == (
        before.netloc,
        before.path,
        before.fragment,
    )
    if kept(query) == query:
        assert new == url, "it stays as it was written"


@given(pairs)
def test_a_query_alone(query: list[tuple[str, str]]) -> None:
    text = urlencode(query)
    new = without(text, NAMES, query_alone=True)
    assert parse_qsl(new, True) == kept(query)


@given(pairs, st.integers(1, 3))
def test_a_url_inside_a_parameter(query: list[tuple[str, str]], times: int) -> None:
    url = f"https://a.example/b?{urlencode(query)}"
    for _ in range(times):
        url = f"/in?next={quote(url, safe='')}"
    new = without(url, NAMES)
    for _ in range(times):
        [(name, new)] = parse_qsl(urlsplit(new).query, True)
        assert name == "next"
    assert parse_qsl(urlsplit(new).query, True) == kept(query)


@given(pairs)
def test_parameters_of_a_fragment(query: list[tuple[str, str]]) -> None:
    new = without(f"https://a.example/#/cart?{urlencode(query)}", NAMES)
    after = urlsplit(new).fragment.partition("?")[2]
    assert parse_qsl(after, True) == kept(query)


@given(pairs)
def test_semicolons_part_parameters_too(query: list[tuple[str, str]]) -> None:
    encoded = ";".join(urlencode([pair]) for pair in query)
    new = urlsplit(without(f"/a?{encoded}", NAMES)).query
    assert parse_qsl(new, True, separator=";") == kept(query)


@given(st.text(max_size=40), st.booleans())
def test_once_is_enough(text: str, alone: bool) -> None:
    once = without(text, NAMES, alone)
    assert without(once, NAMES, alone) == once


@given(st.text(alphabet="email=token?&#;%2 3x/", max_size=40))
def test_once_is_enough_where_names_are(text: str) -> None:
    once = without(text, NAMES)
    assert without(once, NAMES) == once


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("https://a.example/?e%6Dail=x", "https://a.example/"),
        ("https://a.example/?email", "https://a.example/"),
        ("https://a.example/#email", "https://a.example/#email"),
        ("?email=x", ""),
        ("?email=x&q=y", "?q=y"),
        ("/a?q=y&email=x#end", "/a?q=y#end"),
        ("Is this it? I think so & more", "Is this it? I think so & more"),
    ],
)
def test_examples(before: str, after: str) -> None:
    assert without(before, NAMES) == after


def test_keys_of_queries() -> None:
    found = ["search", "page_urlquery", "refr_urlquery", "query_string", "queryString"]
    assert [is_query_key(name) for name in found] == [True] * 5
    assert not any(is_query_key(name) for name in ("research", "title", "url"))
