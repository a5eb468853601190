"""The order-free digest of records."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from zap.datasets.digest import add_digests, digest_of, shown

records = st.lists(st.binary(max_size=20), max_size=8)


@given(records, st.randoms())
def test_order_and_parts_do_not_matter(some: list[bytes], random) -> None:
    other = some.copy()
    random.shuffle(other)
    cut = random.randint(0, len(some))
    parts = [digest_of(other[:cut]), digest_of(other[cut:])]
    assert digest_of(some) == digest_of(other) == add_digests(parts)


@given(records, st.binary(max_size=20))
def test_a_record_more_or_twice_is_another_digest(some, more: bytes) -> None:
    one = digest_of([*some, more])
    assert len({digest_of(some), one, digest_of([*some, more, more])}) == 3


def test_shown_as_the_sum_of_hashes() -> None:
    found = [hashlib.blake2b(r, digest_size=16).hexdigest() for r in (b"a", b"b")]
    total = sum(int(each, 16) for each in found) % 2**128
    assert shown(digest_of([b"a", b"b"])) == f"{total:032x}"
    assert shown(0) == "0" * 32
