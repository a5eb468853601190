"""Sealed files: any tool unpacks them, any changed byte is noticed."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zap.bundles import sealed
from zap.bundles.sealed import check_seal, seal, unseal
from zap.errors import BundleError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
    max_leaves=6,
).filter(lambda value: "Infinity" not in json.dumps(value))
RECORDS = st.lists(st.dictionaries(st.text(), JSON, max_size=4), max_size=8)
MANY = [{"id": f"{n:08x}", "score": n / 7, "page": "/a/b" * 9} for n in range(300)]


@given(RECORDS, st.integers(0, 9))
def test_records_come_back(records: list[dict[str, object]], forgotten: int) -> None:
    content = seal(records, forgotten)
    found, said = unseal(content, "x.gz")
    assert found == records
    assert (said.count, said.forgotten) == (len(records), forgotten)
    assert content == seal(records, forgotten)


def test_floats_come_back_to_the_bit() -> None:
    scores = [0.1, 1 / 3, 5e-324, 0.1 + 0.2, 1 - 2**-53]
    found, _ = unseal(seal([{"score": s} for s in scores]), "x.gz")
    assert [record["score"] for record in found] == scores


def test_it_is_gzip_without_a_date() -> None:
    content = seal(MANY, 2)
    first, *lines = gzip.decompress(content).decode().splitlines()
    assert [json.loads(line) for line in lines] == MANY
    said = json.loads(first)
    assert (said["count"], said["forgotten"]) == (300, 2)
    assert content[4:8] == bytes(4)
    second = content.index(b"\x1f\x8b", 1)
    assert said["sha256"] == hashlib.sha256(content[second:]).hexdigest()
    assert len(content) < 8_000


@pytest.mark.parametrize("records", [MANY, [], MANY[:1]])
def test_every_changed_bit_is_noticed(records: list[dict[str, object]]) -> None:
    content = seal(records)
    for at in range(len(content)):
        for bit in (1, 8, 128):
            changed = bytearray(content)
            changed[at] ^= bit
            with pytest.raises(BundleError, match=r"v\.gz .*has changed.*f/v\.gz"):
                check_seal(bytes(changed), "f/v.gz")


@pytest.mark.parametrize("cut", [0, 1, 9, 14, 40, 160, -1])
def test_a_cut_or_longer_file_is_noticed(cut: int) -> None:
    content = seal(MANY)
    for changed in (content[:cut], content + b"\0", content + content):
        with pytest.raises(BundleError, match="has changed"):
            unseal(changed, "v.gz")


def test_another_writer_of_gzip_is_read() -> None:
    """The digest decides, not this module's compression."""
    packed = gzip.compress(b'{"a":1}\n{"a":2}\n', 1, mtime=7)
    head = {"sha256": hashlib.sha256(packed).hexdigest(), "count": 2, "forgotten": 0}
    text = json.dumps(head).encode() + b"\n"
    stored = zlib.compressobj(0, zlib.DEFLATED, -15)
    block = stored.compress(text) + stored.flush()
    member = bytes.fromhex("1f8b08000000000000ff") + block
    member += zlib.crc32(text).to_bytes(4, "little") + len(text).to_bytes(4, "little")
    assert unseal(member + packed, "v.gz")[0] == [{"a": 1}, {"a": 2}]


def test_a_file_that_unpacks_to_more_than_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = seal([{"page": "a" * 5_000}])
    monkeypatch.setattr(sealed, "LIMIT_BYTES", 4_000)
    with pytest.raises(BundleError, match="at most 4,000 bytes"):
        unseal(content, "v.gz")
    with pytest.raises(BundleError, match="to seal"):
        seal([{"page": "a" * 5_000}])


@pytest.mark.parametrize("value", [float("nan"), object()])
def test_what_is_no_json_is_refused(value: object) -> None:
    with pytest.raises(BundleError, match="JSON in a record"):
        seal([{"score": value}])
