"""``python -m bench.guards.simulated_truth``: does the model reach the truth?

A simulated shop without bots and flaws is made, the whole job is run on it, and on the
test rows the model's probabilities are held against the true ones: AUC, log loss, ECE.
Once more with a weight of 20 on positives, which puts probabilities far off: the ECE
before the matrix scaling says how far, and after it whether it is repaired.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from zap.beam.generate import generate
from zap.bundles.bundle import Bundle
from zap.datasets.store import Dataset
from zap.datasets.visits import Visits
from zap.evaluation.bootstrap import paired_auc_difference
from zap.evaluation.curves import calibration_curve
from zap.evaluation.metrics import auc, ece, ece_null, log_loss
from zap.jobs.inputs import raw_input
from zap.jobs.train import train_bundle
from zap.serving.scorer import Scorer
from zap.simulation.settings import Settings
from zap.simulation.simulate import simulate
from zap.simulation.truth import Truth, read_truth
from zap.training.config import ModelConfig

HEADER = (
    "| probabilities | AUC | less the truth's (95 %) | log loss | ECE | null mean | "
    "null 95 %, by visitor |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- |"
)
WEIGHTS = (1.0, 20.0)
L2 = 40.0  # of 2, 10 (the default), 40, 150 and 500 the best on validation subjects
PAGES = (1, 2, 3, 4, 6, 8, 12)


def main() -> None:
    """Run the experiment and print its tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.guards.simulated_truth")
    parser.add_argument("--work", type=Path, default=Path("build/guards/truth"))
    parser.add_argument("--events", type=int, default=205_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    dataset, truth = examples(args.work, args.events, args.seed)
    test = dataset.read("test")
    known = truth.of_examples(test.subjects_of_cutoffs(), test.instant_us)
    assert (known.bought == test.label).all()
    sizes = {
        name: part["examples"] for name, part in dataset.manifest["splits"].items()
    }
    print(f"Simulated, seed {args.seed}. Examples: {sizes}; ", end="")
    print(f"base rate {test.label.mean(dtype=float):.4f} in the test split\n")
    scores: dict[str, Any] = {"the truth": known.probability}
    for weight in WEIGHTS:
        bundle = trained(dataset, args.work / f"weight-{weight:g}", weight)
        before = Scorer(bundle.read("model.tflite"), dataset.spec).probabilities(test)
        kept = bundle.json("calibration.json")["kept"]
        name = f"model, weight {weight:g}"
        scores[f"{name}, before scaling"] = before
        after = Scorer.from_bundle(bundle).probabilities(test)
        scores[f"{name}, after ({'kept' if kept else 'not kept'})"] = after
    print(HEADER)
    print("\n".join(line(name, test, known, p) for name, p in scores.items()))
    print()
    print_by_page(test, known, scores)
    draw(args.work / "simulated_truth.png", test, scores)
    results = {name: numbers(test, known, p) for name, p in scores.items()}
    (args.work / "results.json").write_text(json.dumps(results, indent=2) + "\n")


def examples(work: Path, events: int, seed: int) -> tuple[Dataset, Truth]:
    """The simulation's examples and its truth; the examples are made once."""
    folder = work / "simulated"
    if not (folder / "simulation.json").exists():
        clean = {"bots": 0.0, "duplicates": 0.0, "late": 0.0, "broken": 0.0}
        settings = Settings(events=events, seed=seed, **clean)
        simulate(settings, folder, replace=True)
    if (work / "dataset" / "COMPLETED").exists():
        return Dataset.open(work / "dataset"), read_truth(folder)
    raw = raw_input(
        "simulated_shop", [str(folder / "events")], str(folder / "mapping.toml")
    )
    made = generate(raw.generator, raw.paths, raw.mapping, work / "dataset")
    return made, read_truth(folder)


def trained(dataset: Dataset, path: Path, weight: float) -> Bundle:
    """The bundle with this weight of positives; made once."""
    if (path / "COMPLETED").exists():
        return Bundle.load(path)
    return train_bundle(dataset, path, ModelConfig(l2=L2, positive_weight=weight))


def numbers(test: Visits, known: Truth, p: Any) -> dict[str, Any]:
    """What is said of one column of probabilities."""
    subjects = test.subjects_of_cutoffs()
    mean, high = ece_null(p)
    difference = paired_auc_difference(test.label, p, known.probability, subjects)
    return {
        "auc": auc(test.label, p),
        "auc_less_truth": list(map(float, difference)),
        "log_loss": log_loss(test.label, p),
        "ece": ece(test.label, p),
        "ece_null_mean": mean,
        "ece_null_95": high,
        "ece_null_95_by_subject": ece_null(p, subjects=subjects)[1],
    }


def line(name: str, test: Visits, known: Truth, p: Any) -> str:
    """One line of the table."""
    found = numbers(test, known, p)
    less, low, high = found.pop("auc_less_truth")
    cells = [f"{value:.4f}" for value in found.values()]
    cells.insert(1, f"{less:+.4f} ({low:+.4f} to {high:+.4f})")
    return f"| {name} | {' | '.join(cells)} |"


def print_by_page(test: Visits, known: Truth, scores: dict[str, Any]) -> None:
    """ECE of the truth, and the AUC of truth and model, at each place of a visit."""
    model = next(p for name, p in scores.items() if "weight 1, after" in name)
    print(
        "| page | examples | truth: ECE (null mean, 95 %) | truth: AUC | model: AUC |"
    )
    print("| --- | --- | --- | --- | --- |")
    for page in PAGES:
        here = known.page_number == page
        y, p = test.label[here], known.probability[here]
        mean, high = ece_null(p)
        print(
            f"| {page} | {len(y):,} | {ece(y, p):.4f} ({mean:.4f}, {high:.4f}) "
            f"| {auc(y, p):.4f} | {auc(y, model[here]):.4f} |"
        )


def draw(path: Path, test: Visits, scores: dict[str, Any]) -> None:
    """The calibration curves of all columns in one figure."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 5), sharex=True, sharey=True)
    for axis, weight in zip(axes, WEIGHTS, strict=True):
        for name, p in scores.items():
            if "truth" not in name and f"weight {weight:g}," not in name:
                continue
            curve = calibration_curve(test.label, p, min_positives=150)
            axis.plot(
                [bucket["mean_prediction"] for bucket in curve],
                [bucket["positive_rate"] for bucket in curve],
                "o-",
                markersize=3,
                label=name,
            )
        axis.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
        axis.set_title(f"positives weigh {weight:g}")
        axis.set_xlabel("mean prediction")
        axis.legend()
    axes[0].set_ylabel("share that bought (simulated)")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    main()
