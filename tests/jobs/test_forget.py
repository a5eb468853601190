"""A forgotten subject is where it would be had it never come."""

from __future__ import annotations

import hmac
import io
import json
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from made_archived import event_of
from made_rows import made_rows, write_files
from made_shop import MadeShop
from made_sinks import Listed, delivering
from made_visits import examples_of

from zap.beam.generate import GenerateOptions, generate
from zap.bundles.bundle import Bundle, write_bundle
from zap.bundles.id_key import NAME, VARIABLE, find_id_key, id_key
from zap.bundles.registry import Registry
from zap.bundles.sealed import seal
from zap.cli.main import main
from zap.collect.delivery.passing import let_go
from zap.collect.forgetting import Collected
from zap.collect.record import encode_event
from zap.collect.spool import Spool
from zap.datasets.claim import Claim
from zap.datasets.forget import forget_subject
from zap.datasets.recent import RecentSample, keyed_subject
from zap.datasets.splits import SPLITS
from zap.datasets.store import Dataset
from zap.errors import DatasetError, RegistryError
from zap.events.mapping import EventMapping
from zap.histories.subjects import subject_hash
from zap.jobs.forget import _Search, forget
from zap.jobs.train import train_bundle
from zap.serving.verification import VERIFICATION, verify
from zap.training.config import ModelConfig

MAPPING = EventMapping.load(Path(__file__).parents[1] / "sites" / "made_shop.toml")
ROWS = made_rows(150)
VISITOR = "v17"
SETTINGS = ModelConfig(epochs=1, embedding=4, units=4, metadata_units=2, merged_units=4)


def made(folder: Path, rows, key: bytes | None, **options) -> Dataset:
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
    assert (
        "examples, events and predictions were forgotten" in shown
        and "weights" in shown
    )
    assert "v21" not in shown
    monkeypatch.setattr("sys.stdin", io.StringIO("v21\r\n"))
    assert main(["forget", "-", "--registry", str(registry)]) == 0
    assert "check the name" in capsys.readouterr().out
    assert main(["forget", "v21", "--registry", str(registry), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["removed"] == 0
    wrong = ["--registry", str(registry), "--application", "none"]
    assert main(["forget", "v21", *wrong]) == 2
    monkeypatch.setattr("sys.stdin", io.StringIO("\r\n"))
    assert main(["forget", "-", "--registry", str(registry)]) == 2
    assert main(["forget", "v21", "--registry", str(registry / "nothing")]) == 2


def test_sets_named_by_another_key_are_told_of(registry, monkeypatch) -> None:
    monkeypatch.setenv(VARIABLE, "00" * 32)
    found = forget("v30", registry)
    assert found["removed"] > 0  # the examples know hashes
    assert {place["kind"] for place in found["reached"]} == {"examples"}
    assert sum("another key" in text for text in found["not_reached"]) == 2
    monkeypatch.delenv(VARIABLE)
    assert forget("v30", registry)["removed"] > 0  # and the right key finds the rest


def test_sets_that_name_nobody_are_told_of(tmp_path) -> None:
    dataset = made(tmp_path, ROWS[:60], None, check=False)
    manifest = {**dataset.manifest, "generator": dataset.manifest["generator"]}
    parts = {"manifest.json": manifest}
    records = [{"subject": None, "score": 0.5}]
    bundle = write_bundle(
        tmp_path / "bundle", parts, {}, sealed={VERIFICATION: seal(records)}
    )
    Registry(tmp_path / "models", "shop").add(bundle)
    found = forget(ROWS[0]["visitor"], tmp_path / "models")
    assert found["removed"] > 0
    assert sum("name nobody" in text for text in found["not_reached"]) == 2


def test_a_damaged_place_does_not_keep_the_others(registry, tmp_path, capsys) -> None:
    root = tmp_path / "models"
    shutil.copytree(registry, root)
    broken = root / "shop" / "examples" / "broken"
    shutil.copytree(root / "shop" / "examples" / "one", broken)
    part = next(broken.glob("train/*"))
    part.write_bytes(part.read_bytes()[:-1])
    model = next(root.glob("shop/versions/*/model.keras"))
    model.write_bytes(b"changed")  # nothing that forgetting reads
    assert main(["forget", "v40", "--registry", str(root), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert len(found["refused"]) == 1 and "broken" in found["refused"][0]
    assert {place["kind"] for place in found["reached"]} == {"examples", "verification"}
    assert all(place["removed"] for place in found["reached"])
    verification = next(root.glob(f"shop/versions/*/{VERIFICATION}"))
    verification.write_bytes(b"changed")
    assert len(forget("v41", root)["refused"]) == 2


def test_two_at_once_are_told_apart(registry) -> None:
    claim = Claim(registry / "forgetting")
    with pytest.raises(DatasetError, match="no other run"):
        forget("v50", registry)
    claim.release(keep_parents=True)
    place = Claim(registry / "shop" / "examples" / "one")
    found = forget("v50", registry)
    place.release(keep_parents=True)
    assert len(found["refused"]) == 1 and "no other run" in found["refused"][0]
    assert forget("v50", registry)["refused"] == []


def test_a_person_is_found_by_the_id_alone(tmp_path) -> None:
    dataset = made(tmp_path, ROWS[:60], None, check=False)
    person = {"generator": {"subject": "person"}}
    search = _Search("42", None)
    assert search.names(person["generator"]) == ["user:42", "anonymous:42"]
    assert search.names(dataset.manifest["generator"]) == ["42"]
    assert _Search("user:42", None).names(person["generator"]) == ["user:42"]


def test_dead_letters_of_the_subject_go(tmp_path) -> None:
    dataset = made(tmp_path, ROWS[:60], None, check=False)
    letters = Path(dataset.path) / "dead_letters" / "subjects-00000.jsonl"
    lines = [json.dumps({"subject": name, "error": "e"}) for name in ("v0", "w", "v0")]
    letters.write_text("".join(f"{line}\n" for line in lines))
    found = forget_subject(dataset.path, ["v0"])
    assert found.letters == 2
    assert letters.read_text() == lines[1] + "\n"


def test_a_key_is_made_once_and_is_its_owners(tmp_path, monkeypatch) -> None:
    assert find_id_key(tmp_path) is None
    key = id_key(tmp_path)
    assert len(key) == 32 and id_key(tmp_path) == key == find_id_key(tmp_path)
    assert os.stat(tmp_path / NAME).st_mode & 0o077 == 0
    monkeypatch.setenv(VARIABLE, "ab" * 16)
    assert id_key(tmp_path) == b"\xab" * 16
    monkeypatch.setenv(VARIABLE, "")
    assert id_key(tmp_path) == key
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


HASH_KEY = b"0123456789abcdef0123456789abcdef"


def hashed(name: str) -> str:
    """What a collector writes in the place of a name."""
    return f"h_{hmac.new(HASH_KEY, name.encode(), 'sha256').hexdigest()}"


class Noted:
    """A store that notes whom it is to forget."""

    name = "noted"

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def forget(self, field: str, subject: str) -> int:
        self.asked.append((field, subject))
        return 1


def test_a_name_that_a_collector_hashes_is_found_by_the_plain_one(tmp_path) -> None:
    """In examples, verification sets and stores, as in archive and spool."""
    root = tmp_path / "models"
    rows = [{**row, "visitor": hashed(row["visitor"])} for row in ROWS[:60]]
    dataset = made(tmp_path, rows, id_key(root), check=False)
    bundle = train_bundle(dataset, tmp_path / "bundle", SETTINGS)
    Registry(root, "shop").add(bundle)
    name, store = ROWS[0]["visitor"], Noted()
    assert forget(name, root)["removed"] == 0
    found = forget(name, root, store=store, collected=Collected(keys=(HASH_KEY,)))
    assert store.asked == [("anonymous_id", hashed(name)), ("anonymous_id", name)]
    removed = {each["kind"]: each["removed"] for each in found["reached"]}
    assert removed["examples"] > 0 and removed["events"] == 2
    left, _ = Registry(root, "shop").load(bundle.version).records(VERIFICATION)
    key = find_id_key(root)
    assert key is not None
    gone = keyed_subject(key, subject_hash(hashed(name)))
    assert gone not in {line["subject"] for line in left}
    assert forget(hashed(name), root)["removed"] == 0  # nothing is left of it


def test_every_name_of_a_subject_is_looked_for(tmp_path) -> None:
    plain, keys = _Search("ann", None), (HASH_KEY,)
    search = _Search("user:ann", None, keys)
    both = sorted([hashed("user:ann"), hashed("ann"), "ann", "user:ann"])
    assert search.names({"subject": "user_id"}) == both
    assert search.names({"subject": "anonymous_id"}) == sorted(
        [hashed("user:ann"), "user:ann"]
    )
    assert search.names({"subject": "person"}) == [
        "user:ann",
        f"user:{hashed('ann')}",
    ]
    assert plain.names({}) == plain.names({"subject": "account"}) == ["ann"]


def test_a_store_is_never_passed_over_in_silence(tmp_path) -> None:
    """Without a registry nobody knows by which field it names subjects."""
    with pytest.raises(RegistryError, match="registry with applications"):
        forget("ann", tmp_path / "none", store=Noted(), collected=Collected())


class Begun(Listed):
    """A sink that says when it was given something."""

    def __init__(self) -> None:
        super().__init__("store")
        self.begun = threading.Event()

    def write(self, batch: Any) -> None:
        self.begun.set()
        super().write(batch)


def test_a_store_is_emptied_after_what_the_delivery_had_read(tmp_path) -> None:
    manifest = {"generator": {"subject": "anonymous_id"}}
    bundle = write_bundle(tmp_path / "bundle", {"manifest.json": manifest}, {})
    Registry(tmp_path / "models", "shop").add(bundle)
    spool, sink, store = tmp_path / "spool", Begun(), Noted()
    records = [encode_event(event_of(str(n), anonymous_id="ann")) for n in range(9)]
    sink.open.clear()
    with Spool(spool) as own, delivering(spool, [sink]):
        own.append(records)
        assert sink.begun.wait(60)
        places = {"store": store, "collected": Collected(spool=spool)}
        thread = threading.Thread(
            target=forget, args=["ann", tmp_path / "models"], kwargs=places
        )
        thread.start()
        thread.join(0.5)  # it ends at once where it does not wait
        assert store.asked == []
        assert not let_go(spool, "store", patience_s=0.1)
        sink.open.set()
        thread.join(60)
        assert store.asked and [record for _, record in sink.taken] == records
        assert let_go(spool, "store", patience_s=0)
        assert let_go(spool, "another", patience_s=0)
    assert let_go(spool, "store", patience_s=0)
