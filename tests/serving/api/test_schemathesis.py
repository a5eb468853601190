"""Schemathesis over the real server's own OpenAPI document.

Requests are made from the document, right and wrong ones, always the same; an answer
must have a status, a type, headers and a body that the document tells of, and is never
a defect.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.openapi import from_url
from schemathesis.specs.openapi import checks

from tests.serving.api.real_server import APPLICATION, RealServer
from zap.serving.api.openapi import OPERATIONS, Operation

CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.unsupported_method,
]
EXAMPLES = 25
RIGHT, WRONG = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
CASES = [
    *((each, RIGHT) for each in OPERATIONS),
    *((each, WRONG) for each in OPERATIONS if each.body is not None),
]


@cache
def document(url: str) -> Any:
    return from_url(f"{url}/openapi.json")


@pytest.mark.parametrize(
    ("told", "mode"), CASES, ids=[f"{told.name}-{mode}" for told, mode in CASES]
)
def test_answers_are_as_the_document_says(
    real: RealServer, told: Operation, mode: GenerationMode
) -> None:
    operation = document(real.url)[told.path][told.method]
    headers = real.page() if told.name == "issue_visitor" else real.bearer
    statuses: Counter[int] = Counter()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        name = case.path_parameters.get("application", "")
        if isinstance(name, str) and len(name) % 4:
            case.path_parameters["application"] = APPLICATION
        answer = case.call(headers=headers)
        # Too large is a refusal too, which that check does not know.
        left_out = [checks.negative_data_rejection] * (answer.status_code == 413)
        case.validate_response(answer, checks=CHECKS, excluded_checks=left_out)
        statuses[answer.status_code] += 1
        assert mode is WRONG or "either subject" not in answer.text

    ask()
    if mode is RIGHT:
        assert statuses[200], statuses
    else:
        assert statuses[422] + statuses[400], statuses
    assert sum(statuses.values()) >= (EXAMPLES if "{" in told.path else 1)
