"""Tokens of visitors: signed by us or by a site, and what is refused."""

from __future__ import annotations

import hashlib
import hmac
import stat
from base64 import urlsafe_b64encode
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.serving.api.conftest import SHOP, Echo, Keys, serving
from zap.errors import KeysError
from zap.serving.api.gate import Gate
from zap.serving.api.key_file import add_key
from zap.serving.api.keys import new_key
from zap.serving.api.visitors import (
    VisitorRefused,
    check_visitor,
    server_secret,
    sign_visitor,
    signing_secret,
)

SERVER = bytes(range(32))
SECRET = signing_secret(SERVER, "pk-1")
IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50)


def refused(token: str, key_id: str = "pk-1", now_s: float = 1_000) -> str:
    with pytest.raises(VisitorRefused) as raised:
        check_visitor(signing_secret(SERVER, key_id), key_id, token, now_s)
    return raised.value.code


@given(IDS, st.integers(1, 10**6))
def test_a_token_proves_its_visitor_until_it_expires(who: str, life_s: int) -> None:
    token = sign_visitor(SECRET, "pk-1", who, life_s, now_s=1_000)
    last = check_visitor(SECRET, "pk-1", token, 1_000 + life_s - 0.001)
    assert (last.anonymous_id, last.expires_s) == (who, 1_000 + life_s)
    assert refused(token, now_s=1_000 + life_s) == "visitor_expired"
    assert all(32 < ord(c) < 127 for c in token)  # fits a header


@given(IDS, st.data())
def test_a_changed_token_proves_nobody_else(who: str, data: st.DataObject) -> None:
    token = sign_visitor(SECRET, "pk-1", who, now_s=1_000)
    at = data.draw(st.integers(0, len(token) - 1))
    to = data.draw(st.sampled_from(".abcXYZ019-_\xff "))
    changed = token[:at] + to + token[at + 1 :]
    try:
        assert check_visitor(SECRET, "pk-1", changed, 1_000).anonymous_id == who
    except VisitorRefused as error:
        assert error.code == "visitor_invalid"


def test_the_mark_is_an_hmac_over_all_that_is_said() -> None:
    token = sign_visitor(SECRET, "pk-1", "v7", 60, now_s=1_000)
    key = hmac.new(SERVER, b"zap visitors\0pk-1", hashlib.sha256).hexdigest()
    said = b"zv1\0pk-1\x001060\0v7"
    mark = hmac.new(key.encode(), said, hashlib.sha256).digest()
    encoded = urlsafe_b64encode(mark).decode().rstrip("=")
    assert token == f"zv1.pk-1.1060.djc.{encoded}"


def test_a_token_is_of_one_key() -> None:
    token = sign_visitor(SECRET, "pk-1", "v7", now_s=1_000)
    assert refused(token, "pk-2") == "visitor_invalid"
    renamed = token.replace("pk-1", "pk-2")
    assert refused(renamed, "pk-2") == "visitor_invalid"


@pytest.mark.parametrize("token", ["", "zv1", "....", "zv1.pk-1.9.djc.", "x" * 5_000])
def test_what_is_no_token_is_refused(token: str) -> None:
    assert refused(token) == "visitor_invalid"


@pytest.mark.parametrize("who", ["", "x" * 201, "\ud800"])
def test_an_id_that_no_event_has_is_not_signed(who: str) -> None:
    with pytest.raises(KeysError, match="anonymous_id"):
        sign_visitor(SECRET, "pk-1", who)


def test_the_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    secret = server_secret(keys)
    assert len(secret) == 32 and server_secret(keys) == secret
    mode = (tmp_path / "keys.json.secret").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_the_secret_may_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZAP_VISITOR_SECRET", SERVER.hex())
    assert server_secret(tmp_path / "keys.json") == SERVER
    monkeypatch.setenv("ZAP_VISITOR_SECRET", "not-a-secret-of-mine")
    with pytest.raises(KeysError) as raised:
        server_secret(tmp_path / "keys.json")
    assert "not-a-secret" not in str(raised.value)


def test_over_http(keys: Keys) -> None:
    now_s = [1_000_000.0]

    def make(echo: Echo) -> Gate:
        return Gate(echo, keys.path, visitor_life_s=100, now_s=lambda: now_s[0])

    with serving(make) as running, httpx.Client(base_url=running.url) as client:

        def ask(token: str | None) -> tuple[int, str]:
            page = keys.as_page(token)
            said = client.post("/v1/predictions/cart", headers=page).json()
            if "error" in said:
                return 0, said["error"]["code"]
            return 200, said["anonymous_id"]

        issued = client.post("/v1/visitors", headers=keys.as_page()).json()
        assert issued["expires"] == 1_000_100
        assert ask(issued["token"]) == (200, issued["anonymous_id"])
        assert ask(None)[1] == "visitor_missing"
        assert ask(issued["token"][:-1] + "!")[1] == "visitor_invalid"

        # A site's own server signs the id that its events carry.
        own = signing_secret(server_secret(keys.path), keys.publishable_key.id)
        signed = sign_visitor(own, keys.publishable_key.id, "v7", now_s=now_s[0])
        assert ask(signed) == (200, "v7")

        # Another site's key takes no token of this one.
        _, other_key = new_key("publishable", [SHOP])
        add_key(keys.path, other_key)
        foreign = sign_visitor(
            signing_secret(server_secret(keys.path), other_key.id),
            other_key.id,
            "v7",
            now_s=now_s[0],
        )
        assert ask(foreign)[1] == "visitor_invalid"

        # While it holds, a token gets a fresh one for the same visitor.
        now_s[0] += 99
        again = client.post("/v1/visitors", headers=keys.as_page(issued["token"]))
        assert again.json()["anonymous_id"] == issued["anonymous_id"]
        now_s[0] += 1
        assert ask(issued["token"])[1] == "visitor_expired"
        assert ask(again.json()["token"]) == (200, issued["anonymous_id"])
        assert running.refused("visitor") == 4
