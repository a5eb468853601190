"""What every event goes through before it is written: privacy, then schemas.

A schema so describes what is kept: it sees a hash where a value is hashed, and nothing
where it is dropped. In return nothing that is told of an event, in bad rows or
messages, can hold what must not be written, and an event that is replayed is judged
like one that comes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from zap.collect.checks.own_form import WITHHELD, OwnForm
from zap.collect.checks.privacy import Privacy
from zap.collect.checks.schemas import Schemas
from zap.collect.checks.settings import CheckSettings, PrivacySettings
from zap.collect.event import BadRow, Event
from zap.errors import CollectError

INVALID = "schema.invalid"
UNKNOWN_TYPE = "schema.unknown_type"
TOO_DEEP = "too_deep"
PARAMETERS = "parameters"
"""The field under which protocols keep what they could not map."""

KEPT_WITH = "schema_errors"
"""The field of events that do not fit and are kept: what is wrong with them."""


class _Source:
    """The checks of one source."""

    def __init__(self, settings: CheckSettings, folder: Path):
        self.privacy: Privacy | None = None
        self.own_form: OwnForm | None = None
        if settings.privacy != PrivacySettings():
            self.privacy = Privacy(settings.privacy, folder)
            self.own_form = OwnForm(self.privacy)
        self.schemas = Schemas(folder / settings.schemas) if settings.schemas else None
        self.keeps_invalid = settings.on_invalid == "keep"
        self.keeps_unknown = settings.unknown_types == "keep"

    def check(self, event: Event) -> Event | BadRow:
        """The event as it may be written, or what is wrong with it."""
        try:
            if self.privacy is not None:
                event = self.privacy.event(event)
                if self.own_form is not None and PARAMETERS in event:
                    own = self.own_form.payload(event[PARAMETERS])
                    event = {**event, PARAMETERS: own}
        except RecursionError:
            detail = "Expected an event nested less deep."
            return BadRow(TOO_DEEP, detail, WITHHELD)
        if self.schemas is None:
            return event
        if not self.schemas.has(event["type"]):
            if self.keeps_unknown:
                return event
            detail = (
                f"Expected a type that has a schema. Received: type={event['type']!r}."
            )
            return BadRow(UNKNOWN_TYPE, detail, event)
        wrong = self.schemas.problem(event)
        if wrong is None:
            return event
        if self.keeps_invalid:
            return {**event, KEPT_WITH: wrong}
        return BadRow(INVALID, wrong, event)


class Checks:
    """The checks of all sources.

    Args:
        settings: by source.
        folder: that relative paths of the settings are of.

    Raises:
        CollectError: a path, a key or a schema of a source is wrong.
    """

    def __init__(self, settings: Mapping[str, CheckSettings], folder: Path = Path()):
        self._sources = {}
        for name, each in settings.items():
            if each.schemas or each.privacy != PrivacySettings():
                try:
                    self._sources[name] = _Source(each, folder)
                except CollectError as error:
                    raise CollectError(f"source={name}: {error}") from error

    def has(self, source: str) -> bool:
        """Whether events of a source go through any."""
        return source in self._sources

    def apply(
        self, source: str, events: Sequence[Event]
    ) -> tuple[Sequence[Event], list[BadRow]]:
        """The events as they may be written, and bad rows of those that do not fit.

        Args:
            source: whose they are.
            events: whole; they are not changed.
        """
        checks = self._sources.get(source)
        if checks is None:
            return events, []
        kept: list[Event] = []
        bad: list[BadRow] = []
        for event in events:
            checked = checks.check(event)
            if isinstance(checked, BadRow):
                bad.append(checked)
            else:
                kept.append(checked)
        return kept, bad

    def bad(self, source: str, rows: Sequence[BadRow]) -> Sequence[BadRow]:
        """What a protocol refused, as it may be written.

        Args:
            source: whose they are.
            rows: with payloads in the client's own form.
        """
        checks = self._sources.get(source)
        if checks is None or checks.own_form is None:
            return rows
        return [checks.own_form.row(row) for row in rows]
