"""Weekly retraining: what passes, what is refused, and that the live version stays."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from made_retraining import ROWS, Shop
from made_weeks import MAPPING, SMALL, one_place, shuffled, twice, without_purchases
from sklearn.metrics import roc_auc_score

from zap.bundles.bundle import Bundle
from zap.cli.main import main
from zap.datasets.store import Dataset
from zap.errors import InputError, RegistryError, TrainingError
from zap.jobs.retrain.approval import approve
from zap.jobs.retrain.job import retrain
from zap.jobs.retrain.result import Result
from zap.jobs.retrain.runs import STAGES, RunFolder, alone
from zap.jobs.retrain.work import Signature
from zap.serving.scorer import Scorer

POISONS = {
    "shuffled labels": (shuffled, "AUC of the live model"),
    "no purchases": (without_purchases, "no event of type purchase"),
    "twice under new ids": (twice, "share of repeated events"),
    "one field constant": (one_place, "place has one value only"),
}
Weeks = tuple[Shop, list[Result]]

pytestmark = pytest.mark.slow


def figures(result: Result, stage: str) -> dict:
    return next(s["figures"] for s in result.stages if s["stage"] == stage)


def test_three_weeks_deploy_three_versions(three_weeks: Weeks) -> None:
    shop, results = three_weeks
    assert [result.verdict for result in results] == ["passed"] * 3
    versions = [figures(result, "archive")["version"] for result in results]
    assert len({*versions}) == 3
    assert [entry.live for entry in shop.registry.history()] == versions
    assert shop.registry.live() == versions[-1] == results[-1].live
    assert shop.registry.lineage(versions[-1]) == versions[::-1]


def test_each_stage_leaves_its_verdict(three_weeks: Weeks) -> None:
    _, results = three_weeks
    names = [stage["stage"] for stage in results[-1].stages]
    assert names == list(STAGES[:-1])
    for stage in results[-1].stages:
        assert stage["verdict"] == "passed" and stage["said"] and stage["inputs"]
    note = three_weeks[0].registry.note("live")
    assert note is not None and note.verdicts["run"] == results[-1].run
    assert note.verdicts["validate"]["verdict"] == "passed"


def test_examples_are_archived_and_are_those_of_the_version(three_weeks: Weeks) -> None:
    shop, results = three_weeks
    archived = shop.home / figures(results[-1], "archive")["examples"]
    dataset = Dataset.open(archived)
    bundle = shop.registry.load("live")
    assert bundle.info["dataset"] == dataset.manifest["digest"] == archived.name
    observed = dataset.manifest["observed"]
    assert observed["until"] == "2024-03-29T00:00:00Z"
    assert observed["from"] == "2024-03-15T00:00:00Z"


def test_the_newest_days_are_held_out(three_weeks: Weeks) -> None:
    shop, results = three_weeks
    dataset = Dataset.open(shop.home / figures(results[-1], "archive")["examples"])
    edge = figures(results[-1], "window")["held_out_from"]
    assert edge == "2024-03-22T00:00:00Z"
    days = {
        name: dataset.read(name).instant_us.astype("datetime64[us]")
        for name in ("train", "validation", "test")
    }
    assert days["test"].min() >= np.datetime64(edge[:-1])
    assert max(days["train"].max(), days["validation"].max()) < np.datetime64(edge[:-1])


def test_the_comparison_is_on_rows_that_both_models_score(three_weeks: Weeks) -> None:
    shop, results = three_weeks
    test = Dataset.open(shop.home / figures(results[-1], "archive")["examples"]).read(
        "test"
    )
    found = figures(results[-1], "validate")
    assert found["live"] == figures(results[1], "archive")["version"]
    for version, auc in found["references"].items():
        scores = Scorer.from_bundle(shop.registry.load(version)).predictions(test)
        assert auc == pytest.approx(roc_auc_score(test.label, scores))
    beside_live = found["beside"][0]
    assert beside_live["version"] == found["live"]
    assert beside_live["difference"] == pytest.approx(
        found["auc"] - found["references"][found["live"]]
    )
    assert figures(results[-1], "data")["examples"]["auc"] == pytest.approx(
        found["references"][found["live"]]
    )


def test_the_same_events_under_their_ids_change_nothing(three_weeks: Weeks) -> None:
    newest = figures(three_weeks[1][2], "window")["newest"]
    assert newest["repeated_ids"] == pytest.approx(1 / 3, abs=0.03)
    assert newest["repeats"] == 0


def test_a_run_that_is_done_says_so(three_weeks: Weeks) -> None:
    shop, results = three_weeks
    log, versions = shop.registry.history(), shop.registry.versions()
    again = shop.retrain(2)
    assert again.already and not again.refused and again.run == results[2].run
    assert shop.registry.history() == log and shop.registry.versions() == versions
    assert not RunFolder(shop.home / "runs" / again.run).work.exists()


@pytest.mark.parametrize("name", POISONS)
def test_a_poisoned_week_is_refused(shop: Shop, name: str) -> None:
    poison, said = POISONS[name]
    shop.spoil(3, poison)
    live, log = shop.registry.live(), shop.registry.history()
    found = shop.retrain(3)
    assert (found.verdict, found.stage) == ("refused", "data")
    assert "data suspect" in found.said and said in found.said
    assert shop.registry.live() == live and shop.registry.history() == log
    again = shop.retrain(3)
    assert again.already and again.refused and again.said == found.said
    assert Path(found.report).read_text().count("Refused")


def test_an_empty_week_is_refused(shop: Shop) -> None:
    shop.spoil(3, lambda rows: [])
    found = shop.retrain(3)
    assert (found.verdict, found.stage) == ("refused", "window")


def test_trusted_data_do_not_save_a_worse_model(shop: Shop) -> None:
    """The new model also reads other fields, so references need their own encoder."""
    live, log = shop.registry.live(), shop.registry.history()
    shop.spoil(3, without_purchases)
    weak = {
        "generator": "made_weeks:OtherWeekly",
        "model": {**SMALL, "epochs": 1, "learning_rate": 1e-6},
        "quality": {"margin": 0.05, "draws": 100},
    }
    assert shop.retrain(3, **weak).stage == "data"
    shop.spoil(3, lambda rows: twice(rows, share=0.2))
    assert shop.retrain(3, **weak).stage == "data"
    found = shop.retrain(3, trust_data=True, **weak)
    assert "trusted by" in next(s for s in found.stages if s["stage"] == "data")["said"]
    held = figures(found, "validate")
    assert len(held["references"]) == 3 and not held["passed_over"]
    encoders = {
        shop.registry.open(version).info["encoder_fingerprint"]
        for version in held["references"]
    }
    assert figures(found, "examples")["encoder"] not in encoders
    # On the very rows, so that the live version has the AUC that the data gate saw.
    auc = figures(found, "data")["examples"]["auc"]
    assert held["references"][live] == pytest.approx(auc)
    assert (found.verdict, found.stage) == ("refused", "validate")
    assert "lower bound of the difference" in found.said
    assert shop.registry.live() == live and shop.registry.history() == log
    assert figures(found, "train")["version"] not in shop.registry.versions()


def test_a_mended_feed_a_warm_start_and_an_approval(shop: Shop) -> None:
    live = shop.registry.live()
    settings = {"require_approval": True, "warm_start": True}
    shop.spoil(3, without_purchases)
    assert shop.retrain(3, **settings).refused
    shop.feed(ROWS)
    found = shop.retrain(3, **settings)
    # What the first attempt said is kept, and is no part of the past of the feed.
    kept = RunFolder(shop.home / "runs" / found.run).path / "attempts" / "01"
    assert json.loads((kept / "02-data.json").read_text())["verdict"] == "refused"
    assert figures(found, "data")["runs_before"] == 3
    assert figures(found, "train")["warm_start"] == f"from the weights of {live}"
    assert (found.verdict, found.stage) == ("waiting", "deploy")
    assert shop.retrain(3, **settings).already and shop.registry.live() == live
    # Another version becomes live: what was held against the old one must not pass.
    shop.registry.revert(who="bob")
    by = Signature("ada", "looks right")
    with pytest.raises(RegistryError, match="goes on at its validation"):
        approve(shop.root, "shop", found.run, by)
    again = shop.retrain(3, **settings)
    assert figures(again, "validate")["live"] == shop.registry.live() != live
    # What the attempt before archived is one of those it is held against.
    references = figures(again, "validate")["references"]
    assert figures(found, "archive")["version"] in references
    assert figures(again, "archive")["version"] not in references
    done = approve(shop.root, "shop", found.run, by)
    version = figures(again, "archive")["version"]
    assert (done.verdict, done.live) == ("passed", version)
    last = shop.registry.history()[-1]
    assert (last.who, last.why, last.version) == ("ada", "looks right", version)
    assert approve(shop.root, "shop", found.run, by).already
    assert "ada" in Path(done.report).read_text()


def test_only_a_run_that_waits_can_be_approved(shop: Shop) -> None:
    with pytest.raises(RegistryError, match="one run of shop"):
        approve(shop.root, "shop", "1999", Signature("ada"))
    shop.spoil(3, without_purchases)
    found = shop.retrain(3)
    with pytest.raises(RegistryError, match="waits for approval"):
        approve(shop.root, "shop", found.run, Signature("ada"))


def test_two_at_once_are_kept_apart(shop: Shop) -> None:
    with (
        alone(shop.home, "shop"),
        pytest.raises(RegistryError, match="no other retraining"),
    ):
        shop.retrain(3)


def test_a_bundle_of_other_shapes_gives_no_weights(three_weeks: Weeks) -> None:
    from zap.training.config import ModelConfig
    from zap.training.warm import weights_of, why_not

    bundle = three_weeks[0].registry.load("live")
    dataset = Dataset.open(
        three_weeks[0].home / figures(three_weeks[1][-1], "archive")["examples"]
    )
    weights = weights_of(bundle)
    encoder, spec = bundle.info["encoder_fingerprint"], dataset.spec
    same = ModelConfig.from_dict(SMALL)
    other = ModelConfig.from_dict({**SMALL, "units": 7})
    assert why_not(bundle, weights, encoder, spec, same, 2) is None
    assert "other shapes" in str(why_not(bundle, weights, encoder, spec, other, 2))
    assert "encoder is another" in str(why_not(bundle, weights, "x", spec, same, 2))


def test_questions_that_are_not_yes_or_no_are_refused(tmp_path: Path) -> None:
    options = {"generator": "made_shop:MorePages", "input": ["x"], "mapping": MAPPING}
    with pytest.raises(InputError, match="answered by yes or no"):
        retrain(str(tmp_path), "shop", options)


def test_a_window_must_end_where_the_data_are_whole(shop: Shop) -> None:
    with pytest.raises(InputError, match=r"observed\.until"):
        retrain(shop.root, "shop", {}, until_us=2 * 10**15)


def test_settings_of_no_use_are_not_kept(tmp_path: Path) -> None:
    wrong = {"generator": "made_weeks:WeeklyShop", "input": ["no"], "mapping": MAPPING}
    with pytest.raises(InputError):
        retrain(str(tmp_path), "shop", wrong, until_us=2 * 10**15)
    assert not (tmp_path / "shop" / "application.json").exists()


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"generator": "cdnow_repurchase"}, InputError, "labels that look 273 days"),
        ({"model": {"unitz": 1}}, TrainingError, "unitz"),
    ],
)
def test_what_can_never_be_trained_is_told_at_once(
    tmp_path: Path, options: dict, error: type[Exception], words: str
) -> None:
    weekly = {"generator": "made_weeks:WeeklyShop", "mapping": MAPPING, "input": ["x"]}
    with pytest.raises(error, match=words):
        retrain(
            str(tmp_path),
            "shop",
            options if "generator" in options else weekly | options,
        )
    assert not (tmp_path / "shop" / "runs").exists()


def test_the_live_version_is_a_bundle_like_any(three_weeks: Weeks) -> None:
    live = three_weeks[0].registry.load("live")
    assert Bundle.load(live.path).version == live.version


def test_the_command_says_no_by_its_exit_code(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.spoil(3, without_purchases)
    live = shop.registry.live()
    argv = ["retrain", "shop", "--registry", shop.root, "--until", "2024-04-05"]
    assert main([*argv, "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["verdict"], said["stage"], said["live"]) == ("refused", "data", live)
    assert main(argv) == 1
    assert "(already done)" in capsys.readouterr().out
    assert main(["retrain", "other", "--registry", shop.root]) == 2
    assert "--generator" in capsys.readouterr().err


def test_the_report_shows_all_gates(three_weeks: Weeks) -> None:
    shop, results = three_weeks
    page = Path(results[2].report).read_text()
    for words in ("Deployed", "look like itself?", "as good?", "Week by week"):
        assert words in page
    assert str(shop.registry.live()) in page
    charts = {path.name for path in Path(results[2].report).parent.glob("*.png")}
    assert charts == {"data_gate.png", "differences.png", "live_auc.png"}
