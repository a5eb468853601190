"""What an instance declares, what it reads, and what it refuses."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from zap.encoding.aggregates import Aggregates, windows
from zap.encoding.features import Hash, OneHot, PowerBins, SincePrevious
from zap.encoding.instance import ANY, Instance
from zap.encoding.metadata import Last, Wait, metadata_from_dict, tenure, trait
from zap.errors import EncodingError

CDNOW = Instance(
    types=["purchase"],
    last=40,
    wait=True,
    fields=[PowerBins("dollar_value"), OneHot("number_of_cds", 1, 10)],
)
SHOP = Instance(
    types=["page_view"],
    last=40,
    fields=[Hash("page"), SincePrevious()],
    metadata=[Last(f"s{i}") for i in range(5)],
)
CHURN = Instance(
    types=["spend", "click", "edit"],
    last=200,
    lookback_days=60,
    wait=True,
    fields=[Hash("campaign"), PowerBins("amount")],
    metadata=[trait("country", types=["signed_up"]), tenure()],
    aggregates=windows([7, 28], of=["amount", "clicks"], change=True),
)
UPGRADE = Instance(
    types=ANY,
    last=40,
    lookback_days=30,
    fields=[Hash("type"), Hash("url.path"), Hash("agent.os")],
    aggregates=windows([1, 7, 28], of=["count"], by="type"),
)
EVERY = [CDNOW, SHOP, CHURN, UPGRADE]


@pytest.mark.parametrize("instance", EVERY)
def test_an_instance_survives_json_and_pickling(instance: Instance) -> None:
    """Beam pickles what its workers need; JSON is what is stored."""
    again = Instance.from_dict(json.loads(json.dumps(instance.to_dict())))
    assert again == instance and again.fingerprint == instance.fingerprint
    assert pickle.loads(pickle.dumps(instance)) == instance


def test_instances_that_differ_have_fingerprints_that_differ() -> None:
    assert len({instance.fingerprint for instance in EVERY}) == len(EVERY)


def test_reads_of_the_sketched_questions() -> None:
    assert CDNOW.reads.fields == ("dollar_value", "number_of_cds", "type")
    assert CDNOW.reads.events == 40
    assert SHOP.reads.events == 41  # the time since the event before the first
    assert SHOP.reads.last[0] == ("s0", ("page_view",))
    churn = CHURN.reads
    assert churn.types == ("spend", "click", "edit", "signed_up")
    assert churn.last == (("country", churn.types),)
    assert (churn.windows_days, churn.lookback_days, churn.first) == (56, 60, True)
    assert churn.fields == ("amount", "campaign", "clicks", "country", "type")
    upgrade = UPGRADE.reads
    assert (upgrade.types, upgrade.windows_days, upgrade.first) == (ANY, 28, False)
    assert upgrade.events == 41  # agents are compared with the event before


def test_wait_comes_after_the_declared_metadata() -> None:
    assert CHURN.all_metadata[-1] == Wait()
    assert Instance(types=ANY, wait=Wait(1, 2, 9, 4)).wait == Wait(1, 2, 9, 4)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Instance(types="page_view", fields=[Hash("x")]), "list of distinct"),
        (lambda: Instance(types=[], fields=[Hash("x")]), "needs a type"),
        (lambda: Instance(types=["a", "a"], fields=[Hash("x")]), "list of distinct"),
        (lambda: Instance(types=ANY), "see something"),
        (lambda: Instance(types=ANY, fields=["x"]), "list of Feature"),
        (lambda: Instance(types=ANY, fields=[tenure()]), "Move it to metadata"),
        (lambda: Instance(types=ANY, metadata=[Hash("x")]), "Last or Tenure"),
        (lambda: Instance(types=ANY, aggregates=[7]), "list of Aggregates"),
        (lambda: Instance(types=ANY, fields=[Hash("x")], last=0), "last must be"),
        (
            lambda: Instance(types=ANY, fields=[Hash("x")], lookback_days=0),
            "lookback_days must be",
        ),
        (
            lambda: Instance(types=ANY, fields=[Hash("x")], hash_buckets=0),
            "hash_buckets must be",
        ),
        (lambda: Last("x", Hash("y")), "its own field"),
        (lambda: Last("x", ["plan"]), "its own field"),
        (lambda: Last("x", types="plan"), "list of distinct"),
        (lambda: windows([]), "ascending"),
        (lambda: windows([7, 7]), "ascending"),
        (lambda: windows([0, 7]), "ascending"),
        (lambda: windows([7], by="page"), "by 'type' or not"),
        (lambda: windows([7], of=[]), "needs a measure"),
        (lambda: windows([7], of="count"), "list of distinct"),
        (lambda: Aggregates([7], scales=[]), "as many scales"),
        (lambda: Instance.from_dict({"types": "any", "size": 3}), "size=3"),
        (lambda: metadata_from_dict({"kind": "hash", "field": "x"}), "kind='hash'"),
    ],
)
def test_what_an_instance_refuses(make: Callable[[], Any], reason: str) -> None:
    with pytest.raises(EncodingError, match=f"(?s){reason}"):
        make()
