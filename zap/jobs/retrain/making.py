"""Examples of a run's window, made with one encoder or another."""

from __future__ import annotations

from zap.beam.generate import GenerateOptions, generate
from zap.bundles.bundle import Bundle
from zap.bundles.id_key import id_key
from zap.datasets.recent import RecentSample
from zap.datasets.store import Dataset
from zap.encoding.encoder import Encoder
from zap.jobs.retrain.work import EVENTS, Work


def make_examples(work: Work, name: str, encoder: Encoder | None) -> Dataset:
    """The examples of the window, to train on.

    Args:
        work: the run.
        name: of the folder in the run's work.
        encoder: a fitted encoder of the generator's instance; None fits one.

    Raises:
        ZapError: as `zap.beam.generate.generate`.
    """
    options = GenerateOptions(
        split=work.split,
        encoder=encoder,
        replace=True,
        recent=RecentSample(key=id_key(work.root)),
    )
    paths = [str(work.path(EVENTS))]
    return generate(work.generator(), paths, work.mapping, work.path(name), options)


def make_for(work: Work, bundle: Bundle) -> Dataset:
    """The same examples as an earlier version sees them: same rows, its own encoder.

    Raises:
        ZapError: its encoder reads what the events no longer have.
    """
    encoder = encoder_of(bundle)
    name = f"encoder-{encoder.fingerprint[:16]}"
    if (work.path(name) / "COMPLETED").exists():
        return Dataset.open(work.path(name))
    generator = work.generator()
    generator.use_instance(encoder.instance)
    options = GenerateOptions(
        split=work.split,
        encoder=encoder,
        replace=True,
        check=False,
        recent=RecentSample(0),
    )
    paths = [str(work.path(EVENTS))]
    return generate(generator, paths, work.mapping, work.path(name), options)


def encoder_of(bundle: Bundle) -> Encoder:
    """The encoder of a version."""
    return Encoder.from_dict(bundle.json("encoder.json"))


def fits(work: Work, bundle: Bundle) -> bool:
    """Whether a version asks for the instance and the label that the run asks for."""
    generator = work.raw.generator
    same_label = bundle.info["label"] == generator.label_schema()
    return bool(
        same_label and bundle.info["instance"] == generator.instance.fingerprint
    )
