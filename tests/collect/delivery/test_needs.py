"""What live versions need follows deployments, and outlasts what can't be read."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from made_bundles import deployed, made_bundle
from made_collected import SEES, made_registry

from zap.bundles.registry import Registry
from zap.errors import ZapError
from zap.serving.stores.live_needs import LiveNeeds
from zap.serving.stores.need import Need


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_deploy_changes_the_needs_at_the_next_poll(tmp_path: Path) -> None:
    root, clock = tmp_path / "models", Clock()
    needs = LiveNeeds(root, poll_s=1.0, clock=clock)
    assert needs.current() == {}, "a registry without models needs nothing"
    expected = made_registry(root)
    assert needs.current() == {}, "it is not looked at before its time"
    clock.now = 1.0
    assert needs.current() == expected
    longer = dataclasses.replace(SEES, last=9)
    version = deployed(
        root, made_bundle(tmp_path / "longer", sees=longer, application="shop"), "shop"
    )
    clock.now = 2.0
    assert needs.current()["shop"] == Need.of(longer, "anonymous_id")
    assert needs.versions()["shop"] == version
    Registry(root, "shop").revert()
    clock.now = 3.0
    assert needs.current() == expected


def test_what_can_not_be_read_leaves_the_needs_as_they_were(tmp_path: Path) -> None:
    root, clock = tmp_path / "models", Clock()
    expected = made_registry(root)
    needs = LiveNeeds(root, poll_s=1.0, clock=clock)
    assert needs.current() == expected
    shorter = dataclasses.replace(SEES, last=2)
    version = deployed(
        root, made_bundle(tmp_path / "next", sees=shorter, application="shop"), "shop"
    )
    damaged = root / "shop" / "versions" / version / "encoder.json"
    whole = damaged.read_bytes()
    damaged.write_bytes(b"{")
    clock.now = 1.0
    assert needs.current() == expected and list(needs.problems) == ["shop"]
    damaged.write_bytes(whole)
    clock.now = 2.0
    assert needs.current()["shop"] == Need.of(shorter, "anonymous_id")
    assert needs.problems == {}


def test_a_registry_that_could_never_be_read_is_an_error() -> None:
    with pytest.raises(ZapError):
        LiveNeeds("nosuchscheme://bucket/models").current()
