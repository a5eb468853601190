"""The keyed hash, judged by openssl, and where its key comes from."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zap.collect.checks.keyed import hasher, key_of, keyed
from zap.collect.checks.settings import PrivacySettings
from zap.errors import CollectError

KEY = b"0123456789abcdef0123456789abcdef"


def by_hand(key: bytes, value: bytes) -> str:
    """RFC 2104, written out."""
    block = key.ljust(64, b"\0") if len(key) <= 64 else hashlib.sha256(key).digest()
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in block.ljust(64, b"\0")) + value)
    outer = bytes(b ^ 0x5C for b in block.ljust(64, b"\0")) + inner.digest()
    return "h_" + hashlib.sha256(outer).hexdigest()


@given(st.binary(min_size=16, max_size=80), st.text())
def test_it_is_hmac_sha256(key: bytes, value: str) -> None:
    assert keyed(key, value) == by_hand(key, value.encode())
    assert keyed(key, keyed(key, value)) == keyed(key, value)


def test_openssl_says_the_same() -> None:
    done = subprocess.run(
        ["openssl", "dgst", "-sha256", "-hmac", KEY.decode()],
        input=b"ann@example.com",
        capture_output=True,
        check=True,
    )
    assert keyed(KEY, "ann@example.com") == "h_" + done.stdout.decode().split()[-1]


def test_every_value_inside_is_hashed_and_numbers_as_their_texts() -> None:
    hashed = hasher(KEY)
    assert hashed(42) == hashed("42") == keyed(KEY, "42")
    assert hashed({"a": [1, None, "x"]}) == {"a": [keyed(KEY, "1"), None, hashed("x")]}


@pytest.mark.parametrize("text", ["h_" + "A" * 64, "h_" + "0" * 63, "0" * 64])
def test_what_only_looks_like_a_hash_is_hashed(text: str) -> None:
    assert keyed(KEY, text) == by_hand(KEY, text.encode())


def test_the_key_comes_from_a_file_or_a_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_bytes(KEY + b"\n")
    monkeypatch.setenv("A_KEY", KEY.decode())
    from_file = PrivacySettings(hash=["user_id"], hash_key_file="key")
    from_variable = PrivacySettings(hash=["user_id"], hash_key_env="A_KEY")
    assert key_of(from_file, tmp_path) == key_of(from_variable, tmp_path) == KEY


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ({}, "one place of the key"),
        ({"hash_key_env": "A_KEY", "hash_key_file": "key"}, "one place of the key"),
        ({"hash_key_env": "NO_KEY"}, "hash_key_env=NO_KEY with 0 bytes"),
        ({"hash_key_env": "A_KEY"}, "hash_key_env=A_KEY with 11 bytes"),
        ({"hash_key_file": "nowhere"}, "hash_key_file=nowhere"),
    ],
)
def test_a_wrong_key_is_told_without_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: dict[str, str], told: str
) -> None:
    monkeypatch.setenv("A_KEY", "short-hush!")
    with pytest.raises(CollectError) as caught:
        key_of(PrivacySettings(hash=["user_id"], **named), tmp_path)  # type: ignore[arg-type]
    assert told in str(caught.value) and "hush" not in str(caught.value)
