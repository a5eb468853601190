"""Files that begin a question of one's own: generator, mapping, test."""

from __future__ import annotations

import keyword
import os
import re
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from string import Template

from zap.errors import GeneratorError

GENERATOR = Template('''\
"""$title: one question about one site."""

from zap.examples import Generator, Hash, InactivityGap, Instance, SincePrevious
from zap.examples import each, event, in_session, rest_of_session

VIEW, OUTCOME = event("page_view"), event("purchase")


class $name(Generator):
    """After every page view: will this visit end in a purchase?"""

    mapping = "$file.toml"
    session = InactivityGap(minutes=30)
    cutoffs = each(VIEW)
    eligible = in_session().none(OUTCOME)
    label = rest_of_session().any(OUTCOME)
    instance = Instance(
        types=["page_view"],
        fields=[Hash("url.path"), SincePrevious()],
    )
    statistics = {"pages": in_session().count(VIEW)}
''')

MAPPING = Template("""\
# How the rows of your files become events, for $name.
# format = "csv", "jsonl" or "parquet"; told from the file's name if left out.
timezone = "UTC"  # of times that name no zone

[fields]
anonymous_id = "visitor"
timestamp = "time"  # { column = "time", unit = "ms" } for numbers
type = "event"
url = "url"

# [properties.amount]
# column = "amount"
# type = "float"

# For which time the data are complete; estimated if left out.
# [observed]
# from = "2024-01-01"
# until = "2024-07-01"
""")

TEST = Template('''\
"""A made-up week of visits, cut, labelled and checked by $name."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from $file import $name
from zap.beam.generate import generate
from zap.checks import assert_honest
from zap.events.mapping import EventMapping

HERE = Path(__file__).parent
START = datetime(2024, 3, 4, tzinfo=UTC)


def visit(visitor, day, pages, buys):
    """The rows of one visit: page views a minute apart, then perhaps a purchase."""
    times = [START + timedelta(days=day, minutes=i) for i in range(pages + 1)]
    types = ["page_view"] * pages + ["purchase"]
    return [
        {"visitor": visitor, "time": t.isoformat(), "event": e, "url": f"/page/{i}"}
        for i, (t, e) in enumerate(zip(times, types))
        if e == "page_view" or buys
    ]


def write_events(folder):
    """Sixty visits over a week, as JSON Lines."""
    visits = [visit(f"v{i}", i % 6, 1 + i % 4, i % 3 == 0) for i in range(60)]
    # A visit on the last day: the days before it are observed to their end.
    rows = [row for each in visits for row in each] + visit("last", 7, 1, False)
    path = folder / "events.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\\n" for row in rows))
    return str(path)


def test_nothing_of_the_future_is_seen(tmp_path):
    assert_honest($name(), write_events(tmp_path), HERE / "$file.toml")


def test_every_page_view_is_an_example(tmp_path):
    path = write_events(tmp_path)
    mapping = EventMapping.load(HERE / "$file.toml")

    dataset = generate($name(), [path], mapping, tmp_path / "examples")

    splits = dataset.manifest["splits"].values()
    examples = sum(split["examples"] for split in splits)
    positives = sum(split["examples"] * (split["label_rate"] or 0) for split in splits)
    assert examples == 1 + sum(1 + i % 4 for i in range(60))
    assert round(positives) == sum(1 + i % 4 for i in range(60) if i % 3 == 0)
''')


def class_name(name: str) -> str:
    """``my_question`` as ``MyQuestion``."""
    return "".join(part.capitalize() for part in name.split("_"))


def is_taken(name: str) -> bool:
    """Whether Python, or a package that is installed, has a module of this name."""
    here = ("", os.getcwd())  # one's own files are asked for one by one
    installed = [path for path in sys.path if path not in here]
    named = name in sys.stdlib_module_names or name in sys.modules
    return named or PathFinder.find_spec(name, installed) is not None


def write_template(name: str, output: str | Path) -> list[Path]:
    """Write the files of a new question.

    Args:
        name: in snake_case.
        output: the folder they go to; made if it is not there.

    Returns:
        The paths of generator, mapping and test.

    Raises:
        GeneratorError: the name is no module's name, or another module's; or a file is
            already there.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise GeneratorError(
            "Expected a name in snake_case that Python can import, such as "
            f"'newsletter_signup'. Received: name={name!r}."
        )
    if is_taken(name):
        raise GeneratorError(
            "Expected a name that no module has which is installed, since the new file "
            f"would hide it. Received: name={name!r}. Choose another."
        )
    folder = Path(output)
    texts = {
        folder / f"{name}.py": GENERATOR,
        folder / f"{name}.toml": MAPPING,
        folder / f"test_{name}.py": TEST,
    }
    taken = [str(path) for path in texts if path.exists()]
    if taken:
        raise GeneratorError(
            f"Expected new files. Received: {', '.join(taken)}, already there. Choose "
            "another name or another --output."
        )
    words = {
        "name": class_name(name),
        "file": name,
        "title": name.replace("_", " ").capitalize(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in texts.items():
        path.write_text(text.substitute(words), "utf-8")
    return list(texts)
