"""What Zap says to Dataflow where the user says nothing.

Each is an option of Beam's, so that whoever writes it on the command line has it their
way. Why each is what it is stands in ``docs/dataflow.md``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from zap.dataflow.staging import Staged

MACHINE = "n2-highmem-2"
MOST_WORKERS = 20
DISK_GB = 50
THREADS = 1
"""Threads of one worker process. Each holds a shard in memory, and Beam's threads were
seen to share a coder (docs/decisions/0017-worker-processes.md)."""

EXPERIMENTS = (
    # A list of all that is installed here is nobody's business on a bucket.
    "disable_logging_submission_environment",
)
_CHOSEN: Mapping[str, Any] = {
    "machine_type": MACHINE,
    "max_num_workers": MOST_WORKERS,
    "disk_size_gb": DISK_GB,
    "number_of_worker_harness_threads": THREADS,
}
_LABEL = re.compile(r"[^a-z0-9_-]+")


def added_options(
    values: Mapping[str, Any], name: str, output: str, version: str
) -> list[str]:
    """Options to add to those that were given.

    Args:
        values: the options that were given, by name, as Beam parses them.
        name: of the generator or application.
        output: where the result is to be; two runs for one output get one job name,
            and Dataflow refuses a second job of that name while the first is active.
        version: of Zap.

    Returns:
        Further arguments, in the form ``--option=value``.
    """
    added = [
        f"--{option}={value}"
        for option, value in _CHOSEN.items()
        if not values.get(option) and not _bounded_otherwise(option, values)
    ]
    if not values.get("job_name"):
        added.append(f"--job_name={job_name(name, output)}")
    if not values.get("enable_artifact_caching"):
        added.append("--enable_artifact_caching")
    if not values.get("labels"):
        added += [f"--label={each}" for each in labels(name, version)]
    there = values.get("experiments") or ()
    added += [f"--experiments={each}" for each in EXPERIMENTS if each not in there]
    return added


def _bounded_otherwise(option: str, values: Mapping[str, Any]) -> bool:
    """Whether a number of workers that was given is more than the bound."""
    wanted = values.get("num_workers") or 0
    return option == "max_num_workers" and int(wanted) > MOST_WORKERS


def job_name(name: str, output: str) -> str:
    """``zap-shop-purchase-1f2e3d4c``: what it is about, and for which output."""
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].rstrip("-")
    mark = hashlib.blake2b(output.rstrip("/").encode(), digest_size=4).hexdigest()
    return "-".join(filter(None, ("zap", words, mark)))


def labels(name: str, version: str) -> list[str]:
    """Labels by which bills and lists of jobs can be filtered."""
    told = {"zap-about": name, "zap-version": version}
    return [f"{key}={_LABEL.sub('-', told[key].lower())[:63]}" for key in told]


def stages_requirements(values: Mapping[str, Any]) -> bool:
    """Whether the user leaves to Zap what workers get of others' packages."""
    own = ("requirements_file", "requirements_cache", "sdk_container_image")
    return not any(values.get(name) for name in own)


def staged_options(staged: Staged, values: Mapping[str, Any]) -> list[str]:
    """Options that have Beam stage files.

    Args:
        staged: the files; requirements are used where the user gives none.
        values: the options that were given.
    """
    added = [f"--extra_package={path}" for path in staged.wheels]
    if staged.requirements and not values.get("requirements_file"):
        added.append(f"--requirements_file={staged.requirements}")
    if staged.fetched:
        added += [f"--file_to_stage={path}" for path in staged.fetched]
        added.append("--requirements_cache=skip")  # they are fetched already
    return added
