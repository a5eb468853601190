"""The registry's contract, over a local folder, memory and a real S3 server."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest
from made_versions import SEALED, made_bundle, number_of

from zap.bundles.bundle import Bundle
from zap.bundles.files import files_at
from zap.bundles.live import LiveModel
from zap.bundles.registry import Registry, applications, default_root
from zap.bundles.sealed import seal
from zap.errors import BundleError, RegistryError


@pytest.fixture
def registry(root: str) -> Registry:
    return Registry(root, "shop")


@pytest.fixture
def three(registry: Registry, tmp_path: Path) -> list[str]:
    """The versions of three bundles that were added."""
    return [registry.add(made_bundle(tmp_path, number)) for number in range(3)]


def test_an_empty_registry(registry: Registry, root: str) -> None:
    assert registry.versions() == registry.history() == applications(root) == []
    assert registry.live() is registry.previous() is None
    assert LiveModel(registry).poll() is None
    with pytest.raises(RegistryError, match="zap models add"):
        registry.load("abcd")
    for call in (lambda: registry.load("live"), registry.revert):
        with pytest.raises(RegistryError, match=r"that is live.*zap models deploy"):
            call()


def test_a_version_is_all_of_its_bundle(registry, three, tmp_path, root) -> None:
    assert registry.versions() == sorted(three) and len(set(three)) == 3
    assert applications(root) == ["shop"]
    for number, version in enumerate(three):
        source, found = made_bundle(tmp_path, number), registry.load(version)
        assert found.version == source.version == version
        assert found.contents() == source.contents()
        assert found.records(SEALED) == source.records(SEALED)
        assert found.json("encoder.json") == {"number": number}
        assert registry.open(version).info == source.info
        again = Bundle.load(str(found.path))
        assert again.contents() == source.contents()


def test_adding_again_changes_nothing(registry, three, tmp_path) -> None:
    before = registry.note(three[0])
    assert registry.add(made_bundle(tmp_path, 0), who="another") == three[0]
    assert registry.note(three[0]) == before
    assert registry.versions() == sorted(three)


def test_a_note_says_who_when_and_from_what(registry, three, tmp_path) -> None:
    registry.deploy(three[1])
    verdicts = {"validate": {"passed": True, "lower": -0.001}}
    version = registry.add(
        made_bundle(tmp_path, 7),
        parent="live",
        verdicts=verdicts,
        who="ada",
        why="weekly",
    )
    note = registry.note(version)
    assert (note.who, note.why, note.parent) == ("ada", "weekly", three[1])
    assert note.verdicts == verdicts
    assert note.dataset == f"{7:032x}"
    assert datetime.fromisoformat(note.when).utcoffset().total_seconds() == 0
    assert registry.lineage(version) == [version, three[1]]
    assert registry.note(three[0]).who != "" and registry.lineage("live") == [three[1]]
    with pytest.raises(RegistryError, match="verdicts that are JSON"):
        registry.add(made_bundle(tmp_path, 8), verdicts={"auc": float("nan")})


def test_a_note_is_one_read_and_says_if_there_is_no_version(
    registry, three, monkeypatch
) -> None:
    with monkeypatch.context() as unlisted:
        unlisted.setattr(type(registry._files), "names", None)
        assert [registry.note(version).version for version in three] == three
    with pytest.raises(RegistryError, match="Expected one version of shop"):
        registry.note("0123456789abcdef")


def test_a_damaged_note_is_said_and_the_version_is_loaded(registry, three) -> None:
    files, name = files_at(registry.path), f"notes/{three[0]}.json"
    right = json.loads(files.find(name))
    for wrong in (
        b"",
        b"[]",
        b"\xff",
        json.dumps({**right, "when": 5}).encode(),
        json.dumps({**right, "when": "yesterday"}).encode(),
        json.dumps({**right, "who": None}).encode(),
        json.dumps({**right, "parent": "../x"}).encode(),
        json.dumps({**right, "verdicts": 5}).encode(),
    ):
        files.replace(name, wrong)
        with pytest.raises(RegistryError, match=f"file={registry.path}/{name}"):
            registry.note(three[0])
        assert registry.load(three[0]).version == three[0]
    assert registry.note(three[1]).version == three[1]


def test_versions_are_named_by_their_first_digits(registry, three) -> None:
    assert len({version[:4] for version in three}) == 3
    for version in three:
        assert registry.resolve(version[:4]) == registry.resolve(version) == version
        assert registry.load(version[:6]).version == version
    for wrong in ("", three[0][:3], "0000000000000000", "../x", f"{three[0]}0"):
        with pytest.raises(RegistryError, match="Expected one version of shop"):
            registry.load(wrong)


def test_deploy_and_revert(registry, three) -> None:
    a, b, c = three
    entry, new = registry.deploy(a, who="ada", why="first")
    assert new and (entry.number, entry.action, entry.live) == (1, "deploy", a)
    assert (entry.who, entry.why, entry.previous) == ("ada", "first", None)
    assert datetime.fromisoformat(entry.when).utcoffset().total_seconds() == 0
    with pytest.raises(RegistryError, match="that is previous"):
        registry.revert()
    registry.deploy(b)
    assert registry.deploy(b)[1] is False
    registry.deploy(c[:5])
    assert (registry.live(), registry.previous()) == (c, b)
    entry, new = registry.revert(who="bob", why="AUC fell")
    assert new and (entry.action, entry.version, entry.previous) == ("revert", b, c)
    assert registry.revert(away_from=c)[1] is False
    assert (registry.live(), registry.previous()) == (b, c)
    assert number_of(registry.load("live")) == 1
    assert number_of(registry.load("previous")) == 2
    history = registry.history()
    assert [each.number for each in history] == [1, 2, 3, 4]
    assert [each.live for each in history] == [a, b, c, b]


def test_a_deployment_is_refused_where_another_came_first(registry, three) -> None:
    """The check is made on what the entry follows, however late another deploys."""
    registry.deploy(three[0])
    asked = []

    def only_over_the_first(live: str | None) -> None:
        asked.append(live)
        if len(asked) == 1:
            registry.deploy(three[1])  # between the look and the step
        if live != three[0]:
            raise RegistryError("another is live")

    with pytest.raises(RegistryError, match="another is live"):
        registry.deploy(three[2], check=only_over_the_first)
    assert asked == [three[0], three[1]] and registry.live() == three[1]


def test_nothing_is_reverted_where_nothing_is_live(registry, three, root) -> None:
    def refused(away_from: str | None) -> None:
        with pytest.raises(RegistryError, match=r"that is live.*zap models deploy"):
            registry.revert(away_from=away_from)

    for away_from in (None, "live", three[0], three[0][:5]):
        refused(away_from)
    registry.archive(three[1])  # the log has an entry, and still none is live
    for away_from in (None, *three):
        refused(away_from)
    assert [each.action for each in Registry(root, "shop").history()] == ["archive"]


def test_archived_versions_stay_and_are_not_deployed(registry, three) -> None:
    a, b, _ = three
    registry.deploy(a)
    registry.deploy(b)
    with pytest.raises(RegistryError, match="not live to archive"):
        registry.archive("live")
    entry, new = registry.archive(a, who="ada", why="old")
    assert new and (entry.action, entry.version) == ("archive", a)
    assert (entry.live, entry.previous) == (b, a)
    assert registry.archive(a)[1] is False
    assert registry.state().archived == {a}
    assert (registry.live(), registry.previous()) == (b, a)
    for call in (lambda: registry.deploy(a), registry.revert):
        with pytest.raises(RegistryError, match="zap models unarchive"):
            call()
    assert registry.load(a).version == a
    registry.unarchive(a)
    with pytest.raises(RegistryError, match="that is archived"):
        registry.unarchive(a)
    assert registry.state().archived == frozenset()
    registry.revert()
    assert registry.live() == a


def test_every_reader_sees_what_another_wrote(registry, three, root) -> None:
    reader, poller = Registry(root, "shop"), LiveModel(Registry(root, "shop"))
    assert reader.live() is None
    for version in (*three, *three):
        registry.deploy(version)
        assert reader.live() == Registry(root, "shop").live() == version
        bundle = poller.poll()
        assert bundle is not None and bundle.version == poller.version == version
        assert poller.poll() is None
    assert reader.history() == registry.history()
    assert reader.previous() == three[1]


def test_applications_do_not_mix(registry, three, tmp_path, root) -> None:
    other = Registry(root, "blog_2-EU")
    assert other.versions() == []
    version = other.add(made_bundle(tmp_path, 9))
    other.deploy(version)
    assert applications(root) == sorted(["blog_2-EU", "shop"])
    assert registry.live() is None and version not in registry.versions()


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "../a", "/a", "a\\b", "-a", "a b", "a\n", "x" * 65]
)
def test_names_of_applications_lead_nowhere_else(name: str, tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="application's name"):
        Registry(tmp_path, name)
    assert list(tmp_path.iterdir()) == []


def test_a_forgotten_record_leaves_the_version(registry, three, root) -> None:
    registry.deploy(three[0])
    bundle = registry.load("live")
    records, _ = bundle.records(SEALED)
    bundle.replace_sealed(SEALED, seal(records[1:], forgotten=1))
    again = Registry(root, "shop").load("live")
    found, said = again.records(SEALED)
    assert (found, said.count, said.forgotten) == (records[1:], 2, 1)
    assert again.version == three[0]
    with pytest.raises(BundleError, match="has changed"):
        bundle.replace_sealed(SEALED, b"what is not sealed")
    with pytest.raises(BundleError, match="Expected a sealed file"):
        bundle.replace_sealed("model.tflite", seal([]))
    assert Registry(root, "shop").load("live").contents() == again.contents()


def test_one_changed_byte_is_not_deployed(registry, three, root) -> None:
    """Of each file of a version in the registry, wherever that lies."""
    version = three[0]
    registry.deploy(three[1])
    files = files_at(f"{registry.path}/versions/{version}")
    for name, content in registry.load(version).contents().items():
        changed = bytearray(content)
        changed[len(changed) // 2] ^= 1
        files.replace(name, bytes(changed))
        for call in (registry.load, registry.deploy):
            with pytest.raises(BundleError, match=name.replace(".", r"\.")):
                call(version)
        files.replace(name, content)
    assert registry.live() == three[1]
    registry.deploy(version)


def test_a_bundle_under_a_wrong_name_is_refused(registry, three) -> None:
    wrong = "0123456789abcdef"
    files = files_at(f"{registry.path}/versions/{wrong}")
    for name, content in registry.load(three[0]).contents().items():
        files.create(name, content)
    for call in (registry.load, registry.deploy):
        with pytest.raises(BundleError, match=rf"of version {wrong}.*by hand"):
            call(wrong)


def test_a_damaged_log_is_said_and_not_guessed(registry, three, root) -> None:
    for version in three:
        registry.deploy(version)
    files = files_at(registry.path)
    last = files.find("deployments/000003.json")
    entry = json.loads(last)
    for wrong in (
        b"",
        b"[]",
        last[:-9],
        json.dumps({**entry, "number": 2}).encode(),
        json.dumps({**entry, "action": "jump"}).encode(),
        json.dumps({**entry, "live": "../../x"}).encode(),
    ):
        files.replace("deployments/000003.json", wrong)
        with pytest.raises(RegistryError, match=r"000003\.json, which has changed"):
            Registry(root, "shop").live()
    files.replace("deployments/000003.json", json.dumps({**entry, "new": 1}).encode())
    assert Registry(root, "shop").live() == three[2]
    files.create(
        "deployments/000005.json", last.replace(b'"number": 3', b'"number": 5')
    )
    with pytest.raises(RegistryError, match=r"without gaps.*000004\.json"):
        Registry(root, "shop").history()


# What only a local folder or only a store has.


def test_a_file_url_is_the_local_disk(tmp_path: Path) -> None:
    registry = Registry(f"file://{tmp_path}/models", "shop")
    version = registry.add(made_bundle(tmp_path, 0))
    registry.deploy(version)
    assert Registry(tmp_path / "models", "shop").live() == version
    assert registry.load("live").path == tmp_path / "models/shop/versions" / version


def test_the_layout_on_disk(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "models", "shop")
    version = registry.add(made_bundle(tmp_path, 0))
    registry.deploy(version)
    folder = tmp_path / "models" / "shop"
    assert sorted(str(p.relative_to(folder)) for p in folder.glob("*/*")) == [
        "deployments/000001.json",
        f"notes/{version}.json",
        f"versions/{version}",
    ]


def test_removed_files_of_an_archived_version(tmp_path: Path) -> None:
    """Files may be removed by hand to free the disk; the log still reads."""
    import shutil

    registry = Registry(tmp_path / "models", "shop")
    old, new = (registry.add(made_bundle(tmp_path, n)) for n in range(2))
    for version in (old, new):
        registry.deploy(version)
    registry.archive(old)
    shutil.rmtree(tmp_path / "models" / "shop" / "versions" / old)
    again = Registry(tmp_path / "models", "shop")
    assert again.versions() == [new] and again.live() == new
    assert len(again.history()) == 3
    with pytest.raises(RegistryError, match="Expected one version"):
        again.unarchive(old)


def test_an_incomplete_upload_is_no_version_and_is_made_whole(tmp_path: Path) -> None:
    """A store has no folders that appear at once: the mark comes last."""
    pytest.importorskip("fsspec", reason="needs extra: dev")
    bundle = made_bundle(tmp_path, 0)
    contents = bundle.contents()
    for count in range(len(contents)):
        registry = Registry(f"memory://cut-{tmp_path.name}-{count}", "shop")
        files = files_at(f"{registry.path}/versions/{bundle.version}")
        for name in list(contents)[:count]:
            files.create(name, contents[name])
        assert registry.versions() == []
        with pytest.raises(RegistryError, match="Expected one version"):
            registry.load(bundle.version)
        assert registry.add(bundle) == bundle.version
        assert registry.load(bundle.version).contents() == contents


def test_who_was_forgotten_since_an_upload_was_cut_short_stays_so(
    tmp_path: Path,
) -> None:
    pytest.importorskip("fsspec", reason="needs extra: dev")
    bundle = made_bundle(tmp_path, 0)
    registry = Registry(f"memory://forgot-{tmp_path.name}", "shop")
    files = files_at(f"{registry.path}/versions/{bundle.version}")
    before = bundle.contents()
    for name in list(before)[:-1]:  # all but the mark
        files.create(name, before[name])
    records, _ = bundle.records(SEALED)
    bundle.replace_sealed(SEALED, seal(records[1:], forgotten=1))
    assert registry.add(Bundle.load(bundle.path)) == bundle.version
    left, said = registry.load(bundle.version).records(SEALED)
    assert left == records[1:] and said.forgotten == 1
    # What is there whole stays as it is: there too somebody may have been forgotten.
    again = registry.load(bundle.version)
    again.replace_sealed(SEALED, seal(records[2:], forgotten=2))
    registry.add(Bundle.load(bundle.path))
    assert registry.load(bundle.version).records(SEALED)[1].forgotten == 2


def test_two_who_add_the_same_files_with_other_dates(tmp_path: Path) -> None:
    """Whoever writes bundle.json first has written it; the mark is of that one."""
    pytest.importorskip("fsspec", reason="needs extra: dev")
    first, second = made_bundle(tmp_path / "1", 0), made_bundle(tmp_path / "2", 0)
    registry = Registry(f"memory://dates-{tmp_path.name}", "shop")
    other = {**first.info, "created_at": "2020-01-01T00:00:00+00:00"}
    info = json.dumps(other, indent=1, sort_keys=True).encode()
    files = files_at(f"{registry.path}/versions/{first.version}")
    files.create("bundle.json", info)
    for name in (*first.files, *first.sealed):
        files.create(name, first.read(name))
    assert registry.add(second) == first.version
    assert registry.load(first.version).info == other


def test_a_store_that_only_looks_first_is_refused(tmp_path: Path) -> None:
    """Two deployers could overwrite one another there."""
    fsspec = pytest.importorskip("fsspec", reason="needs extra: dev")
    from fsspec.spec import AbstractFileSystem

    class Old(type(fsspec.filesystem("memory"))):
        protocol = "old"
        pipe_file = AbstractFileSystem.pipe_file

    fsspec.register_implementation("old", Old, clobber=True)
    with pytest.raises(BundleError, match="only where none is, in one step"):
        Registry("old://models", "shop").add(made_bundle(tmp_path, 0))


def test_stores_that_are_unknown_or_refuse(tmp_path: Path) -> None:
    pytest.importorskip("fsspec", reason="needs extra: dev")
    with pytest.raises(BundleError, match=r"knows\. Received: path=nowhere://x"):
        Registry("nowhere://x", "shop")
    with pytest.raises(BundleError, match=r"knows\. Received: path=nowhere://b"):
        Bundle.load("nowhere://b")
    (tmp_path / "file").touch()
    registry = Registry(tmp_path / "file", "shop")
    with pytest.raises(BundleError, match="Received: file="):
        registry.live()
    with pytest.raises(BundleError, match="Expected to write"):
        registry.add(made_bundle(tmp_path, 0))


def test_an_s3_server_that_refuses_is_said(s3_server, tmp_path, monkeypatch) -> None:
    for key, value in s3_server.items():
        monkeypatch.setenv(key, value)
    with pytest.raises(
        BundleError, match=r"write.*file=s3://no-such-bucket-at-all/shop"
    ):
        Registry("s3://no-such-bucket-at-all", "shop").add(made_bundle(tmp_path, 0))


def test_the_root_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZAP_REGISTRY", raising=False)
    assert default_root() == "models"
    monkeypatch.setenv("ZAP_REGISTRY", "s3://bucket/models")
    assert default_root() == "s3://bucket/models"
