"""Makes a script small by plain rules, which its source keeps to.

A minifier is a program of megabytes in another language, and what it makes would have
to be committed or built. These rules do nearly as much for a source that is written
for them: each statement ends with a semicolon, comments have lines of their own, names
of its own begin with an underscore and are no properties, and no text has a space
beside punctuation. What a browser runs is tested, so a source that breaks a rule fails.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import product
from string import ascii_letters, digits

_NAME = re.compile(r"\b_[A-Za-z]+\b")
_NEEDLESS = re.compile(r"[;,](?=})")
_SPACE = re.compile(r"\s*([{}()\[\]=,;:?<>&|!+*/-])\s*")


def small(source: str) -> str:
    """The same script without comments, spaces and long names.

    >>> small('''
    ... // Twice a number.
    ... const _twice = (_n) => 2 * _n;
    ... window.four = _twice(2);
    ... ''')
    'let b=(a)=>2*a;window.four=b(2);'
    """
    lines = (line.strip() for line in source.splitlines())
    text = "\n".join(line for line in lines if not line.startswith("//"))
    text = _SPACE.sub(r"\1", text).replace("\n", " ").strip()
    text = _NEEDLESS.sub("", text).replace("const ", "let ")
    counts = Counter(_NAME.findall(text))
    ranked = sorted(counts, key=lambda name: (-counts[name], name))
    short = dict(zip(ranked, _short_names(), strict=False))
    return _NAME.sub(lambda match: short[match[0]], text)


def _short_names() -> Iterator[str]:
    """a, b, ... Z, $0, $1, ...: no words of the language among them."""
    yield from ascii_letters
    for size in (1, 2):
        for letters in product(digits, repeat=size):
            yield "$" + "".join(letters)
