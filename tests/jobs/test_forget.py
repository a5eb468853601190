"""A forgotten subject is where it would be had it never come."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest
from made_rows import made_rows, write_files
from made_shop import MadeShop
from made_visits import examples_of

from zap.beam.generate import GenerateOptions, generate
from zap.bundles.bundle import Bundle
from zap.bundles.id_key import NAME, VARIABLE, find_id_key, id_key
from zap.bundles.registry import Registry
from zap.cli.main import main
from zap.datasets.recent import RecentSample, keyed_subject
from zap.datasets.splits import SPLITS
from zap.datasets.store import Dataset
from zap.errors import RegistryError
from zap.events.mapping import EventMapping
from zap.histories.subjects import subject_hash
from zap.jobs.forget import forget
from zap.jobs.train import train_bundle
from zap.serving.verification import VERIFICATION, verify
from zap.training.config import ModelConfig

MAPPING = EventMapping.load(Path(__file__).parents[1] / "sites" / "made_shop.toml")
ROWS = made_rows(150)
VISITOR = "v17"
SETTINGS = ModelConfig(epochs=1, embedding=4, units=4, metadata_units=2, merged_units=4)


def made(folder: Path, rows, key: bytes, **options) -> Dataset:
    return generate(
        MadeShop(),
        write_files(folder / "raw", rows),
        MAPPING,
        folder / "models" / "shop" / "examples" / "one",
        GenerateOptions(recent=RecentSample(key=key), **options),
    )


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with one version, and the examples that it was trained on."""
    folder = tmp_path_factory.mktemp("forget")
    dataset = made(folder, ROWS, id_key(folder / "models"))
    bundle = train_bundle(dataset, folder / "bundle", SETTINGS)
    Registry(folder / "models", "shop").add(bundle)
    return folder / "models"


def test_the_examples_are_those_without_the_subject(registry, tmp_path) -> None:
    key = find_id_key(registry)
    assert key is not None
    path = registry / "shop" / "examples" / "one"
    before = Dataset.open(path)
    others = [row for row in ROWS if row["visitor"] != VISITOR]
    expected = made(tmp_path, others, key, encoder=before.encoder)
    version = Registry(registry, "shop").versions()[0]
    lines, _ = Registry(registry, "shop").load(version).records(VERIFICATION)
    own = sum(line["subject"] == _named(key) for line in lines)

    found = forget(VISITOR, registry)

    after = Dataset.open(path)
    assert after.manifest["digest"] == expected.manifest["digest"]
    assert after.manifest["made_digest"] == before.manifest["digest"]
    assert after.manifest["splits"] == {
        name: {**split, "bytes": after.manifest["splits"][name]["bytes"]}
        for name, split in expected.manifest["splits"].items()
    }
    for name in SPLITS:
        assert examples_of(after.read(name)) == examples_of(expected.read(name))
    assert after.recent() == expected.recent()
    bundle = Registry(registry, "shop").load(version)
    kept, said = bundle.records(VERIFICATION)
    assert own > 0 and said.forgotten == own and len(kept) == len(lines) - own
    assert kept == [line for line in lines if line["subject"] != _named(key)]
    assert bundle.version == version and verify(bundle).passed
    gone = before.manifest["splits"], after.manifest["splits"]
    removed = sum(gone[0][n]["examples"] - gone[1][n]["examples"] for n in SPLITS)
    assert [place["removed"] for place in found["reached"]] == [removed + own, own]
    # And once more: there is nothing left, and nothing changes.
    again = forget(VISITOR, registry)
    assert again["removed"] == 0
    assert Dataset.open(path).manifest == after.manifest
    assert not list(path.parent.glob(".*"))


def _named(key: bytes) -> str:
    return keyed_subject(key, subject_hash(VISITOR))


def test_the_command_says_what_it_did_not_reach(registry, capsys, monkeypatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("v21\n"))
    assert main(["forget", "-", "--registry", str(registry)]) == 0
    shown = capsys.readouterr().out
    assert "examples were forgotten" in shown and "weights" in shown
    assert "v21" not in shown
    assert main(["forget", "v21", "--registry", str(registry), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["removed"] == 0
    wrong = ["--registry", str(registry), "--application", "none"]
    assert main(["forget", "v21", *wrong]) == 2
    assert main(["forget", "v21", "--registry", str(registry / "nothing")]) == 2


def test_sets_that_name_nobody_are_told_of(registry, monkeypatch) -> None:
    monkeypatch.setenv(VARIABLE, "00" * 32)
    assert forget("v30", registry)["removed"] > 0  # the examples know hashes
    (registry / NAME).rename(registry / "kept")
    monkeypatch.delenv(VARIABLE)
    found = forget("v31", registry)
    (registry / "kept").rename(registry / NAME)
    assert any("no key" in text for text in found["not_reached"])
    assert {place["kind"] for place in found["reached"]} == {"examples"}


def test_a_key_is_made_once_and_is_its_owners(tmp_path, monkeypatch) -> None:
    assert find_id_key(tmp_path) is None
    key = id_key(tmp_path)
    assert len(key) == 32 and id_key(tmp_path) == key == find_id_key(tmp_path)
    assert os.stat(tmp_path / NAME).st_mode & 0o077 == 0
    monkeypatch.setenv(VARIABLE, "ab" * 16)
    assert id_key(tmp_path) == b"\xab" * 16
    monkeypatch.setenv(VARIABLE, "secret")
    with pytest.raises(RegistryError) as refused:
        id_key(tmp_path)
    assert "secret" not in str(refused.value)


def test_remote_registries_have_a_key_too() -> None:
    key = id_key("memory://keys/models")
    assert id_key("memory://keys/models") == key and len(key) == 32


def test_a_bundle_names_subjects_by_the_key_alone(registry) -> None:
    bundle = Bundle.load(next((registry / "shop" / "versions").iterdir()))
    lines, _ = bundle.records(VERIFICATION)
    key = find_id_key(registry)
    assert key is not None
    names = {keyed_subject(key, subject_hash(row["visitor"])) for row in ROWS}
    assert {line["subject"] for line in lines} <= names
