"""What the flex template's launcher runs: its parameters as ``zap generate`` has them.

The launcher gives each parameter as ``--name=value``, and Beam's options beside them,
``--template_location`` among these: the job is written, and Dataflow starts it.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence

from zap.cli.main import main as zap

OWN = ("generator", "output", "split", "layout", "compression", "shards")
LISTS = ("input",)
FLAGS = {"replace": ("--replace", "true"), "check": ("--no-check", "false")}
SHARES = {"max_bad_share": "--max-bad-share"}


def arguments(given: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """The arguments of ``zap`` for those of the launcher.

    Args:
        given: ``--name=value``, one word each.
        environment: names the image that workers run, as ``ZAP_IMAGE``.
    """
    made, rest = ["generate"], []
    for word in given:
        name, _, value = word.removeprefix("--").partition("=")
        if name in FLAGS:
            flag, when = FLAGS[name]
            made += [flag] if value.lower() == when else []
        elif name in LISTS:
            made += [f"--{name}", *value.replace(",", " ").split()]
        elif name == "mapping":
            made += ["--mapping", fetched(value)]
        elif name in SHARES:
            made.append(f"{SHARES[name]}={value}")
        elif name in OWN:
            made.append(word)
        else:
            rest.append(word)
    image = environment.get("ZAP_IMAGE")
    if image and not any(word.startswith("--sdk_container_image") for word in rest):
        rest.append(f"--sdk_container_image={image}")
    return [*made, *rest]


def fetched(path: str) -> str:
    """A mapping's file on this machine."""
    if "://" not in path:
        return path
    import fsspec

    with (
        fsspec.open(path, "rb") as there,
        tempfile.NamedTemporaryFile(suffix=".toml", delete=False) as here,
    ):
        here.write(there.read())
    return here.name


if __name__ == "__main__":
    sys.exit(zap(arguments(sys.argv[1:], os.environ)))
