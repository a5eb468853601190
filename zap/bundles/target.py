"""What a model's outputs stand for: a yes or no, one of K classes, or a mean amount.

The trainer makes a target from the labels; the number of outputs, the loss, the form of
the calibration and the measures all follow from it. For amounts it holds the link: a
model of amounts has one output z, and the mean is ``scale * exp(z)`` (log) or
``centre + scale * z`` (identity).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

BINARY, CLASSES, AMOUNT = "binary", "classes", "amount"
KINDS = (BINARY, CLASSES, AMOUNT)
LOG, IDENTITY = "log", "identity"


@dataclass(frozen=True)
class Target:
    """The kind of a label and what turns outputs into means.

    Attributes:
        kind: "binary", "classes" or "amount".
        classes: names of the classes by number; empty for other kinds.
        link: of an amount: "log" or "identity"; empty for other kinds.
        centre: of the identity link: the mean amount in training; else 0.
        scale: of an amount: the mean amount in training (log), or the amounts' standard
            deviation (identity); else 1.
        dispersion: of the log link: the variance of ``amount / scale`` in training, by
            which its loss is divided; else 1.
    """

    kind: str = BINARY
    classes: tuple[str, ...] = ()
    link: str = ""
    centre: float = 0.0
    scale: float = 1.0
    dispersion: float = 1.0

    def __post_init__(self) -> None:
        assert self.kind in KINDS, self.kind
        assert bool(self.classes) == (self.kind == CLASSES), self.classes
        assert (self.link in (LOG, IDENTITY)) == (self.kind == AMOUNT), self.link
        assert self.scale > 0 and self.dispersion > 0, self

    @property
    def outputs(self) -> int:
        """Number of outputs of the model: 2, K or 1."""
        return {BINARY: 2, AMOUNT: 1}.get(self.kind, len(self.classes))

    @property
    def label_type(self) -> type[np.int32] | type[np.float32]:
        """What labels are in a batch: numbers of classes, or amounts."""
        return np.float32 if self.kind == AMOUNT else np.int32

    def to_dict(self) -> dict[str, Any]:
        """What of the target says anything, as a JSON object."""
        if self.kind == AMOUNT:
            return {name: at for name, at in asdict(self).items() if name != "classes"}
        named = {"classes": list(self.classes)} if self.classes else {}
        return {"kind": self.kind, **named}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Target:
        """The target that ``to_dict`` described."""
        return cls(**{**data, "classes": tuple(data.get("classes", ()))})
