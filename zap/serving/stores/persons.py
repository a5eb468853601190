"""Pasts of persons, whose events lie in several documents."""

from __future__ import annotations

from collections.abc import Sequence

from zap.encoding.subject_names import OF_DEVICE, OF_USER
from zap.serving.stores.asking import Asking
from zap.serving.stores.document import Document, known_at
from zap.serving.stores.keys import key_of
from zap.serving.stores.need import PERSON, Need
from zap.serving.stores.people import check_person, events_of, person_now
from zap.serving.stores.results import Past
from zap.serving.stores.swapping import document_of


def pasts_of_persons(
    subjects: Sequence[str], need: Need, now_us: int
) -> Asking[list[Past]]:
    """What an instance sees of persons; see ``EventStore.pasts``.

    Three round trips at most: the subjects, their users, and all devices.
    """
    for subject in subjects:
        check_person(subject)
    documents = yield from _with(subjects, {}, now_us)
    persons = [person_now(s, documents[s], now_us) for s in subjects]
    documents = yield from _with(persons, documents, now_us)
    users = [person for person in persons if person.startswith(OF_USER)]
    listed = {u: [OF_DEVICE + name for name, _ in documents[u].devices] for u in users}
    wanted = [name for names in listed.values() for name in names]
    documents = yield from _with(wanted, documents, now_us)
    found = []
    for person in persons:
        devices = {name: documents[name] for name in listed.get(person, ())}
        events = events_of(person, documents[person], devices, now_us)
        found.append(Past(need.seen(known_at(events, now_us), now_us), need))
    return found


def _with(
    names: Sequence[str], there: dict[str, Document], now_us: int
) -> Asking[dict[str, Document]]:
    """The documents that are there, and those of further persons."""
    missing = [name for name in dict.fromkeys(names) if name not in there]
    if not missing:
        return there
    held = yield [key_of(PERSON, name) for name in missing]
    read = (document_of(each, now_us) for each in held)
    return there | dict(zip(missing, read, strict=True))
