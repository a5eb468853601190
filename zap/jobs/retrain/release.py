"""Stages 7 to 9: archive, verify, deploy; and a person's approval."""

from __future__ import annotations

import shutil

from zap.bundles.bundle import Bundle
from zap.bundles.registry import Registry
from zap.datasets.store import Dataset
from zap.errors import RegistryError
from zap.jobs.retrain.runs import PASSED, REFUSED, WAITING, RunFolder, Stage
from zap.jobs.retrain.work import BUNDLE, Signature, Work
from zap.serving.verification import verify

EXAMPLES = "examples"


def archive(work: Work) -> Stage:
    """Put the version and its examples into the registry."""
    bundle = Bundle.load(work.path(BUNDLE))
    done = [said for said in work.run.stages() if said["stage"] != "archive"]
    verdicts = {
        said["stage"]: {"verdict": said["verdict"], "said": said["said"]}
        for said in done
    }
    version = work.registry.add(
        bundle,
        parent=work.live.version if work.live else None,
        verdicts={"run": work.run.name, **verdicts},
        who=work.signature.who,
        why=work.signature.why or f"retrained by run {work.run.name}",
    )
    dataset = work.examples()
    target = work.folder / EXAMPLES / dataset.manifest["digest"]
    if not target.exists():
        target.parent.mkdir(exist_ok=True)
        aside = target.with_name(f".{target.name}")
        shutil.rmtree(aside, ignore_errors=True)
        shutil.copytree(dataset.path, aside)
        aside.rename(target)
    Dataset.open(target)
    figures = {"version": version, "examples": f"{EXAMPLES}/{target.name}"}
    said = f"version {version}, with its examples"
    return Stage(PASSED, said, figures, {"dataset": target.name})


def verified(work: Work) -> Stage:
    """Score the version's own examples through the path of serving, and compare."""
    version = work.figures("archive")["version"]
    verdict = verify(work.registry.load(version))
    passed = PASSED if verdict.passed else REFUSED
    return Stage(passed, verdict.said, verdict.to_dict(), {"version": version})


def deploy(work: Work) -> Stage:
    """Make the version live, or wait for who must approve it.

    Raises:
        RegistryError: another version became live since this one was validated.
    """
    version = work.figures("archive")["version"]
    if work.application.require_approval:
        said = f"waiting for approval of version {version}"
        return Stage(WAITING, said, {"version": version}, {"version": version})
    return released(work.registry, work.run, version, work.signature)


def released(registry: Registry, run: RunFolder, version: str, by: Signature) -> Stage:
    """Deploy a version that was validated against the one that is live.

    Raises:
        RegistryError: another version became live since then.
    """
    why = by.why or f"run {run.name}"
    entry, _ = registry.deploy(
        version,
        who=by.who,
        why=why,
        check=lambda live: check_still_live(live, run, version),
    )
    figures = {"version": version, "entry": entry.number, "who": entry.who}
    said = f"version {version} is live, by {entry.who}"
    return Stage(PASSED, said, figures, {"version": version})


def check_still_live(live: str | None, run: RunFolder, version: str) -> None:
    """Check that the live version is the one that the new one was held against.

    Args:
        live: the version that is live.
        run: the run.
        version: the new one.

    Raises:
        RegistryError: another is. The verdict of the validation is removed, so that
            the run goes on there.
    """
    validated = run.read("validate")
    held_against = validated["figures"]["live"] if validated else None
    if live in (held_against, version):
        return
    for stage in ("deploy", "verify", "archive", "validate"):
        run.file(stage).unlink(missing_ok=True)
    raise RegistryError(
        "Expected the version to be live that the new one was held against. Received: "
        f"live={live}, held against {held_against}. Give the command again: the run "
        "goes on at its validation."
    )
