"""Addresses as browsers, scrapers and broken tags send them."""

from urllib.parse import quote, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zap.events.urls import MAX_QUERY_KEYS, MAX_SEGMENTS, MAX_URL_CHARS, Url, parse_url

NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=9
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "HTTPS://me:pw@Shop.Example.:8080/a/b%20c//d?x=1&y=&x=2#top",
            Url("shop.example", "/a/b%20c//d", ("a", "b c", "d"), ("x", "y")),
        ),
        ("https://shop.example", Url("shop.example", "/")),
        ("//cdn.example/x", Url("cdn.example", "/x", ("x",))),
        ("/a/b?c", Url(None, "/a/b", ("a", "b"), ("c",))),
        ("http://[2001:DB8::1]:80/", Url("[2001:db8::1]", "/")),
        ("https://shop.example?q+r=1", Url("shop.example", "/", (), ("q r",))),
        ("android-app://com.x.y/", Url("com.x.y", "/")),
        ("", Url()),
        ("  ", Url()),
        ("http://", Url(None, "/")),
        ("http://a b/c", Url(None, "/c", ("c",))),
        ("?a=1", Url(None, None, (), ("a",))),
        ("#only", Url()),
    ],
)
def test_parts_of_an_address(text: str, expected: Url) -> None:
    assert parse_url(text) == expected


@given(
    host=st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,9}\.[a-z]{2,3}", fullmatch=True),
    names=st.lists(NAMES, max_size=5),
    keys=st.lists(NAMES, max_size=5),
)
def test_what_was_put_together_is_taken_apart(
    host: str, names: list[str], keys: list[str]
) -> None:
    path = "/" + "/".join(quote(name, safe="") for name in names)
    query = "&".join(f"{quote(key, safe='')}=1" for key in keys)
    url = f"https://{host}{path}?{query}"
    found = parse_url(url)
    assert found.host == host.lower() == urlsplit(url).hostname
    assert found.path == urlsplit(url).path
    assert found.segments == tuple(names)
    assert found.query_keys == tuple(dict.fromkeys(keys))


@given(st.text(max_size=300))
def test_no_text_raises_and_nothing_is_made_up(text: str) -> None:
    found = parse_url(text)
    for part in (*found.segments, *found.query_keys):
        assert part
        assert part in unquote(text) or part in unquote(text.replace("+", " "))


def test_everything_is_bounded() -> None:
    long = parse_url("https://x.example/" + "a/" * 5000)
    assert len(long.segments) == MAX_SEGMENTS
    assert len(long.path or "") <= MAX_URL_CHARS
    keys = parse_url("/?" + "&".join(f"k{i}=" for i in range(300)))
    assert len(keys.query_keys) == MAX_QUERY_KEYS
