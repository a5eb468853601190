"""The file of keys, and how a server follows it."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import stat
import threading
from pathlib import Path

import pytest

from zap.errors import KeysError
from zap.serving.api.key_file import KeyFile, add_key, read_keys, revoke_key
from zap.serving.api.keyring import Keyring
from zap.serving.api.keys import Key, new_key

SHOP = "https://shop.example"


def made(path: Path, **named: object) -> tuple[str, Key]:
    text, key = new_key("secret", **named)  # type: ignore[arg-type]
    add_key(path, key)
    return text, key


def test_the_file_holds_no_key(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "keys.json"
    text, key = made(path)
    content = path.read_text()
    assert text not in content and text.removeprefix("zap_sk_") not in content
    assert hashlib.sha256(text.encode()).hexdigest() in content
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert text not in repr(key) and read_keys(path).find(text.encode()) == key


def test_a_key_has_256_bits_and_none_is_like_another() -> None:
    texts = {new_key("secret")[0] for _ in range(100)}
    assert len(texts) == 100
    assert all(len(t.removeprefix("zap_sk_")) * 6 >= 256 for t in texts)


def test_keys_are_found_as_a_dict_finds_them() -> None:
    known = dict(
        new_key("secret") if n % 2 else new_key("publishable", [SHOP]) for n in range(9)
    )
    ring = Keyring(tuple(known.values()))
    first = next(iter(known))
    asked = [*known, "", "zap_sk_", first + "x", first[:-1], "z" * 129, "\xff"]
    for text in asked:
        assert ring.find(text.encode()) == known.get(text)
    assert Keyring.from_json(json.loads(json.dumps(ring.to_json()))) == ring


def test_every_key_is_compared_whatever_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = dict(new_key("secret") for _ in range(7))
    ring, compared = Keyring(tuple(made.values())), []
    compare = hmac.compare_digest

    def counting(left: str, right: str) -> bool:
        compared.append(left)
        return compare(left, right)

    monkeypatch.setattr(hmac, "compare_digest", counting)
    for text in (next(iter(made)), "unknown"):
        compared.clear()
        ring.find(text.encode())
        assert compared == [key.digest for key in ring.keys]


def test_a_revoked_key_is_refused_and_stays_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    (text, key), (other, _) = made(path), made(path)
    first = revoke_key(path, key.id)
    ring = read_keys(path)
    assert ring.find(text.encode()) is None
    assert ring.find(other.encode()) is not None
    assert [one.id for one in ring.keys].count(key.id) == 1
    assert revoke_key(path, key.id) == first


def test_commands_at_once_lose_no_key(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    threads = [threading.Thread(target=made, args=(path,)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read_keys(path).keys) == 12


@pytest.mark.parametrize(
    "origin",
    ["shop.example", f"{SHOP}/", f"{SHOP}/page", "*", "null", "https://*.example", ""],
)
def test_an_origin_is_as_browsers_send_it(origin: str) -> None:
    with pytest.raises(KeysError, match="origin"):
        new_key("publishable", [origin])


def test_only_publishable_keys_have_origins() -> None:
    with pytest.raises(KeysError, match="origins=none"):
        new_key("publishable")
    with pytest.raises(KeysError, match="no page may hold"):
        new_key("secret", [SHOP])


GOOD = {"id": "k", "kind": "secret", "digest": "0" * 64}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"format": 2, "keys": []}',
        '{"format": 1}',
        "[" * 100_000,
        *(
            json.dumps({"format": 1, "keys": [{**GOOD, **wrong}]})
            for wrong in (
                {"kind": "other"},
                {"digest": "0"},
                {"digest": 7},
                {"id": "a.b"},
                {"applications": "cart cart"},
                {"applications": [7]},
                {"origins": [SHOP]},
                {"more": 1},
            )
        ),
        json.dumps({"format": 1, "keys": [GOOD, GOOD]}),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(KeysError, match="damaged"):
        read_keys(path)


def test_a_file_that_others_may_write_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    made(path)
    path.chmod(0o620)
    with pytest.raises(KeysError, match="mode=620"):
        read_keys(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeysError, match="zap keys new"):
        KeyFile(tmp_path / "keys.json")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_server_follows_the_file(tmp_path: Path) -> None:
    path, clock = tmp_path / "keys.json", Clock()
    first, key = made(path)
    keys = KeyFile(path, clock)
    second, _ = made(path)
    assert keys.ring.find(second.encode()) is None  # within a second nobody looks
    clock.now = 1.0
    assert keys.ring.find(second.encode()) is not None
    revoke_key(path, key.id)
    clock.now = 2.0
    assert keys.ring.find(first.encode()) is None


def test_damage_keeps_the_former_keys_and_absence_none(tmp_path: Path) -> None:
    path, clock = tmp_path / "keys.json", Clock()
    text, _ = made(path)
    content = path.read_bytes()
    keys = KeyFile(path, clock)
    path.write_bytes(content[:-20])
    clock.now = 1.0
    assert keys.ring.find(text.encode()) is not None and keys.damaged == 1
    os.unlink(path)
    clock.now = 2.0
    assert keys.ring == Keyring()
    path.write_bytes(content)
    path.chmod(0o600)
    clock.now = 3.0
    assert keys.ring.find(text.encode()) is not None
