"""What the page draws for each kind of question, from real evaluations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from console_page import Page
from made_console import Server

from zap.evaluation.evaluate_amounts import evaluate_amounts
from zap.evaluation.evaluate_classes import evaluate_classes
from zap.serving.answers import Answer
from zap.serving.ui.data import Console, Sources
from zap.serving.ui.recent import Recent

RNG = np.random.default_rng(3)
ROWS = 300
NONE = "\u2013"
SUBJECTS = np.arange(ROWS)
DRAW = """
const [data, done] = arguments;
import("/ui/view.js").then(({ content }) => {
  const found = content(data);
  const all = (what) => [...found.querySelectorAll(what)].map((e) => e.textContent);
  done({
    cells: [...found.querySelectorAll("tbody tr")].map(
      (row) => [...row.cells].map((cell) => cell.textContent)),
    heads: all("th"), cards: all(".cards li"), captions: all("figcaption"),
    bars: all("rect.now title"), ticks: all("svg[aria-labelledby*=scores] text"),
  });
}, (error) => done(String(error)));
"""


@dataclass
class Made:
    """A served bundle that holds metrics alone."""

    metrics: dict[str, Any]
    version: str = "c" * 16
    info: dict[str, Any] = field(default_factory=dict)

    @property
    def bundle(self) -> Any:
        return self

    def json(self, name: str) -> Any:
        return {"metrics.json": self.metrics}[name]


def drawn(
    browser: Any, server: Server, tmp_path: Any, made: Made, *answers: Answer
) -> dict[str, Any]:
    """What the page makes of some answers."""
    recent = Recent()
    recent.add(answers)
    sources = Sources(tmp_path, lambda: {"shop": made}, recent)
    Page(browser, server).open()
    data = Console(sources).data()
    found: dict[str, Any] = browser.execute_async_script(DRAW, data)
    assert isinstance(found, dict), found
    return found


def answer(number: int, **value: Any) -> Answer:
    return Answer(
        prediction_id=f"P{number}",
        application="shop",
        version="c" * 16,
        events=number,
        instant_us=0,
        **value,
    )


def test_amounts(browser: Any, server: Server, tmp_path: Any) -> None:
    means = RNG.gamma(2.0, 600.0, ROWS)
    amounts = RNG.poisson(means).astype(float)
    made = Made(evaluate_amounts(amounts, means, SUBJECTS, draws=5))
    values = [0.12345, 12.3456, 123.456, 12345.6]
    answers = [answer(n, amount=value) for n, value in enumerate(values)]
    found = drawn(browser, server, tmp_path, made, *answers)
    assert [row[1] for row in found["cells"]] == ["12,346", "123.5", "12.35", "0.1235"]
    assert "Amount" in found["heads"]
    mean = f"{amounts.mean():,.0f}"
    assert f"mean amount in training{mean}test split, n = 300" in found["cards"]
    assert len(found["bars"]) == 8
    quantiles = made.metrics["quantiles"]["predicted"]
    lowest = sum(value < quantiles["1"] for value in values)
    assert 1 < lowest < 4
    begins = f"below {quantiles['1']:.{1 if quantiles['1'] >= 100 else 2}f}: "
    assert found["bars"][0] == f"{begins}now {25 * lowest} %, training 1 %"
    assert found["bars"][-1] == (f"from {quantiles['99']:,.0f}: now 25 %, training 1 %")


def test_classes(browser: Any, server: Server, tmp_path: Any) -> None:
    p = RNG.dirichlet([1, 2, 3], ROWS)
    y = np.array([RNG.choice(3, p=row) for row in p])
    names = ["gold", "<i>none</i>", "silver"]
    made = Made(evaluate_classes(y, p, SUBJECTS, names, draws=5))
    rows = RNG.dirichlet([3, 1, 1], 5)
    answers = [
        answer(n, probabilities=dict(zip(names, row.tolist(), strict=True)))
        for n, row in enumerate(rows)
    ]
    found = drawn(browser, server, tmp_path, made, *answers)
    wanted = [
        ", ".join(f"{n} {v:.4f}" for n, v in zip(names, row, strict=True))
        for row in rows[::-1]
    ]
    assert [row[1] for row in found["cells"]] == wanted
    now, before = 100 * rows.mean(axis=0), 100 * p.mean(axis=0)
    assert found["bars"] == [
        f"{name}: now {share(a)}, training {share(b)}"
        for name, a, b in zip(names, now, before, strict=True)
    ]
    assert names[0] in found["ticks"]
    assert "mean probability of each class" in found["captions"][0]


def share(value: float) -> str:
    return f"{value:.{0 if value >= 10 else 1}f} %".replace(".0 %", " %")


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        ("charts.nice(0.0003)", 0.0004),
        ("charts.nice(0.7)", 0.8),
        ("charts.nice(1)", 1),
        ("charts.nice(2.1)", 4),
        ("charts.nice(4100)", 5000),
        ("words.milliseconds(0.0123)", "0.01 ms"),
        ("words.milliseconds(99.94)", "99.9 ms"),
        ("words.milliseconds(1234.5)", "1.23 s"),
        ("words.span(119.4e6)", "119 s"),
        ("words.span(7199e6)", "119 min"),
        ("words.span(86400e6)", "24 h"),
        ("words.span(200000e6)", "2 days"),
        ("words.instant(1770000000123456)", "2026-02-02 02:40:00"),
        ("words.instant('2026-02-02T03:40:00+01:00')", "2026-02-02 02:40:00"),
        ("words.instant('<b>')", "<b>"),
        ("words.percent(null)", NONE),
        ("words.probability(0.00005)", "0.0001"),
        ("words.count(1234567)", "1,234,567"),
    ],
)
def test_words(browser: Any, server: Server, call: str, wanted: Any) -> None:
    if not browser.current_url.startswith(server.page):
        browser.get(server.page)
    found = browser.execute_async_script(
        f"""const done = arguments[0];
        Promise.all([import("/ui/charts.js"), import("/ui/words.js")])
          .then(([charts, words]) => done({call}), (error) => done(String(error)))"""
    )
    assert found == (pytest.approx(wanted) if isinstance(wanted, float) else wanted)
