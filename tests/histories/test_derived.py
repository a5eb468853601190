"""Derived fields of columns against the function itself, text by text."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zap.events.coded import compacted, encoded
from zap.events.derived import DERIVED, derive
from zap.histories import derived as derived_module
from zap.histories.derived import Known, derived_column

URLS = st.sampled_from(
    ["https://a.example/p?x=1&y=2", "/p", "", "https://b.example", "/q/r?x", "?"]
) | st.text(max_size=12)
NAMES = [name for name in DERIVED if DERIVED[name].base == "url"]


def rows_of(texts: list[str | None], name: str) -> list[object]:
    column = derived_column(compacted(encoded(pa.array(texts, pa.string()))), name)
    return [None if c < 0 else column.distinct[c] for c in column.codes.tolist()]


@given(st.lists(URLS | st.none()), st.sampled_from(NAMES))
def test_each_row_has_the_value_of_its_text(texts: list, name: str) -> None:
    assert rows_of(texts, name) == [derive(name, text) for text in texts]
    found = derived_column(compacted(encoded(pa.array(texts, pa.string()))), name)
    assert sorted(set(found.codes.tolist()) - {-1}) == [*range(len(found.distinct))]


def test_what_is_kept_is_bounded_and_stays_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(derived_module, "MOST_KEPT", 10)
    known = Known("url.path")
    for start in (0, 3, 50, 0):
        texts = [f"/page/{number}" for number in range(start, start + 8)]
        codes, values = known.values(pa.array(texts))
        assert [values[code] for code in codes] == texts
        assert len(known._texts) <= 16


def test_threads_may_ask_at_once() -> None:
    known = Known("url.path")

    def ask(start: int) -> bool:
        texts = [f"/page/{number}" for number in range(start, start + 300)]
        codes, values = known.values(pa.array(texts))
        return [values[code] for code in codes] == texts

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(0, 3000, 50)))
