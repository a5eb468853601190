"""What the benchmarks of serving are run on: models, and pasts to ask them about.

All is made once in a work folder, with the commands that a user would give: a simulated
shop, and a bundle for each question and kind of model.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zap.bundles.bundle import Bundle

EVENTS = 120_000
_START_US, _STEP_US = 1_736_150_000_000_000, 30_000_000


@dataclass(frozen=True)
class Model:
    """One of the models.

    Attributes:
        name: of the table's row.
        generator: as ``zap run`` takes it.
        config: settings of the model.
        shop: whether it is trained on the simulated shop.
    """

    name: str
    generator: str
    config: dict[str, Any]
    shop: bool = True


VIEWS = Model("views-gru", "bench.serving.questions:ShopViews", {"epochs": 3})
MODELS = [
    Model("cdnow-gru", "cdnow_repurchase", {}, shop=False),
    VIEWS,
    Model("windows-gru", "bench.serving.questions:ShopWindows", {"epochs": 3}),
    Model(
        "windows-trees",
        "bench.serving.questions:ShopWindows",
        {"kind": "trees", "epochs": 6},
    ),
]


def zap(*arguments: object) -> None:
    """A command of ``zap`` in a process of its own."""
    program = "import sys; from zap.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", program, *map(str, arguments), "--json"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def bundle_of(model: Model, work: Path) -> Path:
    """The folder of the model's bundle; trained once."""
    output = work / model.name
    if not (output / "bundle" / "COMPLETED").exists():
        work.mkdir(parents=True, exist_ok=True)
        config = work / f"{model.name}.json"
        config.write_text(json.dumps(model.config))
        given: list[object] = []
        if model.shop:
            shop = shop_in(work)
            given = ["--input", shop / "events", "--mapping", shop / "mapping.toml"]
        more = ["--no-check", "--replace"]
        zap(
            "run",
            model.generator,
            *given,
            "--output",
            output,
            "--config",
            config,
            *more,
        )
    return output / "bundle"


def shop_in(work: Path) -> Path:
    """The folder of the simulated shop in an existing folder; made once."""
    shop = work / "shop"
    if not (shop / "events").exists():
        zap("simulate", "--events", EVENTS, "--bots", 0, "--output", shop)
    return shop


def pasts_of(bundle: Path, count: int) -> list[dict[str, Any]]:
    """Examples of a bundle: each with ``events`` and ``instant``."""
    lines, _ = Bundle.load(bundle).records("verification.jsonl.gz")
    return [dict(line) for line in list(lines)[:count]]


def lengthened(pasts: list[dict[str, Any]], events: int) -> list[dict[str, Any]]:
    """As many pasts of exactly so many events, half a minute apart.

    Args:
        pasts: whose events are taken, one after the other and round and round.
        events: of each.
    """
    every = [event for past in pasts for event in past["events"]]
    made = []
    for at in range(len(pasts)):
        own = [
            {
                **every[(at * events + k) % len(every)],
                "timestamp": _START_US + k * _STEP_US,
            }
            for k in range(events)
        ]
        made.append({"events": own, "instant": None})
    return made
