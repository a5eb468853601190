"""One subject removed from a store, with the links that name it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from zap.encoding.subject_names import OF_DEVICE, OF_USER
from zap.serving.stores.document import NOTHING, Document
from zap.serving.stores.keys import key_of
from zap.serving.stores.need import PERSON
from zap.serving.stores.people import without_device, without_user

Read = Callable[[Sequence[str]], list[Document]]
Edit = Callable[[str, Callable[[Document], Document | None]], None]


class Forgetting:
    """Removes subjects.

    Args:
        read: the documents under keys.
        edit: changes the document under a key, whoever else does at the time.
    """

    def __init__(self, read: Read, edit: Edit):
        self._read, self._edit = read, edit

    def forget(self, field: str, subject: str) -> int:
        """Remove a subject; how many events were removed.

        Args:
            field: that names it.
            subject: its name; of persons with or without ``user:``, ``anonymous:``.
        """
        if field == PERSON:
            if subject.startswith(OF_USER):
                return self._user(subject.removeprefix(OF_USER))
            if subject.startswith(OF_DEVICE):
                return self._device(subject.removeprefix(OF_DEVICE))
            return self._user(subject) + self._device(subject)
        removed = self._emptied(key_of(field, subject))
        if field == "user_id":
            removed += self._user(subject)
        elif field == "anonymous_id":
            removed += self._device(subject)
        return removed

    def _user(self, user: str) -> int:
        """A person, with what is his on each of his devices."""
        key = key_of(PERSON, OF_USER + user)
        (document,) = self._read([key])
        removed = sum(
            self._edited(
                key_of(PERSON, OF_DEVICE + device),
                lambda document: without_user(document, user),
            )
            for device, _ in document.devices
        )
        return removed + self._emptied(key)

    def _device(self, device: str) -> int:
        """A device with all that happened on it, whosever it was."""
        key = key_of(PERSON, OF_DEVICE + device)
        (document,) = self._read([key])
        for user in {link.user for link in document.links}:
            self._edited(
                key_of(PERSON, OF_USER + user),
                lambda document: without_device(document, device),
            )
        return self._emptied(key)

    def _emptied(self, key: str) -> int:
        return self._edited(key, lambda _: NOTHING)

    def _edited(self, key: str, change: Callable[[Document], Document]) -> int:
        removed = 0

        def edit(document: Document) -> Document | None:
            nonlocal removed
            made = change(document)
            removed = len(document.events) - len(made.events)
            if made.empty:
                return NOTHING
            return None if made == document else made

        self._edit(key, edit)
        return removed
