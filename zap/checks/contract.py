"""What Beam and every reader rely on, whatever the question is.

A generator is asked in any order, in pieces, more than once, on another machine. It
must give the same examples each time, each under a key of its own.
"""

from __future__ import annotations

import json
import pickle
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from zap.checks.findings import Finding
from zap.checks.harness import Harness, fitted, training
from zap.checks.histories import keys_of
from zap.checks.known import Known
from zap.checks.made import Made
from zap.checks.mutations import MUTATIONS
from zap.checks.values import changed_value
from zap.datasets.splits import SPLITS, SubjectSplit
from zap.encoding.fit import is_fitted
from zap.examples.declared import generator_from_dict
from zap.histories.subjects import subject_hash
from zap.times import iso

PIECES = 7
TRAIN = SPLITS.index("train")


def contract(
    harness: Harness,
    table: pa.Table,
    known: Known,
    before: Made,
    seed: int,
    watch: Callable[[str], Any] = lambda text: None,
) -> Iterator[Finding]:
    """The findings of all checks that alter no event's content but the last's."""
    watch("the same events again")
    yield _deterministic(harness, table, before)
    yield _keys(before)
    watch("rows in another order")
    yield _order(harness, table, before, seed)
    watch("a pickled generator")
    yield _picklable(harness, table, before)
    watch("the JSON form")
    yield _json(harness, table, before)
    watch("subjects outside of the training part")
    yield _encoder(harness, table, known, before, seed)


def difference(before: Made, after: Made) -> str | None:
    """The first thing that is not the same in two runs, in words; None if nothing."""
    for one, other, told in ((before, after, "lost"), (after, before, "added")):
        lost = sorted(set(one.places) - set(other.places))
        if lost:
            key = lost[0]
            return f"{told} the cutoff of {key.subject!r} at {iso(key.instant_us)}"
    for key, payload in before.payloads.items():
        if after.payloads[key] != payload:
            value = changed_value(before, before.places[key], after, after.places[key])
            what = str(value) if value else "the encoded bytes differ"
            return f"of {key.subject!r} at {iso(key.instant_us)}, {what}"
    return None


def _judged(check: str, before: Made, after: Made, when: str) -> Finding:
    found = difference(before, after)
    numbers = {"cutoffs": len(before.places)}
    if found is None:
        return Finding(check, "passed", numbers=numbers)
    return Finding(check, "failed", f"{when}: {found}.", numbers)


def _deterministic(harness: Harness, table: pa.Table, before: Made) -> Finding:
    if before.again is not None and before.again != set(before.keys):
        return _another_answer(harness, table, before)
    after = harness.make(table)
    fix = "Keep nothing between calls, and draw nothing at random"
    return _judged("deterministic", before, after, f"A second run was another ({fix})")


def _another_answer(harness: Harness, table: pa.Table, before: Made) -> Finding:
    """Why a second pass over the same histories gave other cutoffs."""
    differ = sorted((before.again or set()) ^ set(before.keys))
    first = f"{differ[0].subject!r} at {iso(differ[0].instant_us)}"
    twice = [set(keys_of(harness.find(table))) for _ in range(2)]
    why = (
        "a method remembers what label saw and uses it in eligible or is_cutoff. Keep "
        "nothing between calls"
        if twice[0] == twice[1]
        else "eligible or is_cutoff draws at random. Use the rule's sample(share), "
        "which chooses by a hash"
    )
    return Finding(
        "deterministic",
        "failed",
        f"Once the labels had been computed, the same events gave {len(differ):,} "
        f"other cutoffs, the first of {first}: {why}.",
        {"cutoffs": len(before.places)},
    )


def _keys(before: Made) -> Finding:
    counted = Counter(before.keys)
    twice = sorted(key for key, number in counted.items() if number > 1)
    numbers = {"cutoffs": len(before.keys)}
    if not twice:
        return Finding("keys", "passed", numbers=numbers)
    return Finding(
        "keys",
        "failed",
        f"{len(twice):,} cutoffs were given more than once, the first of "
        f"{twice[0].subject!r} at {iso(twice[0].instant_us)}. A rule must give each "
        "once.",
        numbers,
    )


def _order(harness: Harness, table: pa.Table, before: Made, seed: int) -> Finding:
    order = np.random.default_rng(seed).permutation(table.num_rows)
    mixed = table.take(pa.array(order))
    step = max(1, -(-mixed.num_rows // PIECES))
    pieces = [mixed.slice(i, step) for i in range(0, mixed.num_rows, step)]
    after = harness.make(pa.concat_tables(pieces) if pieces else mixed)
    return _judged("order", before, after, "With the rows in another order")


def _picklable(harness: Harness, table: pa.Table, before: Made) -> Finding:
    generator = harness.generator
    try:
        copied = pickle.loads(pickle.dumps(generator))
    except Exception as error:
        if not generator.methods():
            # All of it is data, and Beam sends a class that it cannot name by value.
            return Finding("picklable", "passed", "It travels as its JSON form.")
        return Finding(
            "picklable",
            "failed",
            f"The generator cannot be sent to workers ({type(error).__name__}: "
            f"{error}). Define its class at the top of a module, and keep nothing in "
            "it that pickle cannot hold.",
        )
    after = harness.make(table, copied)
    return _judged("picklable", before, after, "A pickled copy gave other examples")


def _json(harness: Harness, table: pa.Table, before: Made) -> Finding:
    generator = harness.generator
    if generator.methods():
        named = ", ".join(sorted(generator.methods()))
        return Finding("json", "skipped", f"It has Python methods ({named}).")
    said = generator.to_dict()
    if not type(generator.cutoffs).__module__.startswith("zap."):
        rule = type(generator.cutoffs).__name__
        return Finding("json", "skipped", f"The rule {rule} is the site's own code.")
    again = generator_from_dict(json.loads(json.dumps(said)))
    if again.to_dict() != said:
        wrong = [name for name in said if again.to_dict()[name] != said[name]]
        return Finding("json", "failed", f"The JSON form changed: {', '.join(wrong)}.")
    after = harness.make(table, again)
    return _judged("json", before, after, "The JSON form gave other examples")


def _encoder(
    harness: Harness, table: pa.Table, known: Known, before: Made, seed: int
) -> Finding:
    generator = harness.generator
    if is_fitted(generator.instance):
        return Finding("encoder", "passed", "Nothing is fitted: all is declared.")
    if harness.prepare is not None or not known.subjects:
        return Finding(
            "encoder",
            "skipped",
            "A preparation may look at all subjects, and persons are found by links, "
            "so altering some says nothing.",
        )
    hashes = np.array([subject_hash(name) for name in known.subjects], np.int64)
    others = np.append(SubjectSplit().assign(hashes, hashes, hashes) != TRAIN, True)
    rows = others[known.subject]
    if not training(before.found, harness.observed).any() or not rows.any():
        return Finding("encoder", "skipped", "There are too few subjects to split.")
    since = np.full(table.num_rows, known.time_us[~known.always].min())
    for mutation in ("changed", "dropped"):
        rng = np.random.default_rng(seed)
        altered = MUTATIONS[mutation](table, known, rows, since, generator.subject, rng)
        again = fitted(generator, harness.find(altered), harness.observed)
        if again.fingerprint != harness.encoder.fingerprint:
            return Finding(
                "encoder",
                "failed",
                f"With the rows of all other subjects {mutation}, the encoder that is "
                "fitted on the training subjects was another: it reads more than them.",
                {"subjects": int(others[:-1].sum())},
            )
    return Finding("encoder", "passed", numbers={"subjects": int(others[:-1].sum())})
