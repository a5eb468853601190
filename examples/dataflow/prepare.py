"""Makes the folder that the image of the flex template is built from.

Run it where your generators can be imported, with the packages installed that the
workers are to have:

    python examples/dataflow/prepare.py --generator my_shop:Purchase --folder image
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from packaging.requirements import Requirement

from zap.dataflow.installed import LEFT_OUT, closure, pinned
from zap.dataflow.slim import NAME as SLIM
from zap.dataflow.staging import stage, worker_versions
from zap.errors import ZapError
from zap.examples.registry import load_generator

HERE = Path(__file__).resolve().parent
COPIED = ("Dockerfile", "launch.py")


def prepare(generators: Sequence[str], folder: Path) -> None:
    """Write requirements, wheels, and what is copied into the image.

    Args:
        generators: names, or ``package.module:Class``; their modules go along.
        folder: to be made; what is there of an earlier run is replaced.
    """
    modules = [type(load_generator(name)).__module__ for name in generators]
    wheels = folder / "wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    wheels.mkdir(parents=True)
    staged = stage(modules, wheels, fetched=False)
    if staged.requirements is not None:
        staged.requirements.unlink()  # without Beam, which an image must have itself
    # The launcher runs the command line, which workers do not: Beam, and a terminal's.
    own = [Requirement("apache-beam[gcp]"), Requirement("rich")]
    beam = closure(own, {*LEFT_OUT, SLIM} - {each.name for each in own})
    text = pinned({**beam, **worker_versions()})
    (folder / "requirements.txt").write_text(text)
    for name in COPIED:
        shutil.copy(HERE / name, folder / name)


def main(argv: Sequence[str] | None = None) -> int:
    """Make the folder; the arguments of the process if ``argv`` is None."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--generator", action="append", default=[], help="may be given several times"
    )
    parser.add_argument("--folder", type=Path, required=True)
    args = parser.parse_args(argv)
    sys.path.insert(0, "")
    try:
        prepare(args.generator, args.folder)
    except ZapError as problem:
        print(f"prepare: {problem}", file=sys.stderr)
        return 2
    print(f"Build it: docker build --build-arg IMAGE=$IMAGE --tag $IMAGE {args.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
