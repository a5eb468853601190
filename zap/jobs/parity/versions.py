"""The versions that answered, as they lie in a registry."""

from __future__ import annotations

from dataclasses import dataclass

from zap.bundles.files import Where
from zap.bundles.registry import Registry
from zap.errors import BundleError, RegistryError
from zap.serving.log import Logged
from zap.serving.predictor import Predictor


@dataclass(frozen=True)
class Version:
    """A version that answered: its model and what the archive must hold for it."""

    predictor: Predictor
    subject: str


class Versions:
    """The versions that answered, opened once each."""

    def __init__(self, root: Where):
        self._root = root
        self._found: dict[tuple[str, str], Version | str] = {}

    def of(self, entry: Logged) -> Version | str:
        """The version that answered, or in words why it is not there."""
        key = entry.application, entry.version
        if key not in self._found:
            self._found[key] = self._open(*key)
        return self._found[key]

    def _open(self, application: str, version: str) -> Version | str:
        try:
            bundle = Registry(self._root, application).open(version)
            generator = bundle.json("manifest.json")["generator"]
            return Version(Predictor.from_bundle(bundle), generator["subject"])
        except (BundleError, RegistryError) as error:
            return str(error)
