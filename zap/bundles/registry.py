"""The versions of an application's model, and which of them is live.

Below ``ROOT/APPLICATION`` lie ``versions/VERSION/``, a bundle each, named by what it
holds; ``notes/VERSION.json``; and ``deployments/000001.json`` and so on, the log that
says what is live (`zap.bundles.deployments`). Files appear and never change, so readers
need no lock and are never in the way, nor is anybody in theirs. The layout is read by
servers that may be older: change it only by adding.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from zap.bundles.deployments import (
    ARCHIVE,
    DEPLOY,
    REVERT,
    UNARCHIVE,
    Deployment,
    DeploymentLog,
    State,
    Step,
)
from zap.bundles.files import Where, files_at
from zap.bundles.names import APPLICATION, LIVE, PREVIOUS, user_name
from zap.bundles.versions import VERSIONS, VersionStore
from zap.errors import RegistryError


def default_root() -> str:
    """Where registries lie: ZAP_REGISTRY, or ``models`` in the current folder."""
    return os.environ.get("ZAP_REGISTRY") or "models"


def applications(root: Where) -> list[str]:
    """The names of the applications in a registry, sorted.

    Raises:
        BundleError: the store can't be read.
    """
    files = files_at(root)
    found = (name for name in files.names("") if APPLICATION.fullmatch(name))
    return [name for name in found if files.names(f"{name}/{VERSIONS}")]


class Registry(VersionStore):
    """The versions of one application. Threads may share it.

    Args:
        root: a local folder or a URL of a store that fsspec knows.
        application: its name.

    Raises:
        RegistryError: no application can have this name.
        MissingExtraError: fsspec is not installed.
        BundleError: fsspec knows no such store.
    """

    def __init__(self, root: Where, application: str):
        super().__init__(root, application)
        self._log = DeploymentLog(self._files)

    def resolve(self, reference: str) -> str:
        """The version that is meant.

        Args:
            reference: a version, the first 4 or more digits of one, or the words
                ``live`` or ``previous``.

        Raises:
            RegistryError: there is none, or several begin like this.
        """
        if reference in (LIVE, PREVIOUS):
            return self._alias(reference)
        return super().resolve(reference)

    def live(self) -> str | None:
        """The version that is live, or None; cheap enough to ask at every request.

        Locally that is one try to open a file that is not there.
        """
        last = self._log.last()
        return last.live if last else None

    def previous(self) -> str | None:
        """The version that was live before the live one, or None."""
        last = self._log.last()
        return last.previous if last else None

    def state(self) -> State:
        """What is live, was live before, and is archived."""
        return self._log.state()

    def history(self) -> list[Deployment]:
        """The log, the first entry first."""
        return self._log.entries()

    def deploy(
        self,
        reference: str,
        *,
        who: str | None = None,
        why: str = "",
        check: Callable[[str | None], None] = lambda live: None,
    ) -> tuple[Deployment, bool]:
        """Make a version live, in one step.

        Args:
            reference: as `resolve` takes it.
            who: does it; who runs this process if None.
            why: in a person's words.
            check: called with the version that is about to be left; it raises where
                that is another than was thought. Nobody can deploy in between.

        Returns:
            The last entry of the log, and whether it is new; a version that is live
            already is not deployed again.

        Raises:
            RegistryError: there is no such version, or it is archived.
            BundleError: it is damaged, or the store refuses.
        """
        version = self.load(reference).version

        def decide(state: State) -> Step | None:
            self._check_in_use(version, state)
            check(state.live)
            if state.live == version:
                return None
            return Step(DEPLOY, version, version, state.live)

        return self._append(decide, who, why)

    def revert(
        self, *, away_from: str | None = None, who: str | None = None, why: str = ""
    ) -> tuple[Deployment, bool]:
        """Make the version live that was so before, in one step.

        Of two who revert at once, one does and the other finds it done: neither
        brings back what both want to leave.

        Args:
            away_from: revert only if this version is live: as `resolve` takes it.
            who: does it; who runs this process if None.
            why: in a person's words.

        Returns:
            The last entry of the log, and whether it is new.

        Raises:
            RegistryError: none is live, there is no version before, or it is archived.
            BundleError: that version is damaged, or the store refuses.
        """
        left = self.resolve(away_from or LIVE)

        def decide(state: State) -> Step | None:
            if state.live is None:
                raise self._none(LIVE)
            if state.live != left:
                return None
            before = state.previous or self._alias(PREVIOUS)
            self._check_in_use(before, state)
            return Step(REVERT, self.load(before).version, before, left)

        return self._append(decide, who, why)

    def archive(
        self, reference: str, *, who: str | None = None, why: str = ""
    ) -> tuple[Deployment, bool]:
        """Put a version away: it can't be deployed. Its files stay where they are.

        Returns:
            The last entry of the log, and whether it is new.

        Raises:
            RegistryError: there is no such version, or it is live.
        """
        version = self.resolve(reference)

        def decide(state: State) -> Step | None:
            if state.live == version:
                raise RegistryError(
                    "Expected a version that is not live to archive. Received: "
                    f"version={version}. Deploy another first."
                )
            if version in state.archived:
                return None
            return Step(ARCHIVE, version, state.live, state.previous)

        return self._append(decide, who, why)

    def unarchive(
        self, reference: str, *, who: str | None = None, why: str = ""
    ) -> tuple[Deployment, bool]:
        """Bring a version back from the archive, so that it can be deployed.

        Returns:
            The last entry of the log, and whether it is new.

        Raises:
            RegistryError: there is no such version, or it is not archived.
        """
        version = self.resolve(reference)

        def decide(state: State) -> Step | None:
            if version not in state.archived:
                raise RegistryError(
                    "Expected a version that is archived. Received: "
                    f"version={version}. It can be deployed as it is."
                )
            return Step(UNARCHIVE, version, state.live, state.previous)

        return self._append(decide, who, why)

    def _append(
        self, decide: Callable[[State], Step | None], who: str | None, why: str
    ) -> tuple[Deployment, bool]:
        state, new = self._log.append(decide, who or user_name(), why)
        assert state.last is not None
        return state.last, new

    def _alias(self, name: str) -> str:
        version = self.live() if name == LIVE else self.previous()
        if version is None:
            raise self._none(name)
        return version

    def _none(self, name: str) -> RegistryError:
        return RegistryError(
            f"Expected a version of {self.application} that is {name}. Received: "
            f"none, registry={self.path}. Deploy one with zap models deploy."
        )

    def _check_in_use(self, version: str, state: State) -> None:
        if version in state.archived:
            raise RegistryError(
                "Expected a version that is not archived. Received: "
                f"version={version}. Bring it back with zap models unarchive, or "
                "deploy another."
            )
