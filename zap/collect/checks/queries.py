"""Parameters taken out of URLs, wherever a URL is: the rest stays as it was written.

Names are compared decoded and without regard to case. A URL that is itself the value of
a parameter is gone into, and so are parameters of a fragment (``#/cart?email=``).
"""

from __future__ import annotations

import re
from collections.abc import Set
from urllib.parse import quote, unquote, unquote_plus

DELIMITERS = re.compile(r"([?#&;])")
QUERY_KEYS = re.compile(r"(^|_)(search|query|query_?string|url_?query)$")
MOST_NESTED = 4


def is_query_key(name: str) -> bool:
    """Whether a key's name says that its value is a query, without a URL before it.

    >>> [is_query_key(name) for name in ("search", "page_urlquery", "title")]
    [True, True, False]
    """
    return QUERY_KEYS.search(name.lower()) is not None


def without(text: str, names: Set[str], query_alone: bool = False) -> str:
    """A text without the parameters of some names.

    >>> without("https://a.example/b?c=1&Email=x&d=2#e", {"email"})
    'https://a.example/b?c=1&d=2#e'
    >>> without("/back?to=%2Fb%3Femail%3Dx", {"email"})
    '/back?to=%2Fb'
    >>> without("email=x&c=1", {"email"}, query_alone=True)
    'c=1'

    Args:
        text: a URL, or anything else, which is given back.
        names: in lower case.
        query_alone: whether the text begins with a parameter.
    """
    return _without(text, names, query_alone, MOST_NESTED)


def _without(text: str, names: Set[str], query_alone: bool, nested: int) -> str:
    if not (query_alone or "?" in text or "#" in text):
        return text
    pieces = DELIMITERS.split(text)
    kept = [] if query_alone else [pieces[0]]
    at = -1 if query_alone else 1
    removed = False
    while at < len(pieces):
        mark = pieces[at] if at > 0 else ""
        new = _piece(pieces[at + 1], mark, names, nested)
        removed |= new != pieces[at + 1]
        kept += [mark, new]
        at += 2
    return _joined(kept, query_alone) if removed else text


def _piece(piece: str, mark: str, names: Set[str], nested: int) -> str:
    """A parameter as it stays: empty where it goes."""
    name, equals, value = piece.partition("=")
    if (equals or mark != "#") and unquote_plus(name).lower() in names:
        return ""
    if nested and "%" in (value if equals else name):
        inner = unquote(value if equals else name)
        new = _without(inner, names, False, nested - 1)
        if new != inner:
            return f"{name}={quote(new, safe='')}" if equals else quote(new, safe="")
    return piece


def _joined(kept: list[str], query_alone: bool) -> str:
    """Head, then marks and pieces in turn; a mark of nothing goes with it."""
    text = "" if query_alone else kept[0]
    pairs = kept if query_alone else kept[1:]
    opened = ""  # a ? or # after which nothing has come yet
    for mark, piece in zip(pairs[::2], pairs[1::2], strict=True):
        if mark in ("?", "#"):
            opened = mark
        if not piece:
            continue
        if opened:
            text, opened = text + opened + piece, ""
        else:
            text += (mark if text else "") + piece
    return text
