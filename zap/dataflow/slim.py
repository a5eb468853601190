"""tfx-bsl without TensorFlow.

A worker writes examples with ``tfx_bsl.coders``, which is Arrow and C++ and loads no
TensorFlow. The package requires it all the same, with its serving API: 700 MB to fetch
and unpack on each new worker, for nothing. So the files that are installed here are
packed again, with requirements that name only what the coders import; the version says
so (``1.21.0+coders``). On a machine whose files would not run on a worker, the package
is required as it is: that works too, and starts minutes later.
"""

from __future__ import annotations

import platform
import sys
from importlib.metadata import Distribution
from pathlib import Path

from zap.dataflow.installed import canonical, required
from zap.dataflow.wheels import Wheel

NAME = "tfx-bsl"
NEEDED = {"absl-py", "numpy", "protobuf", "pyarrow", "tensorflow-metadata"}
LOCAL = "coders"


def runs_on_workers() -> bool:
    """Whether compiled files that run here run on a worker of Dataflow."""
    return sys.platform == "linux" and platform.machine() == "x86_64"


def slim_wheel(there: Distribution) -> Wheel:
    """The wheel of an installed tfx-bsl that requires no TensorFlow."""
    own = [path for path in there.files or () if path.suffix != ".pyc"]
    files = {
        str(path): Path(str(path.locate()))
        for path in own
        if path.parts[0] == "tfx_bsl"
    }
    licence = next((path for path in own if path.name == "LICENSE"), None)
    if licence is not None:  # its terms go where its files go
        files["tfx_bsl/LICENSE"] = Path(str(licence.locate()))
    described = (there.read_text("WHEEL") or "").splitlines()
    tags = [line[5:] for line in described if line.startswith("Tag: ")]
    kept = [each for each in required(NAME) if canonical(each.name) in NEEDED]
    return Wheel(
        NAME,
        f"{there.version}+{LOCAL}",
        files,
        tuple(f"{each.name}{each.specifier}" for each in kept),
        tuple(tags),
        "tfx-bsl as its own wheel has it, with the requirements of its coders only",
    )
