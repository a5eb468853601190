"""Whether a bundle still says what it said when it was made.

A bundle holds some examples as events, with the prediction for each, taken through the
serving path at training time (paper, section 5). Running them through that path again
shows a changed encoder, model, calibration or library by a score that differs. On a
processor with the same features they are equal to the bit; on another, LiteRT may add
up in another order, and 1e-6 is allowed.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zap.bundles.bundle import Bundle
from zap.encoding.encoder import EncodedInstance, Encoder
from zap.errors import BundleError
from zap.serving.predictor import Prediction, Predictor

VERIFICATION = "verification.jsonl.gz"
OTHER_PROCESSOR = 1e-6
_CPU_INFO = Path("/proc/cpuinfo")
_VECTOR = ("sse", "avx", "fma", "f16c", "amx", "neon", "asimd", "sve", "bf16", "fp16")


@dataclass(frozen=True)
class Verdict:
    """What became of a verification.

    Attributes:
        examples: how many were scored.
        exact: how many gave the very number.
        worst: the largest difference; None if a score is no number.
        tolerance: the difference allowed: 0, or 1e-6 on another processor.
        same_processor: whether this processor has the features of the one of training.
        passed: whether all scores are within the tolerance.
        said: the verdict in words.
    """

    examples: int
    exact: int
    worst: float | None
    tolerance: float
    same_processor: bool
    passed: bool
    said: str

    def to_dict(self) -> dict[str, Any]:
        """The verdict as a JSON object."""
        return asdict(self)


def encoded_examples(
    encoder: Encoder, recent: Sequence[Mapping[str, Any]]
) -> list[EncodedInstance]:
    """Examples as serving encodes them, held against the batch path.

    Args:
        encoder: of the dataset.
        recent: examples as it tells them; see ``zap.datasets.recent``.

    Raises:
        BundleError: serving encodes an example otherwise than the batch path did.
    """
    found = []
    for number, example in enumerate(recent):
        encoded = encoder.encode_instance(example["events"], example["instant"])
        if encoded.digest != example["encoded"]:
            raise BundleError(
                "Expected serving to encode an example as the dataset holds it. "
                f"Received: example={number} with other bytes. Generate the dataset "
                "again with this version; if it stays, a field means something else "
                "in serving."
            )
        found.append(encoded)
    return found


def scored_examples(
    predictor: Predictor,
    recent: Sequence[Mapping[str, Any]],
    encoded: Sequence[EncodedInstance],
) -> list[dict[str, Any]]:
    """The lines of a verification set: examples as events, with their predictions.

    Args:
        predictor: made of the parts that the bundle will hold.
        recent: examples as a dataset tells them.
        encoded: them, as `encoded_examples` found them right.
    """
    return [
        {"example": number, **example, "score": predictor.score(one).value}
        for number, (example, one) in enumerate(zip(recent, encoded, strict=True))
    ]


def verify(bundle: Bundle) -> Verdict:
    """Score a bundle's verification set and compare.

    Raises:
        BundleError: the bundle has none, or a part of it is damaged.
    """
    predictor = Predictor.from_bundle(bundle)
    lines, _ = bundle.records(VERIFICATION)
    same = bundle.info.get("processor") == processor()
    differences = [
        _difference(predictor.predict(line["events"], line["instant"]), line["score"])
        for line in lines
    ]
    return _verdict(differences, same)


def _difference(found: Prediction, stored: Any) -> float:
    """The largest difference of a prediction from the stored one."""
    ours = found.value if isinstance(found.value, tuple) else (found.value,)
    theirs = stored if isinstance(stored, list) else [stored]
    if len(ours) != len(theirs):
        return float("inf")
    return max(abs(a - float(b)) for a, b in zip(ours, theirs, strict=True))


def _verdict(differences: Sequence[float], same: bool) -> Verdict:
    tolerance = 0.0 if same else OTHER_PROCESSOR
    exact = sum(difference == 0 for difference in differences)
    wrong = sum(not difference <= tolerance for difference in differences)
    worst = max(differences, default=0.0) if np.isfinite(differences).all() else None
    total = len(differences)
    passed = total > 0 and not wrong
    if not total:
        said = "there is no example to verify with"
    elif not passed:
        by = "some are no numbers" if worst is None else f"by up to {worst:.3g}"
        said = f"{wrong:,} of {total:,} scores differ, {by}"
    elif same:
        said = f"all {total:,} scores are equal to the bit"
    else:
        said = (
            f"all {total:,} scores are within {tolerance:g} ({exact:,} equal to the "
            "bit); this processor has other features than that of training"
        )
    return Verdict(total, exact, worst, tolerance, same, passed, said)


def processor() -> dict[str, Any]:
    """What of this processor has a say in the last bit of a sum."""
    features: set[str] = set()
    if _CPU_INFO.is_file():
        for line in _CPU_INFO.read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip().lower() in ("flags", "features"):
                features = set(value.split())
                break
    vector = sorted(name for name in features if name.startswith(_VECTOR))
    return {"machine": platform.machine(), "features": vector}
