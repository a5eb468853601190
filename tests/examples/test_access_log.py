"""The shipped question about an access log, on the real log."""

from __future__ import annotations

import gzip
import re
from collections import defaultdict
from pathlib import Path

import pyarrow as pa

from zap.events.bots import is_crawler
from zap.events.mapping import EventMapping
from zap.events.reading import read_source
from zap.events.sources import list_sources
from zap.examples.observed import ObservedRange
from zap.examples.registry import load_generator
from zap.examples.slicing import slice_histories
from zap.histories.build import build_histories
from zap.histories.selection import select_events
from zap.times import instant_us

LINE = re.compile(r'(\S+) .*?\[(.{14}).*?\] "(\S+) (\S+).*?" (\d+) \S+ ".*?" "(.*)"$')
FILES = re.compile(
    r"\.(png|jpe?g|gif|ico|svg|css|js|pdf|jar|ttf|docx?|gz|zip|mp3|exe|swf|woff|gem|deb)$"
)


def visits_by_hand(path: Path) -> list[int]:
    """Number of page views of each visit of a person, by a plain loop over lines."""
    hours: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    order: list[str] = []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            found = LINE.match(line.rstrip("\n"))
            if found is None:
                continue
            host, hour, method, target, status, agent = found.groups()
            if hour not in order:
                order.append(hour)
            if agent == "-" or is_crawler(agent):
                continue
            page = method == "GET" and re.match("2|304", status)
            name = target.split("?")[0].split("#")[0]
            page = page and not FILES.search(name.lower())
            page = page and "flav=" not in target and name != "/robots.txt"
            hours[host, agent][hour] += bool(page)
    visits = []
    for counts in hours.values():
        last = None
        for place, hour in enumerate(order):
            if hour not in counts:
                continue
            if last is not None and place - last == 1:
                visits[-1] += counts[hour]
            else:
                visits.append(counts[hour])
            last = place
    return visits


def test_examples_of_the_log_are_those_of_a_plain_loop(shared_data: Path) -> None:
    path = shared_data / "access_log" / "access.log.gz"
    generator = load_generator("log_visit_goal")
    mapping = EventMapping.load(generator.folder() / generator.mapping)
    (source,) = list_sources([str(path)], mapping)
    batches = [
        select_events(read.events, generator.exclude, generator.bot_rules())[0]
        for read in read_source(source, mapping)
    ]
    histories, counts = build_histories(
        pa.Table.from_batches(batches),
        generator.settings(),
        generator.fields(),
        mapping,
    )
    whole = ObservedRange(instant_us("2015-05-01"), instant_us("2015-06-01"))
    slices = slice_histories(generator, histories, whole)
    visits = visits_by_hand(path)
    assert len(slices.label) == sum(visits)
    assert int(slices.label.sum()) == sum(max(pages - 1, 0) for pages in visits)
    assert counts["events.dropped.bot.crawler"] == 1_955
    assert counts["events.dropped.bot.missing_agent"] == 190
    # The log's minutes stand still, so no rule on pace may judge.
    assert counts["bots.rule_off.time_resolution"] > 0
    assert counts["events.dropped.bot.rate"] == 0
