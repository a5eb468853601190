"""The verdict on a generator, in words, as JSON, and as a certificate.

The certificate says what was checked and what came out, without dates or times taken,
so that the same check of the same generator on the same events has the same digest.
Changing what it holds changes every digest: raise ``FORMAT`` with it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from zap.checks.findings import TITLES, Finding
from zap.datasets.manifest import versions

FORMAT = 1
PASSED, FAILED, ANTICIPATES, NOTHING = "passed", "failed", "anticipates", "no cutoffs"


@dataclass(frozen=True)
class Report:
    """What a check found.

    Attributes:
        generator: its name and digest, and whether it says that it anticipates.
        instance: the fingerprint of the instance.
        mapping: the mapping's digest.
        asked: the sample and the rounds: events, subjects, cutoffs, proven, rounds,
            seed.
        findings: one for each check.
        counts: cutoffs and events by what became of them, and the label rate,
            None unless the label is yes or no.
        bias: the numbers behind the finding "bias".
    """

    generator: Mapping[str, Any]
    instance: str
    mapping: str
    asked: Mapping[str, int]
    findings: Sequence[Finding]
    counts: Mapping[str, float | None] = field(default_factory=dict)
    bias: Mapping[str, Any] | None = None

    @property
    def verdict(self) -> str:
        """passed, failed, anticipates, or "no cutoffs": nothing could be proven."""
        statuses = {finding.status for finding in self.findings}
        if "failed" in statuses:
            return FAILED
        if "marked" in statuses:
            return ANTICIPATES
        return PASSED if self.asked["proven"] else NOTHING

    @property
    def passed(self) -> bool:
        """Whether the generator can be trusted, as far as was checked."""
        return self.verdict == PASSED

    def finding(self, check: str) -> Finding:
        """The finding of a check by its name."""
        return next(each for each in self.findings if each.check == check)

    def certificate(self) -> dict[str, Any]:
        """What was checked and what came out, as a JSON object."""
        return {
            "format": FORMAT,
            "generator": dict(self.generator),
            "instance_fingerprint": self.instance,
            "mapping": self.mapping,
            "asked": dict(self.asked),
            "checks": {finding.check: finding.status for finding in self.findings},
            "verdict": self.verdict,
            "versions": versions(),
        }

    @property
    def digest(self) -> str:
        """SHA-256 of the certificate as canonical JSON."""
        text = json.dumps(
            self.certificate(), sort_keys=True, separators=(",", ":"), allow_nan=False
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def summary(self) -> dict[str, Any]:
        """What a manifest keeps of it."""
        warned = [each.check for each in self.findings if each.status == "warned"]
        return {
            "verdict": self.verdict,
            "cutoffs": self.asked["proven"],
            "rounds": self.asked["rounds"],
            "digest": self.digest,
            **({"warned": warned} if warned else {}),
        }

    def to_dict(self) -> dict[str, Any]:
        """All of it as a JSON object, the certificate and its digest included."""
        return {
            "verdict": self.verdict,
            "digest": self.digest,
            "certificate": self.certificate(),
            "findings": [finding.to_dict() for finding in self.findings],
            "counts": dict(self.counts),
            "bias": None if self.bias is None else dict(self.bias),
        }

    def problems(self) -> list[str]:
        """A line for each check that did not pass."""
        return [
            f"[{finding.check}] {finding.says}"
            for finding in self.findings
            if finding.status in ("failed", "marked")
        ]

    def text(self) -> str:
        """The whole report as plain text."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        asked = self.asked
        yield (
            f"{self.generator['name']}: {self.verdict} "
            f"({asked['proven']:,} of {asked['cutoffs']:,} cutoffs proven in "
            f"{asked['rounds']} rounds, on {asked['events']:,} events of "
            f"{asked['subjects']:,} subjects)"
        )
        for finding in self.findings:
            yield f"  {finding.status:8} {finding.check}: {TITLES[finding.check]}"
            if finding.says:
                yield f"           {finding.says}"
        if self.counts:
            yield "  " + ", ".join(
                f"{name} {_number(value)}" for name, value in self.counts.items()
            )
        if self.bias is not None:
            yield from _bias_lines(self.bias)
        yield f"  certificate {self.digest}"


def _bias_lines(bias: Mapping[str, Any]) -> Iterator[str]:
    for what, title in (("rule", "the rule"), ("every_event", "every event")):
        alone = bias["auc"][what]
        shown = ", ".join(f"{name} {_number(each)}" for name, each in alone.items())
        yield f"  AUC of the label from the cutoff alone, {title}: {shown}"
    yield "  label rate by position: the rule (cutoffs) | every event (cutoffs)"
    for row in bias["rates"]:
        yield (
            f"    {row['position']:>10}  {_number(row['rule_rate'])} "
            f"({row['rule_cutoffs']:,}) | {_number(row['every_rate'])} "
            f"({row['every_cutoffs']:,})"
        )


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"
