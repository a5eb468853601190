"""The applications of a registry and the live model of each, as a server has them.

What a request needs of a version lies in one `Served` that never changes. A poll makes
a new one beside the old and puts it in its place whole, so that a request that has
taken one is answered by one version throughout, and none waits. A version that can't be
loaded changes nothing: the former one goes on, and readiness tells of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from zap.bundles.files import Where, local_path
from zap.bundles.registry import Registry, applications
from zap.errors import ServingError, ZapError
from zap.serving.served import Served, served

LONGEST_PAUSE_S = 30.0
REMOTE_LIST_S = 30.0  # to list a bucket costs more than to ask for one file


class LiveApplications:
    """Follows a registry. One thread polls; any may read.

    Args:
        root: of the registry.
        names: the applications to serve; None is all that there are, new ones too.
        before: called with what will be served, before a new version takes over; where
            it raises, the poll is made again.
        failed: told the application whose live version could not be loaded.

    Attributes:
        served: what is served, by application; replaced as a whole.
        problems: of each application whose live version can't be served, why not.
        failures: how often a version could not be loaded.
        swaps: how often one took over.
    """

    def __init__(
        self,
        root: Where,
        names: Sequence[str] | None = None,
        before: Callable[[Sequence[Served]], None] = lambda served: None,
        failed: Callable[[str], None] = lambda application: None,
    ):
        self._root, self._names = root, names
        self._before, self._failed = before, failed
        self._followed: dict[str, _Followed] = {}
        self._list_again = 0.0
        self._list_pause_s = 0.0 if local_path(root) is not None else REMOTE_LIST_S
        self.served: Mapping[str, Served] = {}
        self.problems: Mapping[str, str] = {}
        self.failures = 0
        self.swaps = 0

    def poll(self) -> list[Served]:
        """Take over what has become live since; what did is returned."""
        problems: dict[str, str] = {}
        fresh = []
        for name in self._known(problems):
            followed = self._followed.get(name)
            try:
                if followed is None:
                    followed = _Followed(Registry(self._root, name))
                    self._followed[name] = followed
                found = followed.poll()
            except (ZapError, OSError) as error:
                problems[name] = str(error)
                self.failures += 1
                self._failed(name)
                continue
            if found is not None:
                fresh.append(found)
            elif followed.problem:
                problems[name] = followed.problem
        if fresh:
            self._take_over(fresh)
        self.problems = problems
        return fresh

    def _take_over(self, fresh: Sequence[Served]) -> None:
        after = {**self.served, **{each.application: each for each in fresh}}
        self._before(list(after.values()))
        self.served = after
        self.swaps += len(fresh)
        for each in fresh:
            self._followed[each.application].version = each.version

    def _known(self, problems: dict[str, str]) -> Sequence[str]:
        if self._names is not None:
            return self._names
        if self._followed and time.monotonic() < self._list_again:
            return list(self._followed)
        try:
            found = applications(self._root)
            self._list_again = time.monotonic() + self._list_pause_s
            return found
        except (ZapError, OSError) as error:
            problems["registry"] = str(error)
            self.failures += 1
            return list(self._followed)


class _Followed:
    """One application, and which version of it is served."""

    def __init__(self, registry: Registry):
        self._registry = registry
        self._failed: str | None = None
        self._again = self._pause = 0.0
        self.version: str | None = None
        self.problem = ""

    def poll(self) -> Served | None:
        """What has become live and can be served.

        Raises:
            ZapError: it can't be loaded. It is tried again after a pause, which grows;
                another version is tried at once.
        """
        live = self._registry.live()
        if live is None or live == self.version:
            self._failed, self.problem = None, ""
            return None
        if live == self._failed and time.monotonic() < self._again:
            return None
        try:
            found = served(self._registry.application, self._registry.load(live))
        except Exception as error:
            same = live == self._failed
            self._pause = min(2 * self._pause, LONGEST_PAUSE_S) if same else 1.0
            self._failed, self._again = live, time.monotonic() + self._pause
            self.problem = str(error) if isinstance(error, ZapError) else repr(error)
            raise _as_ours(error, live) from error
        self._failed, self.problem = None, ""
        return found


def _as_ours(error: Exception, version: str) -> Exception:
    """The error of a bundle that passes its digests and yet can't be served."""
    if isinstance(error, (ZapError, OSError)):
        return error
    return ServingError(
        f"Expected a bundle that can be served. Received: version={version}, "
        f"{type(error).__name__}: {error}. Train the model again."
    )
