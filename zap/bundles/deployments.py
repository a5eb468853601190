"""The log of an application's deployments, which is the truth about what is live.

Every entry is a file of its own, numbered without gaps and made by one exclusive
create: of two who deploy at once, one makes the number and the other reads again and
takes the next. Nothing is ever edited or removed, so a reader can't meet half of a
change, and a process that dies has either made its entry or not. Each entry says what
is live after it, so that the last one is all that a reader needs; and since there are
no gaps, to ask for the next number is to ask whether anything has changed.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

from zap.bundles.files import Files
from zap.bundles.names import is_version, now
from zap.errors import RegistryError

DEPLOY, REVERT, ARCHIVE, UNARCHIVE = "deploy", "revert", "archive", "unarchive"
FOLDER = "deployments"
_FILE = re.compile(r"(?P<number>[0-9]{6,})\.json")


@dataclass(frozen=True)
class Deployment:
    """One entry of the log.

    Attributes:
        number: 1, 2, 3 and so on.
        action: deploy, revert, archive or unarchive.
        version: which it is about: the one that became live, or was put away or back.
        live: the version that is live after it; None if none ever was.
        previous: the version that was live before that one; None if there was none.
        who: a user's name.
        when: UTC, ISO 8601.
        why: in a person's words; may be empty.
    """

    number: int
    action: str
    version: str
    live: str | None
    previous: str | None
    who: str
    when: str
    why: str

    def __post_init__(self) -> None:
        versions = (self.version, self.live, self.previous)
        right = isinstance(self.number, int) and self.number >= 1
        right &= all(v is None or is_version(v) for v in versions)
        if self.action in (DEPLOY, REVERT):
            right &= self.version is not None and self.version == self.live
        else:
            right &= self.action in (ARCHIVE, UNARCHIVE) and self.version != self.live
        if not right:
            raise ValueError(f"no entry of a log: {self}")

    def to_dict(self) -> dict[str, Any]:
        """The entry as a JSON object."""
        return asdict(self)


_FIELDS = fields(Deployment)  # a later version of Zap may write more


@dataclass(frozen=True)
class State:
    """What the log says of now.

    Attributes:
        last: its last entry; None if it has none.
        archived: the versions that are put away.
    """

    last: Deployment | None
    archived: frozenset[str]

    @property
    def live(self) -> str | None:
        """The version that is live."""
        return self.last.live if self.last else None

    @property
    def previous(self) -> str | None:
        """The version that was live before."""
        return self.last.previous if self.last else None


@dataclass(frozen=True)
class Step:
    """What somebody wants to add to the log, given its state.

    Attributes:
        action, version, live, previous: as in `Deployment`.
    """

    action: str
    version: str
    live: str | None
    previous: str | None


class DeploymentLog:
    """Reads and writes the log; threads may share it, and processes the files.

    Args:
        files: of the application.
    """

    def __init__(self, files: Files):
        self._files = files
        self._lock = threading.Lock()
        self._last: Deployment | None = None
        self._known: dict[int, Deployment] = {}

    def last(self) -> Deployment | None:
        """The last entry, or None. One look at the store, if there is none newer.

        Raises:
            RegistryError: an entry is damaged.
            BundleError: the store can't be read.
        """
        with self._lock:
            if self._last is None:
                numbers = self._numbers()
                if not numbers:
                    return None
                self._last = self._entry(numbers[-1])
            while (newer := self._find(self._last.number + 1)) is not None:
                self._last = newer
            return self._last

    def entries(self) -> list[Deployment]:
        """All entries, the first first.

        Raises:
            RegistryError: an entry is damaged or was removed.
            BundleError: the store can't be read.
        """
        last = self.last()
        if last is None:
            return []
        numbers = range(1, last.number + 1)
        unknown = [number for number in numbers if number not in self._known]
        found = self._files.find_all([path_of(number) for number in unknown])
        for number, content in zip(unknown, found, strict=True):
            self._known[number] = self._parsed(number, content)
        return [self._known[number] for number in numbers]

    def state(self) -> State:
        """What the log says of now; raises what `entries` does."""
        return state_of(self.entries())

    def append(
        self, decide: Callable[[State], Step | None], who: str, why: str
    ) -> tuple[State, bool]:
        """Add an entry.

        Args:
            decide: what to add, given the state; None for nothing. It is asked again
                where another process was quicker, and may raise to refuse.
            who: a user's name.
            why: in a person's words.

        Returns:
            The state after it, and whether an entry was added.

        Raises:
            RegistryError: the log is damaged.
            BundleError: the store can't be written to.
        """
        while True:
            state = self.state()
            step = decide(state)
            if step is None:
                return state, False
            number = state.last.number + 1 if state.last else 1
            entry = Deployment(number, **asdict(step), who=who, when=now(), why=why)
            content = f"{json.dumps(entry.to_dict(), indent=1)}\n".encode()
            if self._files.create(path_of(number), content):
                return state_of([entry], state), True

    def _numbers(self) -> list[int]:
        found = map(_FILE.fullmatch, self._files.names(FOLDER))
        return sorted(int(match["number"]) for match in found if match)

    def _find(self, number: int) -> Deployment | None:
        content = self._files.find(path_of(number))
        return None if content is None else self._parsed(number, content)

    def _entry(self, number: int) -> Deployment:
        return self._parsed(number, self._files.find(path_of(number)))

    def _parsed(self, number: int, content: bytes | None) -> Deployment:
        where = self._files.shown(path_of(number))
        if content is None:
            raise RegistryError(
                f"Expected a log without gaps. Received: file={where}, which is not "
                "there. Put it back: the log says what is live."
            )
        try:
            said = json.loads(content)
            entry = Deployment(**{field.name: said[field.name] for field in _FIELDS})
            if entry.number != number:
                raise ValueError(f"number={entry.number}")
        except (ValueError, TypeError, KeyError) as error:
            raise RegistryError(
                "Expected an entry of the log as it was written. Received: "
                f"file={where}, which has changed. Put back what was there."
            ) from error
        return entry


def state_of(entries: Iterable[Deployment], before: State | None = None) -> State:
    """The state after entries, which follow a state."""
    last, archived = (before.last, before.archived) if before else (None, frozenset())
    for last in entries:
        if last.action == ARCHIVE:
            archived |= {last.version}
        elif last.action == UNARCHIVE:
            archived -= {last.version}
    return State(last, archived)


def path_of(number: int) -> str:
    """The file of an entry, in the application's folder."""
    return f"{FOLDER}/{number:06d}.json"
