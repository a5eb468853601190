"""From a request's headers to its caller, before anything of its body is read."""

from __future__ import annotations

import time
from collections.abc import Callable

from zap.serving.api.access import PAGES, Access
from zap.serving.api.asked import Asked
from zap.serving.api.caller import Caller
from zap.serving.api.cors import is_local_host, is_local_origin
from zap.serving.api.key_file import KeyFile
from zap.serving.api.keys import Key
from zap.serving.api.limits import Claim, Limits, network_of
from zap.serving.api.refusals import forbidden, no_key, no_visitor
from zap.serving.api.visitors import (
    Visitor,
    VisitorRefused,
    check_visitor,
    signing_secret,
)

VISITOR_HEADER = b"zap-visitor"
_BEARER = b"bearer "


class Doorman:
    """Knows callers by their keys and tokens.

    Args:
        keys: the file of keys; None is a server that trusts its own machine.
        server_secret: by which visitors' tokens are signed.
        limits: of which callers' rates are told.
        metrics_public: whether metrics are open to all.
        now_s: the clock, in seconds since 1970.
    """

    def __init__(
        self,
        keys: KeyFile | None,
        server_secret: bytes | None,
        limits: Limits,
        metrics_public: bool = False,
        now_s: Callable[[], float] = time.time,
    ):
        self._keys = keys
        self._server_secret = server_secret
        self._limits = limits
        self._metrics_public = metrics_public
        self._now_s = now_s

    def admit(self, asked: Asked) -> Caller | None:
        """The caller; None on a route that is open to all.

        Raises:
            Refused: no key, a wrong one, or one that is not for this.
        """
        access = asked.rule.access
        if access is Access.OPEN:
            return None
        if access is Access.LOCAL and (self._metrics_public or asked.is_local):
            return Caller.local()
        if self._keys is None:
            return _local(asked)
        key = self._key(asked, self._keys)
        caller = self._caller(asked, key)
        application = asked.params.get("application")
        if application is not None and not caller.may_ask(application):
            raise forbidden(
                "application", "This key is not for this application.", "application"
            )
        return caller

    def claims(self, asked: Asked, caller: Caller) -> list[Claim]:
        """The rates that a caller's request is held to."""
        limits = self._limits
        if caller.kind == "local":
            return []
        if caller.kind == "secret":
            return [("rate_key", caller.key_id, limits.secret)] if limits.secret else []
        claims: list[Claim] = []
        if limits.visitor and caller.anonymous_id is not None:
            who = (caller.key_id, caller.anonymous_id)
            claims.append(("rate_visitor", who, limits.visitor))
        if limits.address:
            claims.append(("rate_address", network_of(asked.address), limits.address))
        if limits.publishable:
            claims.append(("rate_key", caller.key_id, limits.publishable))
        return claims

    def site_secret(self, key_id: str) -> str:
        """The signing secret of a publishable key."""
        assert self._server_secret is not None
        return signing_secret(self._server_secret, key_id)

    @staticmethod
    def _key(asked: Asked, keys: KeyFile) -> Key:
        given = asked.headers.get(b"authorization", b"")
        if given[: len(_BEARER)].lower() != _BEARER:
            raise no_key()
        key = keys.ring.find(given[len(_BEARER) :].strip())
        if key is None:
            raise no_key("bad_key")
        return key

    def _caller(self, asked: Asked, key: Key) -> Caller:
        applications = None if key.applications is None else frozenset(key.applications)
        access = asked.rule.access
        if key.kind == "secret":
            if access is Access.VISITORS:
                raise forbidden(
                    "kind_of_key",
                    "Expected a publishable key. With the secret of one, sign the "
                    "visitors of your site on its own server.",
                    "kind_of_key",
                )
            return Caller("secret", key.id, None, applications)
        if access not in PAGES:
            raise forbidden(
                "kind_of_key", "Expected a secret key for this.", "kind_of_key"
            )
        _check_origin(asked, key)
        return Caller("publishable", key.id, self._visitor(asked, key), applications)

    def _visitor(self, asked: Asked, key: Key) -> str | None:
        token = asked.headers.get(VISITOR_HEADER)
        if token is None:
            if asked.rule.access is Access.VISITORS:
                return None
            raise no_visitor(
                "visitor_missing",
                "Expected the token of a visitor in the header Zap-Visitor. Get one "
                "with POST /v1/visitors.",
            )
        return self._checked(token, key).anonymous_id

    def _checked(self, token: bytes, key: Key) -> Visitor:
        if self._server_secret is None:
            raise forbidden("visitor_invalid", "No visitors are known here.", "visitor")
        text = token.decode("latin-1")
        try:
            return check_visitor(self.site_secret(key.id), key.id, text, self._now_s())
        except VisitorRefused as error:
            message = f"Expected a visitor's token of this key: {error}."
            if error.code == "visitor_expired":
                raise no_visitor(error.code, message) from None
            raise forbidden(error.code, message, "visitor") from None


def _check_origin(asked: Asked, key: Key) -> None:
    origin = asked.origin
    if origin is None or origin.decode("latin-1") not in key.origins:
        raise forbidden(
            "origin",
            "Expected a page of an origin that this publishable key lists.",
            "origin",
        )


def _local(asked: Asked) -> Caller:
    """The caller of a server without keys: this machine, and no foreign page on it."""
    page = asked.origin
    if (
        not asked.is_local
        or not is_local_host(asked.headers.get(b"host"))
        or (page is not None and not is_local_origin(page))
    ):
        raise forbidden(
            "host",
            "This server has no keys and answers its own machine alone, as localhost. "
            "Start it with a file of keys for others.",
            "host",
        )
    return Caller.local()
