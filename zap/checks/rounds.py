"""Rounds of a proof: alter what is not known yet, make all again, and compare.

A round *by subject* draws one cutoff for each subject and alters all of the subject's
rows that are not in that cutoff's past, so that one run of the pipeline proves one
cutoff for every subject. A round *by time* alters, for everybody, what is known from a
moment on; then all cutoffs before it must be there again, and no others. That finds
leaks from one subject to another, and is the only fair kind where a site's preparation
looks at other subjects' past.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from zap.checks.harness import Harness
from zap.checks.histories import Key
from zap.checks.known import NEVER_US, Known
from zap.checks.made import Made
from zap.checks.mutations import MUTATIONS
from zap.encoding.columns import BoolArray, IntArray

BY_SUBJECT, BY_TIME = "by subject", "by time"


@dataclass(frozen=True)
class Round:
    """What one round altered, and which cutoffs it proves.

    Attributes:
        kind: "by subject" or "by time".
        mutation: "changed", "dropped" or "shuffled".
        rows: bool, shape (rows,): the rows altered.
        since_us: int64, shape (rows,): what each row's times lie behind.
        keys: the cutoffs that must come out with the same bytes.
        until_us: by time: no other cutoff may lie up to here.
        seed: of the random choices.
    """

    kind: str
    mutation: str
    rows: BoolArray
    since_us: IntArray
    keys: frozenset[Key]
    until_us: int | None
    seed: int


@dataclass(frozen=True)
class Difference:
    """A round after which something was not the same.

    Attributes:
        round: the round.
        after: what was made of the altered rows.
        gone: cutoffs that did not come out again.
        new: cutoffs that came out only after the alteration.
        other: cutoffs that came out with other bytes.
    """

    round: Round
    after: Made
    gone: tuple[Key, ...]
    new: tuple[Key, ...]
    other: tuple[Key, ...]


@dataclass
class Proof:
    """What all rounds together showed.

    Attributes:
        rounds: how many were run.
        proven: the cutoffs that were held against an alteration.
        differences: the rounds after which something was not the same.
    """

    rounds: int = 0
    proven: set[Key] = field(default_factory=set)
    differences: list[Difference] = field(default_factory=list)


def prove_rounds(
    harness: Harness,
    table: pa.Table,
    known: Known,
    before: Made,
    rounds: int,
    seed: int,
    watch: Callable[[str], Any] = lambda text: None,
) -> Proof:
    """Run rounds of each kind with each mutation.

    Args:
        harness: the generator.
        table: canonical events, as read.
        known: what of them is known when.
        before: what is made of the table as it is.
        rounds: how many of each kind with each mutation.
        seed: of all random choices.
        watch: told of each round.
    """
    proof = Proof()
    subject = harness.generator.subject
    for each in planned(harness, known, before, rounds, seed):
        watch(f"{each.mutation} {each.kind}")
        mutate = MUTATIONS[each.mutation]
        rng = np.random.default_rng(each.seed)
        altered = mutate(table, known, each.rows, each.since_us, subject, rng)
        found = compared(each, before, harness.make(altered))
        proof.rounds += 1
        proof.proven |= each.keys
        if found.gone or found.new or found.other:
            proof.differences.append(found)
    return proof


def planned(
    harness: Harness, known: Known, before: Made, rounds: int, seed: int
) -> Iterator[Round]:
    """The rounds, each with what it may alter."""
    if not before.places:
        return
    by_subject = harness.prepare is None and bool(known.subjects)
    strata = rounds * len(MUTATIONS)
    for number in range(rounds):
        for place, mutation in enumerate(MUTATIONS):
            own = seed * 1_000_003 + number * 101 + place * 7
            if by_subject:
                yield _by_subject(harness, known, before, mutation, own)
            # Moments early and late in the data, of each mutation in turn.
            stratum = (place * rounds + (number + place) % rounds) / strata
            yield _by_time(
                harness, known, before, mutation, own + 1, stratum, 1 / strata
            )


def compared(each: Round, before: Made, after: Made) -> Difference:
    """What of the round's cutoffs is no longer the same, in order of time."""
    gone = [key for key in each.keys if key not in after.places]
    other = [
        key
        for key in each.keys
        if key in after.places and after.payloads[key] != before.payloads[key]
    ]
    new: list[Key] = []
    if each.until_us is not None:
        late = after.effective_us > each.until_us
        new = [
            key
            for key, place in after.places.items()
            if key not in before.places and not late[place]
        ]
    return Difference(each, after, _sorted(gone), _sorted(new), _sorted(other))


def _sorted(keys: Sequence[Key]) -> tuple[Key, ...]:
    return tuple(sorted(keys, key=lambda key: (key.instant_us, key.subject, key.past)))


def is_timed(harness: Harness) -> bool:
    """Whether cutoffs lie at times, whose past is what was known before them."""
    rule = harness.generator.rule()
    return (
        rule is not None
        and rule.timed
        and "is_cutoff" not in (harness.generator.methods())
    )


def _by_subject(
    harness: Harness, known: Known, before: Made, mutation: str, seed: int
) -> Round:
    rng = np.random.default_rng(seed)
    places = np.array(list(before.places.values()))
    rng.shuffle(places)
    number = {name: i for i, name in enumerate(known.subjects)}
    drawn: dict[int, int] = {}
    for place in places.tolist():
        whose = number.get(before.keys[place].subject)
        if whose is not None:
            drawn.setdefault(whose, place)
    subjects = np.array(list(drawn), np.int64)
    chosen = np.array(list(drawn.values()), np.int64)
    timed = is_timed(harness)
    # For each subject: known after this, or later than this in the total order.
    limit = np.full(len(known.subjects) + 1, NEVER_US)
    limit[subjects] = before.effective_us[chosen] - (1 if timed else 0)
    last = np.full(len(known.subjects) + 1, NEVER_US)
    if not timed:
        raw = [known.places[before.last_origin(place)] for place in chosen.tolist()]
        last[subjects] = known.rank[raw]
    concerned = limit[known.subject] < NEVER_US
    rows = (known.known_us > limit[known.subject]) & concerned
    rows |= (known.rank > last[known.subject]) & concerned
    rows |= known.always
    # Of the rows behind the last one, some have its very time.
    moment = np.minimum(limit[known.subject] + 1, known.time_us)
    since = np.where(known.rank > last[known.subject], moment, limit[known.subject])
    keys = frozenset(before.keys[place] for place in chosen.tolist())
    return Round(BY_SUBJECT, mutation, rows, since, keys, None, seed)


def _by_time(
    harness: Harness,
    known: Known,
    before: Made,
    mutation: str,
    seed: int,
    share: float,
    width: float,
) -> Round:
    """A round at the moment of a cutoff, ``share`` or a little more into them all."""
    rng = np.random.default_rng(seed)
    places = np.array(list(before.places.values()))
    moments = np.sort(before.effective_us[places])
    until = int(moments[int(len(moments) * (share + width * rng.random()))])
    rows = known.known_us > until - (1 if is_timed(harness) else 0)
    earlier = places[before.effective_us[places] <= until]
    keys = frozenset(before.keys[place] for place in earlier.tolist())
    since = np.full(len(rows), until)
    return Round(BY_TIME, mutation, rows, since, keys, until, seed)
