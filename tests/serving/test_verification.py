"""A bundle that says something else than when it was made is found out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zap.bundles.bundle import Bundle, write_bundle
from zap.bundles.sealed import seal
from zap.cli.main import main
from zap.errors import BundleError
from zap.serving import verification
from zap.serving.predictor import Predictor
from zap.serving.verification import VERIFICATION, encoded_examples, processor, verify


def rebuilt(bundle: Bundle, path: Path, **changed: Any) -> Bundle:
    """A bundle with other contents and right digests, as a mistaken build makes it."""
    contents: dict[str, Any] = {name: bundle.read(name) for name in bundle.files}
    for name, change in changed.items():
        file = f"{name}.json"
        contents[file] = change(json.loads(contents[file]))
    info = {k: v for k, v in bundle.info.items() if k not in ("files", "sealed")}
    sealed = {VERIFICATION: bundle.read(VERIFICATION)}
    return write_bundle(path, contents, info, sealed=sealed)


def test_a_fresh_bundle_passes_to_the_bit(made_run) -> None:
    verdict = verify(made_run.bundle)
    lines, _ = made_run.bundle.records(VERIFICATION)
    assert verdict.passed and verdict.same_processor and verdict.tolerance == 0
    assert verdict.examples == verdict.exact == len(lines) > 300
    assert verdict.worst == 0
    assert {*lines[0]} == {
        *("encoded", "events", "example", "instant", "score", "split", "subject")
    }
    own = Predictor.from_bundle(made_run.bundle)
    assert (
        own.predict(lines[5]["events"], lines[5]["instant"]).value
        == (lines[5]["score"])
    )


def nudged(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "bias": [data["bias"][0] + 1e-9, data["bias"][1]]}


def other_seed(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "instance": {**data["instance"], "hash_seed": 5}}


@pytest.mark.parametrize(
    ("name", "change"), [("calibrator", nudged), ("encoder", other_seed)]
)
def test_changed_parts_with_right_digests_fail(
    made_run,
    tmp_path: Path,
    monkeypatch,
    name: str,
    change: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:
    # The fingerprint would tell of the encoder first.
    monkeypatch.setattr("zap.serving.scorer.Scorer.check_encoder", lambda *given: None)
    verdict = verify(rebuilt(made_run.bundle, tmp_path / "b", **{name: change}))
    assert not verdict.passed and verdict.exact < verdict.examples
    assert "scores differ" in verdict.said


def test_another_processor_is_allowed_a_millionth_and_named(
    made_run, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(
        verification, "processor", lambda: {"machine": "m68k", "features": []}
    )
    verdict = verify(made_run.bundle)
    assert verdict.passed and verdict.tolerance == 1e-6 and not verdict.same_processor
    assert "other features" in verdict.said
    near = verify(rebuilt(made_run.bundle, tmp_path / "near", calibrator=nudged))
    assert near.passed and 0 < near.worst < 1e-8 and near.exact < near.examples
    far = rebuilt(
        made_run.bundle,
        tmp_path / "far",
        calibrator=lambda d: {**d, "bias": [d["bias"][0] + 1e-3, d["bias"][1]]},
    )
    assert not verify(far).passed


def test_an_empty_set_verifies_nothing(made_run, tmp_path: Path) -> None:
    bundle = rebuilt(made_run.bundle, tmp_path / "b")
    bundle.replace_sealed(VERIFICATION, seal([]))
    verdict = verify(bundle)
    assert not verdict.passed and "no example" in verdict.said


def test_serving_that_encodes_otherwise_is_refused_at_training(made_run) -> None:
    encoder, told = made_run.dataset.encoder, made_run.dataset.recent()
    example = next(e for e in told if len(e["events"]) > 1)
    assert [one.digest for one in encoded_examples(encoder, [example])] == [
        example["encoded"]
    ]
    with pytest.raises(BundleError, match="other bytes"):
        encoded_examples(encoder, [{**example, "events": example["events"][1:2]}])


def test_scores_that_are_no_numbers_are_an_answer_too(made_run, tmp_path) -> None:
    bundle = rebuilt(made_run.bundle, tmp_path / "b")
    records, _ = bundle.records(VERIFICATION)
    changed = [{**record, "score": [0.5, 0.5]} for record in records]
    bundle.replace_sealed(VERIFICATION, seal(changed))
    verdict = verify(bundle)
    assert not verdict.passed and verdict.worst is None
    assert json.dumps(verdict.to_dict(), allow_nan=False)


def test_the_processor_is_told_by_what_sums_depend_on() -> None:
    found = processor()
    assert found["machine"] and found == processor()
    assert all(isinstance(name, str) for name in found["features"])


def test_the_command_answers_by_its_exit_code(made_run, tmp_path, capsys) -> None:
    assert main(["verify", str(made_run.work / "bundle")]) == 0
    assert "equal to the bit" in capsys.readouterr().out
    changed = rebuilt(made_run.bundle, tmp_path / "b", calibrator=nudged)
    assert main(["verify", str(changed.path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["passed"] is False
    assert main(["verify", str(tmp_path / "none")]) == 2
