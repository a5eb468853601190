"""``zap models``: the versions of an application's model, and which of them is live."""

from __future__ import annotations

from zap.cli import models_change, models_show
from zap.cli.command import Group

COMMAND = Group(
    "models",
    "versions of a model: list, compare, deploy, revert",
    "Keep the versions of an application's model in a registry, and say which of them "
    "is\nlive. A registry is a folder, or a path of any store that fsspec knows; each "
    "command\ntakes --registry and --json.",
    "zap models list",
    (*models_show.COMMANDS, *models_change.COMMANDS),
)
