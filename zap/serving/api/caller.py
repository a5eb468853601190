"""Who asks: the one thing that endpoints need to know of keys.

An endpoint never sees a key. It finds ``scope["zap.caller"]`` and asks whether that
caller may do what was asked; all that could go wrong with a key went wrong before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["secret", "publishable", "local"]
SCOPE_KEY = "zap.caller"
VISITOR_FIELD = "anonymous_id"


@dataclass(frozen=True)
class Caller:
    """Whoever made a request, after the gate has let it in.

    Attributes:
        kind: of the key; ``local`` where a server without keys is bound to localhost.
        key_id: names the key in logs and metrics; None without one.
        anonymous_id: whose predictions a publishable key may ask for; None where its
            visitor was not proved, and for the other kinds.
        applications: that the key may ask; None is all of them.
    """

    kind: Kind
    key_id: str | None = None
    anonymous_id: str | None = None
    applications: frozenset[str] | None = None

    @classmethod
    def local(cls) -> Caller:
        """The caller of a server that has no keys and hears this machine alone."""
        return cls("local")

    @property
    def trusted(self) -> bool:
        """Whether it may send events, ask for several subjects, and delete."""
        return self.kind != "publishable"

    def may(self, subject_field: str, subject: str) -> bool:
        """Whether it may ask about a subject.

        Args:
            subject_field: what the application predicts for, such as "anonymous_id".
            subject: its value.
        """
        if self.trusted:
            return True
        if subject_field != VISITOR_FIELD or self.anonymous_id is None:
            return False
        return subject == self.anonymous_id

    def may_ask(self, application: str) -> bool:
        """Whether its key was made for an application."""
        return self.applications is None or application in self.applications
