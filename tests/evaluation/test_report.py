"""The report: complete, alone, safe, and made of sections."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from zap.evaluation.learning import training
from zap.evaluation.page import Section
from zap.evaluation.report import _write, build_sections, write_report

VOID = {"meta", "img", "br", "link"}


class Checker(HTMLParser):
    """Fails on tags that don't nest; keeps the tags with their attributes."""

    def __init__(self, document):
        super().__init__()
        self.open, self.found, self.text = [], [], ""
        self.feed(document)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text += data

    def of(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


def written(path, metrics, facts, **options):
    options = {"title": "shop_purchase", "question": "Will they buy?", **options}
    found = write_report(path, metrics, facts=facts, **options)
    assert found == path
    return path.read_text("utf-8")


@pytest.fixture(scope="module")
def report(tmp_path_factory, made_metrics, made_facts):
    path = tmp_path_factory.mktemp("report") / "new" / "report.html"
    return written(path, made_metrics, made_facts, pngs=path.parent / "charts"), path


def test_it_stands_alone(report):
    document, _ = report
    checked = Checker(document)
    assert not {"script", "link", "iframe", "object"} & {t for t, _ in checked.found}
    assert re.findall(r"https?:|url\(|@import|//cdn", document) == []
    assert len(checked.of("img")) == 4
    for image in checked.of("img"):
        assert image["src"].startswith("data:image/svg+xml;base64,")
        assert len(image["alt"]) > 20
    assert all(link["href"].startswith("#") for link in checked.of("a"))
    assert len(checked.of("figcaption")) == 4


def test_links_lead_to_sections_and_anchors_are_unique(report):
    checked = Checker(report[0])
    anchors = [section["id"] for section in checked.of("section")]
    assert len(anchors) == len(set(anchors))
    assert [link["href"][1:] for link in checked.of("a")] == anchors


def test_it_shows_the_results_and_all_facts(report, made_metrics):
    text = Checker(report[0]).text
    assert "Will they buy?" in text
    assert "On the test split (2,000 examples" in text
    for number in ("auc", "ece"):
        assert f"{made_metrics[number]:.3f}" in text
        assert f"{made_metrics['baseline'][number]:.3f}" in text
    for segment in made_metrics["segments"]:
        assert segment["name"] in text
        assert f"{segment['relative_odds']:.2f}x" in text
    for fact in (
        "12,345", "the timestamp could not be read", "its outcome is not yet observed",
        "2026-03-01", "3.1 %", "0.002", "2.4.0", "epoch 2 was best", "03:04 UTC",
    ):  # fmt: skip
        assert fact in text, fact
    assert not re.search(r"\b(None|nan|inf)\b", text)


def test_charts_are_written_as_pictures_and_nothing_else_is_left(report):
    _, path = report
    assert {item.name for item in path.parent.iterdir()} == {"report.html", "charts"}
    assert {item.name for item in (path.parent / "charts").iterdir()} == {
        "calibration.png",
        "segments.png",
        "distribution.png",
        "training.png",
    }


def test_the_same_input_gives_the_same_bytes(
    tmp_path, report, made_metrics, made_facts
):
    again = written(tmp_path / "again.html", made_metrics, made_facts)
    assert again == report[0]


def test_facts_may_be_missing(tmp_path, made_metrics):
    without = {**made_metrics, "baseline": None, "ece_uncalibrated": None}
    without["calibration_curve"] = {**made_metrics["calibration_curve"], "before": None}
    checked = Checker(written(tmp_path / "r.html", without, {}))
    assert [section["id"] for section in checked.of("section")] == [
        "calibration",
        "segments",
        "distribution",
        "words",
    ]


def test_one_outcome_is_reported_with_the_reason(tmp_path, one_class_metrics):
    text = Checker(written(tmp_path / "r.html", one_class_metrics, {})).text
    assert "all have the same outcome" in text
    assert "fewer than 100 positives" in text
    assert "None" not in text


def test_hostile_texts_are_shown_not_run(tmp_path, made_metrics):
    evil = '"><script>alert(1)</script>'
    facts = {
        "scope": evil,
        "created_at": evil,
        "generator": {evil: evil},
        "splits": {evil: {evil: evil}},
        "counters": {f"rows.bad.{evil}": 1},
        "versions": {evil: [evil]},
        evil: {evil: evil},
    }
    document = written(
        tmp_path / "r.html", made_metrics, facts, title=evil, question=evil
    )
    checked = Checker(document)
    assert checked.of("script") == []
    assert "<script>alert(1)</script>" in checked.text


def test_further_sections_come_before_the_facts(made_metrics, made_facts):
    extra = Section("slices", "Slices", "<p>by clicks</p>")
    anchors = [s.anchor for s in build_sections(made_metrics, made_facts, [extra])]
    assert anchors.index("distribution") < anchors.index("slices")
    assert anchors.index("slices") < anchors.index("data")


def test_unknown_facts_get_a_section_of_their_own(made_metrics):
    facts = {"drift": {"psi": 0.02}, "empty": {}}
    found = [s.title for s in build_sections(made_metrics, facts)]
    assert "Drift" in found
    assert "Empty" not in found


@pytest.mark.parametrize(
    "history",
    [
        [{"loss": 0.6, "val_loss": 0.7}, {"loss": 0.5, "val_loss": 0.6}],
        {"loss": [0.6, 0.5], "val_loss": [0.7, 0.6]},
        {"epoch": [1, 2], "epochs": [9, 9], "validation_loss": [0.7, 0.6]},
        {"epochs": [{"epoch": 1, "val_loss": 0.7}, {"epoch": 2, "val_loss": 0.6}]},
        [{"epoch": 1, "validation_loss": 0.7}, {"epoch": 2, "validation_loss": 0.6}],
    ],
)
def test_histories_of_any_usual_form_are_drawn(history):
    assert "epoch 2 was best" in training(history).body


@pytest.mark.parametrize("history", [None, [], {}, [{"auc": 0.7}]])
def test_without_losses_there_is_no_section_on_training(history):
    assert training(history) is None


def test_a_failed_write_leaves_the_old_report(tmp_path, made_metrics, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="no space"):
        written(path, made_metrics, {})
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["report.html"]


def test_quantiles_stand_in_their_order_whatever_the_order_in_a_file(
    made_metrics, made_facts
) -> None:
    found = dict(made_metrics["distribution"])
    found["quantiles"] = dict(sorted(found["quantiles"].items()))  # as JSON keeps them
    metrics = {**made_metrics, "distribution": found}
    html = "".join(section.to_html() for section in build_sections(metrics, made_facts))
    places = [html.index(f">{name} %</th>") for name in (1, 5, 25, 50, 75, 95, 99)]
    assert places == sorted(places)


def test_a_folder_in_the_place_of_a_report_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(IsADirectoryError):
        _write(Path("."), b"")
    assert not list(tmp_path.iterdir())
