"""A generator from its JSON form: a question that needs no class of a site."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zap.encoding.instance import Instance
from zap.examples.bots import bots_from_json
from zap.examples.cutoffs import rule_from_dict
from zap.examples.expressions import PastExpr
from zap.examples.generator import Generator
from zap.examples.labels import label_from_dict
from zap.examples.predicates import Event
from zap.examples.sessions import sessions_from_dict


def generator_from_dict(data: Mapping[str, Any]) -> Generator:
    """The generator that ``Generator.to_dict`` described, without any class of a site.

    Raises:
        GeneratorError: the object describes no valid generator.
    """
    optional = {"eligible": PastExpr, "weight": PastExpr}
    attributes: dict[str, Any] = {
        key: kind.from_dict(data[key])
        for key, kind in optional.items()
        if data.get(key) is not None
    }
    plain = ("subject", "owner", "max_events", "max_subject_events")
    for key in (*plain, "drop_repeated_events", "time_splits"):
        if key in data:
            attributes[key] = data[key]
    if "bots" in data:
        attributes["bots"] = bots_from_json(data["bots"])
    statistics, exclude = data.get("statistics", {}), data.get("exclude", {})
    attributes |= {
        "__doc__": data.get("question"),
        "name": data["name"],
        "session": sessions_from_dict(data.get("session")),
        "cutoffs": rule_from_dict(data["cutoffs"]),
        "label": label_from_dict(data["label"]),
        "instance": Instance.from_dict(data["instance"]),
        "statistics": {n: PastExpr.from_dict(each) for n, each in statistics.items()},
        "exclude": {name: Event.from_dict(each) for name, each in exclude.items()},
    }
    camel = "".join(part.capitalize() for part in data["name"].split("_"))
    made: type[Generator] = type(camel, (Generator,), attributes)
    return made()
