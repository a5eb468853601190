"""What processes do to one registry at once, for tests that watch what comes of it."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from made_versions import made_bundle, number_of

from zap.bundles.registry import Registry
from zap.errors import RegistryError


def change_often(root: str, times: int, seed: int) -> list[int]:
    """Deploys, reverts and archives at random; the numbers of the entries it made."""
    registry, choice = Registry(root, "shop"), random.Random(seed)
    versions, made = registry.versions(), []
    for _ in range(times):
        version = choice.choice(versions)
        acts: list[Callable[[], tuple[object, bool]]] = [
            lambda version=version: registry.deploy(version, who=str(seed)),
            lambda: registry.revert(who=str(seed)),
            lambda version=version: registry.archive(version, who=str(seed)),
            lambda version=version: registry.unarchive(version, who=str(seed)),
        ]
        (act,) = choice.choices(acts, weights=(6, 3, 1, 2))
        try:
            entry, new = act()
        except RegistryError:  # the log does not allow it, as it should not
            continue
        if new:
            made.append(entry.number)  # type: ignore[attr-defined]
    return made


def read_often(root: str, threads: int, times: int) -> tuple[int, set[str], list[str]]:
    """Reads what is live; how often, the versions seen, and what failed."""
    shared = Registry(root, "shop")

    def read(_: int) -> tuple[int, set[str], list[str]]:
        seen, wrong = set(), []
        for each in range(times):
            try:
                if each % 2:
                    found = shared.live()
                else:
                    bundle = Registry(root, "shop").load("live")
                    assert number_of(bundle) >= 0
                    found = bundle.version
                assert found is not None
                seen.add(found)
            except Exception as error:
                wrong.append(repr(error))
        return times, seen, wrong

    with ThreadPoolExecutor(threads) as pool:
        results = list(pool.map(read, range(threads)))
    return (
        sum(count for count, _, _ in results),
        set().union(*(seen for _, seen, _ in results)),
        [text for _, _, wrong in results for text in wrong],
    )


def add_and_deploy(root: str, bundles: str, until: int) -> None:
    """Adds and deploys bundle after bundle, from the first that is missing."""
    registry = Registry(root, "shop")
    live = registry.live()
    done = number_of(registry.load(live)) if live else -1
    print(f"ready {done}", flush=True)
    for number in range(done + 1, until):
        version = registry.add(made_bundle(Path(bundles), number))
        registry.deploy(version)
        print(f"deployed {number}", flush=True)  # in one write: a kill may follow


if __name__ == "__main__":
    add_and_deploy(sys.argv[1], sys.argv[2], int(sys.argv[3]))
