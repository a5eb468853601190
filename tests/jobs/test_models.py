"""What a registry knows of its versions, put together: whatever is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_versions import made_bundle

from zap.bundles.registry import Registry
from zap.bundles.versions import VersionStore
from zap.jobs.models import overview


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models", "shop")


def test_a_damaged_note_is_listed_with_the_reason(registry, tmp_path) -> None:
    versions = [registry.add(made_bundle(tmp_path, n), why="weekly") for n in range(3)]
    registry.deploy(versions[0])
    folder = Path(registry.path)
    for version in versions[:2]:
        (folder / "notes" / f"{version}.json").write_text("{}")
    (folder / "versions" / versions[1] / "bundle.json").write_text("{}")
    found = {one["version"]: one for one in overview(registry)}
    noted, both, whole = (found[version] for version in versions)
    assert f"file={folder}/notes/{versions[0]}.json" in noted["problem"]
    assert (noted["status"], noted["who"], noted["why"]) == ("live", None, "")
    assert noted["dataset"] == f"{0:032x}" and noted["added"] == noted["created"]
    assert "bundle.json or COMPLETED" in both["problem"]
    assert "Expected a note" in both["problem"]
    assert (whole["problem"], whole["why"]) == (None, "weekly")


def test_the_versions_are_listed_once_however_many_there_are(
    registry, tmp_path, monkeypatch
) -> None:
    """In a store each listing is a request, and more for every version."""
    count, listed = 5, []
    for number in range(count):
        registry.add(made_bundle(tmp_path, number))
    versions = VersionStore.versions

    def counted(self: VersionStore) -> list[str]:
        listed.append(1)
        return versions(self)

    monkeypatch.setattr(VersionStore, "versions", counted)
    assert len(overview(registry)) == count
    assert len(listed) == 1
