"""A generator finds its mapping and its data."""

from __future__ import annotations

from pathlib import Path

import pytest

from zap.errors import GeneratorError, InputError, MappingError
from zap.jobs.inputs import raw_input


def test_a_shipped_generator_finds_its_own() -> None:
    raw = raw_input("cdnow_repurchase")
    assert raw.generator.name == "cdnow_repurchase"
    assert Path(raw.paths[0]).is_file()
    assert raw.mapping.observed is not None


def test_what_is_given_comes_first(made_run) -> None:
    mapping = str(Path(__file__).parents[1] / "sites" / "made_shop.toml")
    raw = raw_input("cdnow_repurchase", ["a.csv"], mapping)
    assert raw.paths == ("a.csv",)
    assert "cart" in raw.mapping.property_types()


def test_what_is_missing_is_named() -> None:
    with pytest.raises(GeneratorError, match="Did you mean 'cdnow_repurchase'"):
        raw_input("cdnow_repurchases")
    with pytest.raises(InputError, match=r"made_shop ships no data.*--input"):
        raw_input("made_shop:MadeShop")
    with pytest.raises(MappingError, match=r"unmapped has no mapping.*--mapping"):
        raw_input("made_more:Unmapped", ["a.csv"])
