"""One logged prediction made again of archived events, and why it differs if it does.

The archive's view is what training would see at that moment: all events up to it, those
too that came in later. The log says which events serving had: the cause of a difference
is read from it, and proven by encoding the very events that serving had.
"""

from __future__ import annotations

from zap.encoding.encoder import EncodedInstance
from zap.errors import EncodingError
from zap.jobs.parity.archived import ArchivedSubject
from zap.jobs.parity.marks import Marks, marks_of, past_until
from zap.jobs.parity.result import (
    ARITHMETIC,
    CAUSES,
    CLOCK,
    LATE,
    MISSING,
    UNKNOWN,
    VALUES,
    VERSION,
    Rebuilt,
    Score,
)
from zap.serving.log import Logged
from zap.serving.predictor import Predictor


class Rebuilder:
    """Makes predictions of one version again.

    Args:
        predictor: of that version.
        has_ids: whether archived events have ids.
        has_receipts: whether the archive tells when events came in.
    """

    def __init__(self, predictor: Predictor, has_ids: bool, has_receipts: bool):
        self._predictor = predictor
        self._instance = predictor.encoder.instance
        self._has_ids, self._has_receipts = has_ids, has_receipts

    def rebuild(
        self, entry: Logged, subject: ArchivedSubject, with_events: bool = False
    ) -> Rebuilt:
        """Make a prediction again.

        Args:
            entry: as logged.
            subject: the archived events of its subject.
            with_events: whether events are told of where the score is equal, too.
        """
        other = self._predictor.encoder.fingerprint
        if other != entry.fingerprint:
            words = f"the encoder is {other} here and was {entry.fingerprint}"
            return Rebuilt(entry, None, None, VERSION, words)
        until_us = past_until(entry, subject)
        view, instant = subject.view(self._instance, until_us, entry.instant)
        try:
            encoded = self._encode(subject, view, instant)
        except EncodingError as error:
            return Rebuilt(entry, None, None, VALUES, str(error))
        score = self._predictor.score(encoded).value
        marks = marks_of(entry, subject, view, self._has_receipts)
        cause, detail = None, "equal to the bit"
        if score != entry.score:
            if encoded.digest == entry.encoded:
                cause, detail = ARITHMETIC, _apart(score, entry.score)
            else:
                cause, detail = self._cause(entry, subject, marks)
        told = marks.events(subject) if cause is not None or with_events else ()
        return Rebuilt(entry, encoded.digest, score, cause, detail, told)

    def _encode(
        self, subject: ArchivedSubject, rows: list[int], instant: int | None
    ) -> EncodedInstance:
        told = subject.told(self._instance, rows)
        return self._predictor.encoder.encode_instance(told, instant)

    def _cause(
        self, entry: Logged, subject: ArchivedSubject, marks: Marks
    ) -> tuple[str, str]:
        if not self._has_ids or not entry.ids:
            return self._without_ids(entry, subject)
        counted = marks.counted()
        words = "; ".join(f"{name}: {n}" for name, n in counted.items())
        proven = not marks.missing and self._same_by_log(entry, subject, marks)
        for name in CAUSES:
            if name in counted:
                if not proven and name != MISSING:
                    words += "; the events that were used encode otherwise here, too"
                return name, words
        if proven:
            return CLOCK, "the last event was known at another time than logged"
        return VALUES, "the events that were used, in their order, encode otherwise"

    def _same_by_log(
        self, entry: Logged, subject: ArchivedSubject, marks: Marks
    ) -> bool:
        """Whether the events that serving had encode to what it logged."""
        rows = marks.used
        instants = [entry.instant]
        if entry.instant is None and rows:
            instants = [subject.known_us[rows[-1]], subject.times_us[rows[-1]]]
        return any(
            self._encode(subject, rows, each).digest == entry.encoded
            for each in instants
        )

    def _without_ids(self, entry: Logged, subject: ArchivedSubject) -> tuple[str, str]:
        """What can be told where events have no ids."""
        known = subject.known_by(entry.time)
        until_us = past_until(entry, known)
        view, instant = known.view(self._instance, until_us, entry.instant)
        if self._has_receipts and (
            self._encode(known, view, instant).digest == entry.encoded
        ):
            return LATE, "without what came in later the encoded events are the same"
        return UNKNOWN, "the archive or the log has no ids of events"


def _apart(found: Score, logged: Score) -> str:
    """How far two scores of the same encoded events are apart, in words."""
    ours, theirs = (s if isinstance(s, tuple) else (s,) for s in (found, logged))
    same = "the encoded events are the same to the byte"
    if len(ours) != len(theirs):
        return f"{same}; {len(ours)} numbers in place of {len(theirs)}"
    apart = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
    return f"{same}; the scores are up to {apart:.3g} apart"
