"""The state of a shard of subjects, as a runner keeps it between bundles.

It is notes of what happened to the shard, and now and then a picture of all of it; a
mark tells which state it is (``zap.beam.follow_score``).
"""

from __future__ import annotations

import json
import random
from typing import Any, NamedTuple

from apache_beam.utils.timestamp import Timestamp

from zap.scoring.following.notes import Note, picture, put_back
from zap.scoring.following.shard import Shard

MS = 1_000
LEAST_NOTED_BYTES = 1 << 20
"""Notes are put into a new picture when they are larger than the last one was, so the
pictures cost as much as the notes, however large a shard is."""


class Mark(NamedTuple):
    """What a state is known by.

    Attributes:
        drawn: at random, in each step.
        number: of the last note.
        timer_us: when the timer is set; 0 for not.
        noted: bytes of notes since the last picture.
        pictured: bytes of that picture.
    """

    drawn: int = 0
    number: int = 0
    timer_us: int = 0
    noted: int = 0
    pictured: int = 0


class State:
    """A key's state, as a step reads and writes it."""

    def __init__(self, mark: Any, notes: Any, pieces: Any, timer: Any):
        self._mark, self._notes = mark, notes
        self._picture, self._timer = pieces, timer

    def read(self) -> Mark:
        """What the state is known by now."""
        data = self._mark.read()
        return Mark() if data is None else Mark(*json.loads(data))

    def happen(self, shard: Shard) -> None:
        """Make a new shard what the state says."""
        number = put_back(shard, self._picture.read())
        noted = sorted(map(Note.of_bytes, self._notes.read()), key=lambda n: n.number)
        for note in noted:
            if note.number > number:
                note.happen(shard)

    def noted(self, before: Mark, note: Note, shard: Shard, hint_us: int) -> Mark:
        """Write what has happened, and set the timer."""
        drawn, data = random.getrandbits(53), note.to_bytes()
        timer_us = 0 if note.until_us is not None else before.timer_us
        timer_us = self._set(timer_us, shard, hint_us)
        after = Mark(
            drawn, note.number, timer_us, before.noted + len(data), before.pictured
        )
        if after.noted > max(LEAST_NOTED_BYTES, before.pictured):
            after = after._replace(noted=0, pictured=self._draw(shard, note.number))
        else:
            self._notes.add(data)
        self._mark.write(json.dumps(after).encode())
        return after

    def _draw(self, shard: Shard, number: int) -> int:
        """Put all of the shard in place of the notes; how many bytes it has."""
        shard.drop_silent()
        pieces = picture(shard, number)
        self._notes.clear()
        self._picture.clear()
        for piece in pieces:
            self._picture.add(piece)
        return sum(map(len, pieces))

    def _set(self, timer_us: int, shard: Shard, hint_us: int) -> int:
        """When the timer is set: one step for all instants that the watermark is past.

        A watermark says that nothing before it is to come, so one has to be past an
        instant. Beam tells time in milliseconds.
        """
        if shard.next_us is None:
            return timer_us
        wanted = max((shard.next_us // MS + 1) * MS, hint_us // MS * MS)
        if timer_us and timer_us <= wanted:
            return timer_us
        self._timer.set(Timestamp(micros=wanted))
        return wanted
