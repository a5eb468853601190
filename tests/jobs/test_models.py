"""What a registry knows of its versions, put together: whatever is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_versions import made_bundle

from zap.bundles.bundle import write_bundle
from zap.bundles.registry import Registry
from zap.bundles.versions import VersionStore
from zap.jobs import draw
from zap.jobs.draw import draw_history
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


def judged(registry: Registry, folder: Path, number: int, **metrics) -> str:
    """A version with metrics."""
    files = {"metrics.json": metrics} if metrics else {"number.json": {"is": number}}
    bundle = write_bundle(folder / f"judged-{number}", files, {"application": "shop"})
    return registry.add(bundle)


def test_the_chart_says_which_versions_are_not_in_it(
    registry, tmp_path, monkeypatch
) -> None:
    pytest.importorskip("matplotlib", reason="needs extra: train")
    drawn = []

    def kept(figure, path):
        drawn.append(figure)
        return save_figure(figure, path)

    save_figure = draw.save_figure
    monkeypatch.setattr(draw, "save_figure", kept)
    amount = judged(
        registry, tmp_path, 0, kind="amount", gini=0.5, gini_low=0.4, gini_high=0.6
    )
    bare = judged(registry, tmp_path, 1)
    one = judged(registry, tmp_path, 2, auc=0.7, auc_low=0.6, auc_high=0.8)
    path = tmp_path / "history.png"
    registry.deploy(one)
    registry.deploy(amount)
    last = judged(registry, tmp_path, 3, auc=0.8, auc_low=0.7, auc_high=0.9)
    registry.deploy(last)
    found = draw_history(registry, path)
    assert (found.path, found.measure) == (path, "AUC") and path.stat().st_size
    assert found.left_out == sorted([amount, bare])
    axes = drawn[0].axes[0]
    assert axes.get_title(loc="left") == "Without 2 versions, which have no AUC"
    assert {text.get_text() for text in axes.texts} == {one[:8], last[:8]}
    step = next(one for one in axes.lines if one.get_label() == "the live version")
    assert [str(value) for value in step.get_ydata()] == ["0.7", "nan", "0.8", "0.8"]


def test_a_chart_of_all_versions_says_nothing_of_others(registry, tmp_path) -> None:
    pytest.importorskip("matplotlib", reason="needs extra: train")
    judged(registry, tmp_path, 0, kind="amount", gini=0.5, gini_low=0.4, gini_high=0.6)
    found = draw_history(registry, tmp_path / "history.svg")
    assert (found.measure, found.left_out) == ("Gini", [])
    assert "Without" not in (tmp_path / "history.svg").read_text()
