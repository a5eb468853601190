"""What Vertex AI tells a training job by its environment, as defaults of options.

It sets these variables where the job has a base output directory. An option that is
given counts for more.
"""

from __future__ import annotations

import argparse
import os
from typing import Any

OUTPUT, WORK_DIR, LOG_DIR = (
    "AIP_MODEL_DIR",
    "AIP_CHECKPOINT_DIR",
    "AIP_TENSORBOARD_LOG_DIR",
)


def add_place(
    parser: argparse.ArgumentParser,
    option: str,
    variable: str,
    *,
    required: bool = False,
    **described: Any,
) -> None:
    """An option that is a place, with what the environment names as its default.

    Args:
        parser: of the command.
        option: such as ``--output``.
        variable: of the environment.
        required: whether one of both must name a place.
        described: ``metavar`` and ``help``.
    """
    found = os.environ.get(variable, "").rstrip("/") or None
    described["help"] += f" (default: ${variable})"
    parser.add_argument(
        option, default=found, required=required and found is None, **described
    )
