"""Definitions, their errors, their JSON form and digests, and Python methods."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zap.errors import GeneratorError, ZapError
from zap.examples import (
    ANY,
    Generator,
    Hash,
    InactivityGap,
    Instance,
    WholeHistory,
    after,
    at,
    classes,
    daily,
    each,
    event,
    future,
    gt,
    in_session,
    monthly,
    nth,
    one_of,
    past,
    prefix,
    rest_of_session,
)
from zap.examples.declared import generator_from_dict
from zap.examples.generator import snake_case
from zap.examples.observed import ObservedRange
from zap.examples.registry import registered
from zap.examples.slicing import slice_histories

ROOT = Path(__file__).resolve().parents[2]
BUY, VIEW = event("purchase"), event("page_view")
EVERYTHING = ObservedRange(0, 10**16)
VALID = {
    "cutoffs": each(VIEW),
    "label": future(days=1).any(BUY),
    "instance": Instance(types=("page_view",), fields=[Hash("url.path")]),
}
WAITING = Instance(types=("page_view",), wait=True, fields=[Hash("url.path")])


def define(**changes: Any) -> Generator:
    attributes = {**VALID, **changes}
    kept = {key: value for key, value in attributes.items() if value is not ...}
    return type("Defined", (Generator,), kept)()


def method(*args: Any) -> int:
    """Stands for a method of a generator's class."""
    return 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": past().any(BUY)}, "label must be an expression on the future"),
        ({"label": ...}, "label must be"),
        ({"label": None}, "label must be"),
        ({"label": "purchase"}, "label must be"),
        ({"eligible": future(days=1).any(BUY)}, "eligible must be .* on the past"),
        ({"eligible": past().count(BUY)}, "true or false"),
        ({"statistics": {"n": future(days=1).count(BUY)}}, "on the past"),
        ({"weight": future(days=1).count(BUY)}, "weight must be .* on the past"),
        ({"weight": 2.0}, "weight must be"),
        ({"cutoffs": ...}, "cutoffs must be a cutoff rule"),
        ({"cutoffs": VIEW}, "cutoffs must be a cutoff rule"),
        ({"instance": ...}, "instance must be"),
        ({"instance": {"types": ["x"]}}, "instance must be"),
        ({"instance": WAITING}, "wait=True"),
        ({"instance": WAITING, "cutoffs": nth(VIEW, 2)}, "wait=True"),
        ({"instance": WAITING, "cutoffs": nth(VIEW, 2).sample(0.5)}, "wait=True"),
        (
            {"instance": WAITING, "cutoffs": at("2024-01-01"), "is_cutoff": method},
            "wait=True",
        ),
        ({"label": rest_of_session().any(BUY)}, "no session is declared"),
        ({"label": classes(buys=rest_of_session().any(BUY))}, "no session is"),
        ({"label": method}, "horizon must be a window on the future"),
        ({"label": method, "horizon": past(days=1)}, "horizon must be"),
        (
            {"label": method, "horizon": future(days=1), "label_kind": "number"},
            'label_kind must be "binary", "amount", or a list',
        ),
        (
            {"label": method, "horizon": future(days=1), "label_kind": ["one"]},
            "label_kind must be",
        ),
        (
            {"label": method, "horizon": future(days=1), "label_kind": ["a", "a"]},
            "label_kind must be",
        ),
        (
            {"label": method, "horizon": future(days=1), "label_kind": None},
            "label_kind must be",
        ),
        ({"label_kind": "amount"}, "an expression says itself"),
        ({"label": method, "horizon": rest_of_session()}, "no session is declared"),
        ({"bots": "ignore"}, 'bots must be "drop" or "keep"'),
    ],
)
def test_a_wrong_definition_is_refused_when_the_class_is_made(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(GeneratorError, match=f"(?s){message}.*Received: "):
        define(**changes)


def test_a_comparison_that_was_made_at_once_is_told_as_that() -> None:
    with pytest.raises(GeneratorError, match=r"eligible=False.* write \.equals"):
        define(eligible=past().count(BUY) == 1)
    with pytest.raises(GeneratorError, match=r"False.*count\.equals"):
        define(eligible=past().any(BUY) & (past().count(BUY) == 1))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"instance": WAITING, "cutoffs": at("2024-01-01")},
        {"instance": WAITING, "cutoffs": daily().sample(0.5)},
        {"instance": WAITING, "cutoffs": after(VIEW, hours=1)},
        {"label": rest_of_session().any(BUY), "session": InactivityGap(minutes=30)},
        {"label": rest_of_session().any(BUY), "session": WholeHistory()},
        {"label": future(days=1).sum("amount", BUY)},
        {"label": method, "horizon": future(days=1)},
        {"cutoffs": ..., "is_cutoff": method},
        {"weight": past().count(VIEW), "statistics": {"recent": past(days=1).any(BUY)}},
    ],
)
def test_a_right_definition_is_accepted(changes: dict[str, Any]) -> None:
    assert define(**changes).name == "defined"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: past().any(BUY) & future(days=1).any(BUY), "not both"),
        (lambda: future(days=1).any(BUY) | past().any(BUY), "not both"),
        (lambda: future(), "needs a horizon"),
        (lambda: future(gap_days=3), "needs a horizon"),
        (lambda: future(days=0), "above 0"),
        (lambda: past(days=-1), "above 0"),
        (lambda: past(day=1), "weeks, days, hours"),
        (lambda: past().count(BUY) & past().any(BUY), "true or false"),
        (lambda: past().any(BUY) & 3, "true or false"),
        (lambda: ~past().count(BUY), "true or false"),
        (lambda: past().any(BUY) > 2, "cannot be compared"),
        (lambda: past().any(BUY) and past().any(VIEW), "no truth value"),
        (lambda: past().count(BUY) > "2", "compares numbers"),
        (lambda: event(), "one or more types"),
        (lambda: event("x", 3), "one or more types"),
        (lambda: gt("3"), "compares numbers"),
        (lambda: gt(True), "compares numbers"),
        (lambda: nth(VIEW, 0), "counts from 1"),
        (lambda: nth(VIEW, 1.5), "counts from 1"),
        (lambda: at(), "one or more ISO times"),
        (lambda: at("1 March"), "ISO 8601"),
        (lambda: monthly("2011-3-1", "2011-04"), "written as '2011-03'"),
        (lambda: monthly("2011-05", "2011-04"), "first month before its last"),
        (lambda: monthly("2011-03", "2011-04", day=31), "1 to 28"),
        (lambda: daily(at="24:00Z"), "time of day"),
        (lambda: daily(at="09:00"), "time of day"),
        (lambda: after(VIEW), "needs a delay"),
        (lambda: each(VIEW).sample(0), "share above 0"),
        (lambda: each(VIEW).sample(1.5), "at most 1"),
        (lambda: InactivityGap(), "needs a length"),
        (lambda: InactivityGap(minutes=0), "above 0"),
        (lambda: classes(), "one or more named choices"),
        (lambda: classes(other=future(days=1).any(BUY)), "besides otherwise"),
        (lambda: classes(a=past().any(BUY)), "on the future"),
        (lambda: classes(a=future(days=1).count(BUY)), "true or false"),
        (lambda: classes(a=None), "on the future"),
    ],
)
def test_a_wrong_part_is_refused_at_once(wrong: Any, message: str) -> None:
    with pytest.raises(GeneratorError, match=f"(?s)Received|{message}") as caught:
        wrong()
    assert message in str(caught.value)


def test_a_question_on_the_command_line_cannot_put_the_future_into_the_past() -> None:
    data = define(eligible=past().any(BUY)).to_dict()
    data["eligible"] = data["label"]
    with pytest.raises(GeneratorError, match="Expected an expression on the past"):
        generator_from_dict(data)
    data = define(eligible=past().any(BUY)).to_dict()
    data["label"] = data["eligible"]
    with pytest.raises(GeneratorError, match="Expected an expression on the future"):
        generator_from_dict(data)
    data = {**define().to_dict(), "cutoffs": {"rule": "always"}}
    with pytest.raises(GeneratorError, match="rule='always'"):
        generator_from_dict(data)


# ---- JSON form and digest -------------------------------------------------------


@pytest.mark.parametrize("name", sorted(registered()))
def test_every_registered_generator_survives_json(name: str) -> None:
    generator = registered()[name]()
    data = generator.to_dict()
    again = generator_from_dict(json.loads(json.dumps(data)))
    assert again.to_dict() == data
    assert again.digest() == generator.digest()
    assert (again.name, again.question) == (name, generator.question)
    assert again.settings() == generator.settings()
    assert again.fields() == generator.fields()
    assert again.rule() == generator.rule()
    assert again.expressions() == generator.expressions()
    assert (again.observes_us(), again.owner) == (
        generator.observes_us(),
        generator.owner,
    )


def test_every_part_survives_json() -> None:
    odd = event(ANY, amount=gt(0), color=one_of("a", 3), **{"url.path": prefix("/é")})
    generator = define(
        subject="user_id",
        owner="anonymous_id",
        session=InactivityGap(minutes=1.5),
        cutoffs=after(odd, days=1, hours=2).sample(0.25),
        eligible=~(
            past(days=2).last("plan", default=0).equals(0) | in_session().any(odd)
        )
        & past().last("plan").one_of("a", "b"),
        label=classes(
            "rest",
            big=future(days=2, gap_days=1).sum("amount", odd) >= 2.5,
            none=rest_of_session().none(odd),
        ),
        statistics={"since": past().since(), "seconds": in_session().duration()},
        weight=past().count(odd),
        exclude={"tests": odd},
        bots="keep",
        max_events=7,
        max_subject_events=70,
        drop_repeated_events=True,
        time_splits=False,
    )
    data = generator.to_dict()
    again = generator_from_dict(json.loads(json.dumps(data)))
    assert again.to_dict() == data
    assert again.expressions() == generator.expressions()
    assert again.rule() == generator.rule()
    assert again.exclude == generator.exclude
    assert again.label_schema() == {
        "kind": "classes",
        "classes": ["big", "none", "rest"],
    }
    for attribute in ("session", "subject", "owner", "bots", "time_splits"):
        assert getattr(again, attribute) == getattr(generator, attribute)


@given(
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True),
)
def test_a_name_survives_json(name: str) -> None:
    made = type(name, (Generator,), VALID)()
    again = generator_from_dict(made.to_dict())
    assert (again.name, again.digest()) == (made.name, made.digest())


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "binary"),
        ({"label": future(days=1).count(BUY)}, "amount"),
        ({"label": future(days=1).count(BUY) > 2}, "binary"),
        ({"label": method, "horizon": future(days=1)}, "binary"),
        (
            {"label": method, "horizon": future(days=1), "label_kind": "amount"},
            "amount",
        ),
    ],
)
def test_the_kind_of_a_label(changes: dict[str, Any], kind: str) -> None:
    assert define(**changes).label_schema() == {"kind": kind}


def test_a_method_s_classes_are_named() -> None:
    found = define(label=method, horizon=future(days=1), label_kind=("no", "yes"))
    assert found.label_schema() == {"kind": "classes", "classes": ["no", "yes"]}


@pytest.mark.slow
def test_a_digest_is_the_same_in_every_process_and_tells_questions_apart() -> None:
    names = sorted(registered())
    code = (
        "from zap.examples.registry import registered\n"
        f"for name in {names!r}: print(registered()[name]().digest())"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1] == [registered()[n]().digest() for n in names]
    assert len(set(runs[0])) == len(names)
    assert define().digest() != define(label=future(days=2).any(BUY)).digest()
    assert define().digest() != define(max_events=5).digest()
    assert define().digest() == define().digest()


class BigSpender(Generator):
    """Spends more than 50 in a week.

    Written with plain methods.
    """

    cutoffs = each(VIEW)
    horizon = future(hours=10)
    instance = Instance(types=("page_view",), fields=[Hash("type")])

    def label(self, future: Any) -> bool:
        return sum(e["amount"] or 0 for e in future if e.type == "purchase") > 50


class BigSpenderToo(BigSpender):
    """The same, with another horizon."""

    horizon = future(hours=20)


def test_a_generator_with_methods_has_a_digest_of_its_source_but_no_json() -> None:
    with pytest.raises(GeneratorError, match=r"methods=\['label'\]"):
        BigSpender().to_dict()
    digests = {BigSpender().digest(), BigSpenderToo().digest()}
    assert len(digests) == 2
    assert BigSpender().digest() in digests
    assert BigSpender().fields() is None
    assert BigSpender().observes_us() == 10 * 3_600_000_000


# ---- names and questions --------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("ShopPurchase", "shop_purchase"),
        ("ShopPurchaseAfter3", "shop_purchase_after_3"),
        ("FreeDay30Upgrade", "free_day_30_upgrade"),
        ("RetailRepurchase90", "retail_repurchase_90"),
        ("One", "one"),
    ],
)
def test_names(name: str, snake: str) -> None:
    assert snake_case(name) == snake


def test_the_question_is_the_first_line_of_what_the_class_says_itself() -> None:
    assert BigSpender().question == "Spends more than 50 in a week."
    assert define().question == "defined"
    assert define(__doc__="   ").question == "defined"
    assert type("Other", (BigSpender,), {})().question == BigSpender().question


# ---- plain methods --------------------------------------------------------------


def _rows(who: str, *events: tuple[Any, ...]) -> list[dict[str, Any]]:
    return [
        {"who": who, "uid": uid, "t": hour, "type": kind, "amount": amount}
        for uid, hour, kind, amount in events
    ]


VISITS = [
    *_rows("a", (0, 0, "page_view", None), (1, 5, "purchase", 40.0)),
    *_rows("a", (2, 9, "purchase", 20.0), (3, 10, "page_view", None)),
    *_rows("b", (10, 0, "page_view", None), (11, 10, "purchase", 90.0)),
    *_rows("c", (20, 3, "page_view", None), (21, 4, "purchase", 50.0)),
]


def test_a_label_method_sees_its_window_and_nothing_else(
    histories_of: Any, plain: Any
) -> None:
    """For b the purchase lies at the very end of the horizon, so outside it."""
    slices = slice_histories(BigSpender(), histories_of(VISITS), EVERYTHING)
    found = {(e["who"], e["past"]): e["label"] for e in plain(slices)}
    assert found == {
        ("a", (0,)): 1.0,
        ("a", (0, 1, 2, 3)): 0.0,
        ("b", (10,)): 0.0,
        ("c", (20,)): 0.0,
    }


def test_methods_say_the_same_as_expressions(histories_of: Any, plain: Any) -> None:
    class Declared(Generator):
        cutoffs = each(VIEW)
        eligible = past().none(BUY)
        label = future(hours=10).count(BUY) >= 2
        instance = BigSpender.instance

    class Written(Generator):
        horizon = future(hours=10)
        instance = BigSpender.instance

        def is_cutoff(self, past: Any) -> bool:
            return past[-1].type == "page_view"

        def eligible(self, past: Any) -> bool:
            return "purchase" not in past.types()

        def label(self, future: Any) -> bool:
            return future.types().count("purchase") >= 2

    histories = histories_of(VISITS)
    declared, written = (
        slice_histories(each(), histories, EVERYTHING) for each in (Declared, Written)
    )
    assert plain(declared) == plain(written)
    assert declared.counts == written.counts
    assert len(plain(declared)) == 3


def test_what_is_true_in_python_is_true(histories_of: Any, plain: Any) -> None:
    """A count of two is as true as a count of one."""

    class Truthy(Generator):
        label = future(hours=10).any(BUY)
        instance = BigSpender.instance

        def is_cutoff(self, past: Any) -> int:
            return past.types().count("purchase")

        def eligible(self, past: Any) -> list[str]:
            return past.types()[:1]

    found = plain(slice_histories(Truthy(), histories_of(VISITS), EVERYTHING))
    assert sorted(e["past"] for e in found if e["who"] == "a") == [
        (0, 1),
        (0, 1, 2),
        (0, 1, 2, 3),
    ]


@pytest.mark.parametrize("name", ["is_cutoff", "eligible", "label"])
def test_a_subject_on_which_a_method_raises_is_named_and_the_rest_goes_on(
    name: str, histories_of: Any, plain: Any
) -> None:
    def raises(self: Any, events: Any) -> float:
        amounts = [e["amount"] for e in events if e.type == "purchase"]
        return 1 / (90.0 not in amounts)

    attributes = {**VALID, "instance": BigSpender.instance, "cutoffs": each(event(ANY))}
    attributes["horizon"] = future(hours=99)
    attributes[name] = raises
    generator = type("Raises", (Generator,), attributes)()
    slices = slice_histories(generator, histories_of(VISITS), EVERYTHING)
    [failure] = slices.failures
    assert (failure.subject, failure.method) == ("b", name)
    assert failure.error == "ZeroDivisionError: division by zero"
    assert {e["who"] for e in plain(slices)} == {"a", "c"}
    assert len(plain(slices)) == 6
    assert set(slices.counts) >= {"cutoffs.dropped.generator_error"}
    counts = slices.counts
    dropped = sum(n for key, n in counts.items() if ".dropped." in key)
    assert counts["cutoffs.candidates"] == dropped + counts["cutoffs.examples"]


def test_a_label_method_may_give_no_label(histories_of: Any, plain: Any) -> None:
    class Unknown(BigSpender):
        def label(self, future: Any) -> float | None:
            return None if not len(future) else len(future)

    slices = slice_histories(Unknown(), histories_of(VISITS), EVERYTHING)
    assert slices.counts["cutoffs.dropped.no_label"] == 2
    assert sorted(e["label"] for e in plain(slices)) == [1.0, 2.0]
    assert not slices.failures


def test_all_errors_are_the_users() -> None:
    assert issubclass(GeneratorError, ZapError)
