"""Signed anonymous ids: how a page proves whose predictions it may ask for.

A publishable key is public, so it cannot say who asks. The token does: an HMAC-SHA256
over key id, expiry and anonymous id. Each publishable key has a signing secret of its
own, derived from the server's, so that a site that signs on its own server can sign for
its own key alone and never sees the server's secret.

Changing the token's form ends every visitor's token; the number in front of it says
which form it has.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from pathlib import Path

from zap.bundles.folders import create_file
from zap.errors import KeysError

VARIABLE = "ZAP_VISITOR_SECRET"
SUFFIX = ".secret"
SECRET_BYTES = 32
LONGEST_ID = 200
LONGEST_TOKEN = 1_024
DAY_S = 86_400
LIFE_S = 30 * DAY_S
_FORM = "zv1"


class VisitorRefused(Exception):
    """A token that does not prove its visitor.

    Args:
        code: for programs: ``visitor_expired`` or ``visitor_invalid``.
        message: for people.
    """

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Visitor:
    """Whom a token names.

    Attributes:
        anonymous_id: as in events.
        expires_s: the first second, since 1970, in which the token is refused.
    """

    anonymous_id: str
    expires_s: int


def signing_secret(server_secret: bytes, key_id: str) -> str:
    """The secret by which one site signs the ids of its own visitors."""
    message = b"zap visitors\0" + key_id.encode()
    return hmac.new(server_secret, message, hashlib.sha256).hexdigest()


def sign_visitor(
    secret: str,
    key_id: str,
    anonymous_id: str,
    life_s: int = LIFE_S,
    now_s: float | None = None,
) -> str:
    """A token that lets a page ask for the predictions of one visitor.

    Args:
        secret: the signing secret of the publishable key.
        key_id: of the publishable key that the page uses.
        anonymous_id: of the visitor, as in its events.
        life_s: for how long it holds.
        now_s: the time, in seconds since 1970; the clock's if None.

    Raises:
        KeysError: the id is empty or too long, or the token would hold no time.
    """
    raw = anonymous_id.encode("utf-8", "strict") if is_text(anonymous_id) else b""
    if not 0 < len(raw) <= LONGEST_ID:
        raise KeysError(
            f"Expected an anonymous_id of 1 to {LONGEST_ID} bytes. Received: "
            f"{len(raw)} bytes. Sign the id that the visitor's events carry."
        )
    if life_s < 1:
        raise KeysError(
            f"Expected a token that holds for a second or more. Received: "
            f"life_s={life_s}. Leave it out for {LIFE_S // DAY_S} days."
        )
    expires = str(int(time.time() if now_s is None else now_s) + life_s)
    mark = _mark(secret, key_id, expires, raw)
    return ".".join((_FORM, key_id, expires, _base64(raw), mark))


def issue_visitor(
    secret: str, key_id: str, anonymous_id: str | None, life_s: int, now_s: float
) -> dict[str, str | int]:
    """A token with the id that it proves and its end, as pages are given them.

    Args:
        secret: the signing secret of the publishable key.
        key_id: of that key.
        anonymous_id: of a visitor who is known; None makes a new one.
        life_s: for how long it holds.
        now_s: the time, in seconds since 1970.
    """
    who = anonymous_id or str(uuid.uuid4())
    token = sign_visitor(secret, key_id, who, life_s, now_s)
    return {"anonymous_id": who, "token": token, "expires": int(now_s) + life_s}


def check_visitor(secret: str, key_id: str, token: str, now_s: float) -> Visitor:
    """The visitor whom a token names.

    Raises:
        VisitorRefused: it is forged, expired, or of another key.
    """
    parts = token.split(".") if len(token) <= LONGEST_TOKEN else []
    if len(parts) != 5 or parts[0] != _FORM:
        raise VisitorRefused("visitor_invalid", "this is no token of a visitor")
    _, signed_for, expires, encoded, mark = parts
    raw = _unbase64(encoded)
    wanted = _mark(secret, key_id, expires, raw)
    genuine = hmac.compare_digest(mark.encode(), wanted.encode())
    if signed_for != key_id:
        raise VisitorRefused("visitor_invalid", "the token is of another key")
    if not genuine:
        raise VisitorRefused("visitor_invalid", "the token is not signed by this key")
    # From here on the parts are as sign_visitor wrote them.
    if now_s >= int(expires):
        raise VisitorRefused("visitor_expired", "the token has expired")
    return Visitor(raw.decode(), int(expires))


def server_secret(keys_file: Path) -> bytes:
    """The server's secret, from the environment or from beside the file of keys.

    It is made at the first call, readable by its owner alone.

    Raises:
        KeysError: what is there is no secret.
        OSError: the disk refuses.
    """
    given = os.environ.get(VARIABLE)
    if given:
        return _parsed(given, VARIABLE)
    path = keys_file.with_name(keys_file.name + SUFFIX)
    if not path.exists():
        create_file(path, f"{secrets.token_hex(SECRET_BYTES)}\n".encode(), 0o600)
    return _parsed(path.read_bytes()[:1_024].decode("ascii", "replace"), str(path))


def is_text(value: str) -> bool:
    """Whether a string has a UTF-8 form: half a surrogate pair has none."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _mark(secret: str, key_id: str, expires: str, raw: bytes) -> str:
    head = f"{_FORM}\0{key_id}\0{expires}\0".encode()
    return _base64(hmac.new(secret.encode(), head + raw, hashlib.sha256).digest())


def _base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unbase64(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))
    except (Base64Error, ValueError):
        return b""


def _parsed(text: str, where: str) -> bytes:
    try:
        secret = bytes.fromhex(text.strip())
    except ValueError:
        secret = b""
    if not 32 <= len(secret) <= 64:
        # Never the text itself: it may be a secret with a slip in it.
        raise KeysError(
            "Expected a secret of 64 to 128 hexadecimal digits. Received: "
            f"{len(text.strip())} characters that are none, in {where}. Put back the "
            "one that was there: with another, every visitor's token is refused."
        )
    return secret
