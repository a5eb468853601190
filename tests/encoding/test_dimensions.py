"""Which rows ANY stands for, and what a trait sees, against plain loops."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from zap.encoding.columns import Categorical, Cutoffs, FlatHistories
from zap.encoding.dimensions import activity_mask, first_from, last_before
from zap.encoding.features import Hash
from zap.encoding.instance import ANY, Instance
from zap.encoding.metadata import Last
from zap.encoding.rows import kept_mask, metadata_columns

TYPES = ("view", "dimension.plans", "buy", "dimension.x", "dimensional")


@given(st.lists(st.integers(0, 4), max_size=9))
def test_any_is_what_was_done_and_a_trait_sees_what_it_names(codes: list[int]) -> None:
    size = len(codes)
    kinds = Categorical(np.array(codes, np.int32), TYPES)
    plans = Categorical(np.arange(size, dtype=np.int32), [f"p{i}" for i in range(size)])
    offsets = np.array([0, size])
    histories = FlatHistories(offsets, np.arange(size), {"type": kinds, "plan": plans})
    done = [TYPES[code] in ("view", "buy", "dimensional") for code in codes]
    assert activity_mask(kinds).tolist() == done
    trait = Last("plan", Hash("plan"), types=["dimension.plans"])
    instance = Instance(types=ANY, metadata=[trait], metadata_buckets=8)
    assert kept_mask(instance, histories).tolist() == done
    cutoffs = Cutoffs(np.array([0]), np.array([size]), np.array([size]))
    ((_, column),) = metadata_columns(instance, histories, cutoffs)
    seen = [i for i, code in enumerate(codes) if done[i] or code == 1]
    assert column.codes.tolist() == seen[-1:] or (not seen and column.codes[0] == -1)


@given(st.lists(st.booleans(), max_size=8))
def test_the_nearest_true_entries(mask: list[bool]) -> None:
    places = np.arange(len(mask) + 1)
    true = [i for i, value in enumerate(mask) if value]
    array = np.array(mask, bool)
    assert last_before(array, places).tolist() == [
        max((i for i in true if i < place), default=-1) for place in places
    ]
    assert first_from(array, places).tolist() == [
        min((i for i in true if i >= place), default=len(mask)) for place in places
    ]
