"""The histories of the subjects in a log, out of all raw events.

Each batch is told apart as it is read: only rows of subjects that the log names are
held, so that memory grows with the log and not with the archive. What is done to events
on their way is what a dataset's job does, in its order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from zap.checks.sample import events_by_day, observed_of
from zap.errors import InputError
from zap.events.derived import DERIVED
from zap.events.reading import read_source
from zap.events.schema import canonical_schema
from zap.events.sources import Source, list_sources
from zap.examples.observed import ObservedRange
from zap.histories.among import Among
from zap.histories.batch import HistoryBatch
from zap.histories.build import build_histories
from zap.histories.clock import clock_counts, coarse_sources
from zap.histories.identity import PERSON, with_person
from zap.histories.links import PAIR, Links
from zap.histories.needed import columns_to_read, excluded_columns
from zap.histories.owners import links_in, owners_of
from zap.histories.selection import BOT, of_people, select_events
from zap.jobs.analyse.named import Named
from zap.jobs.inputs import RawInput

BATCH_ROWS = 262_144
Watch = Callable[[str], Any]


@dataclass(frozen=True)
class Archive:
    """What the archive tells of the subjects in a log.

    Attributes:
        histories: theirs, in the order of their hashes.
        rows: the rows of the histories that a subject's keyed hash may stand for, the
            first choice first.
        seen: the keyed hashes whose events were found, whether or not a history was
            left of them.
        observed: the observed range of the data.
        counts: rows and events by what became of them.
    """

    histories: HistoryBatch
    rows: dict[str, list[int]]
    seen: set[str]
    observed: ObservedRange
    counts: Counter[str]


def read_archive(
    raw: RawInput,
    key: bytes,
    wanted: Collection[str],
    *,
    max_bad_share: float = 0.01,
    watch: Watch = lambda text: None,
) -> Archive:
    """The histories of the subjects that ``wanted`` names.

    Args:
        raw: the question and its events.
        key: the secret of the subjects' keyed hashes.
        wanted: keyed hashes.
        max_bad_share: share of bad rows above which the archive is not believed.
        watch: told of each file.

    Raises:
        InputError: a file cannot be read, too many rows are bad, or nobody whom the
            log names has events.
        MappingError: the mapping does not fit.
    """
    reader = _Reader(raw, Named(key, wanted), watch)
    links = None
    if raw.generator.subject == PERSON:
        links = links_in(batch for _, batch in reader.batches(Counter()))
        reader.named = reader.named.with_owners(owners_of(links))
    counts: Counter[str] = Counter()
    days: Counter[int] = Counter()
    table = reader.table(links, counts, days)
    _check_bad_rows(counts, max_bad_share)
    histories, dropped = _histories(raw, table, reader.coarse())
    counts.update(dropped)
    named = reader.named
    return Archive(
        histories,
        named.rows_of(histories.subject),
        named.seen,
        observed_of(raw.mapping, reader.sources, days),
        counts,
    )


class _Reader:
    """Reads the sources, once or twice."""

    def __init__(self, raw: RawInput, named: Named, watch: Watch):
        self.raw, self.named, self.watch = raw, named, watch
        self.sources: Sequence[Source] = list_sources(raw.paths, raw.mapping)
        self._clock: Counter[str] = Counter()

    def batches(self, counts: Counter[str]) -> Iterator[tuple[Source, Any]]:
        """Selected events, bots' flagged, as a dataset's job reads them."""
        generator: Any = self.raw.generator
        needed = columns_to_read(generator)
        names = None if needed is None else [*needed, *excluded_columns(generator)]
        plain = ("event_id", *(PAIR if generator.subject == PERSON else ()))
        bots = generator.bot_rules()
        for source in self.sources:
            self.watch(f"reading {source.path}")
            mapping = self.raw.mapping
            for read in read_source(source, mapping, names, BATCH_ROWS, plain):
                counts.update(read.counts)
                batch, dropped = select_events(read.events, generator.exclude, bots)
                counts.update(dropped)
                yield source, batch

    def table(
        self, links: Links | None, counts: Counter[str], days: Counter[int]
    ) -> Any:
        """The rows of the subjects that the log names."""
        settings = self.raw.generator.settings()
        held = Among(settings.subject, settings.max_subject_events, self.named.wants)
        self._clock.clear()
        for source, batch in self.batches(counts):
            if source.dimension is None:
                days.update(events_by_day(of_people(batch)))
            if settings.bots is not None:
                self._clock.update(clock_counts(batch))
            owned = batch if links is None else with_person(batch, links)
            counts.update(held.add(owned))
        table = held.table()
        if table is None:
            raise InputError(
                "Expected events of the subjects that the log names. Received: "
                f"rows={counts['rows.read']:,}, of none of them. Check --events and "
                "--mapping, and that the registry's key is the one of the server."
            )
        return table

    def coarse(self) -> frozenset[str]:
        """The sources whose clock is too coarse for rules on pace."""
        return coarse_sources(self._clock)


def _histories(
    raw: RawInput, table: Any, coarse: frozenset[str]
) -> tuple[HistoryBatch, Counter[str]]:
    settings = raw.generator.settings()
    if settings.bots is not None:
        rules = replace(settings.bots, coarse=coarse)
        settings = replace(settings, bots=rules)
    fields = raw.generator.fields()
    if fields is None:
        fields = {*canonical_schema(raw.mapping.property_types()).names, *DERIVED}
        fields -= {"timestamp", BOT}
    # The ids tell which of several events at one instant was the last one used.
    return build_histories(table, settings, {*fields, "event_id"}, raw.mapping)


def _check_bad_rows(counts: Counter[str], most: float) -> None:
    bad = sum(number for name, number in counts.items() if name.startswith("rows.bad."))
    if bad > most * max(counts["rows.read"], 1):
        raise InputError(
            f"Expected at most {100 * most:g} % of the rows to be bad. Received: "
            f"{bad:,} of {counts['rows.read']:,}. Mend the mapping, or raise "
            "--max-bad-share."
        )
