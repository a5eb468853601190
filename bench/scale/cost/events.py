"""Raw events of any number, written file by file: visits of unequal subjects.

How often a subject comes follows Zipf's law, or is the same for all. Beside them one
bot may send millions. Nothing but one file is ever held.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FILE_ROWS = 250_000
VISIT_EVENTS, VISIT_STEP_SECONDS = 5, 40
DAYS = 30
PAGES, VALUES = 2_000, 100
FIRST = np.datetime64("2024-01-01", "us")
BOT = "the bot"

MAPPING = """\
[fields]
event_id = "id"
anonymous_id = "visitor"
timestamp = "time"
type = "type"
url = "url"

[observed]
from = "2024-01-01"
until = "2024-02-01"
"""


@dataclass(frozen=True)
class Crowd:
    """Who sends events, and how many.

    Attributes:
        events: of all but the bot.
        subjects: from whom they come.
        zipf: exponent of the law; 0 for subjects that come equally often.
        columns: properties that each event has.
        bot: events of the bot, spread over all files.
        seed: of all draws.
    """

    events: int
    subjects: int
    zipf: float = 0.0
    columns: int = 4
    bot: int = 0
    seed: int = 0

    @property
    def files(self) -> int:
        """Number of files, in which the bot's events lie too."""
        return max(1, -(-self.events // FILE_ROWS))


def write(crowd: Crowd, folder: Path) -> None:
    """Write the mapping and the files, unless they are there."""
    done = folder / "DONE"
    if done.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    names = "".join(
        f'\n[properties.p{number}]\ncolumn = "p{number}"\ntype = "string"\n'
        for number in range(crowd.columns)
    )
    (folder / "mapping.toml").write_text(MAPPING + names)
    for number, table in enumerate(tables(crowd)):
        path = folder / f"events-{number:05d}.parquet"
        pq.write_table(table, path, row_group_size=FILE_ROWS)
    done.touch()


def tables(crowd: Crowd) -> Iterator[pa.Table]:
    """The rows of one file after the other."""
    ranks = np.arange(1, crowd.subjects + 1, dtype=np.float64)
    upto = np.cumsum(ranks**-crowd.zipf)
    own, more = _shares(crowd.events, crowd.files), _shares(crowd.bot, crowd.files)
    for number, (events, heavy) in enumerate(zip(own, more, strict=True)):
        rng = np.random.default_rng([crowd.seed, number])
        visits = -(-events // VISIT_EVENTS)
        subjects = np.searchsorted(upto, rng.random(visits) * upto[-1])
        visitor = np.repeat(subjects, VISIT_EVENTS)[:events]
        second = np.repeat(rng.integers(0, DAYS * 86_400, visits), VISIT_EVENTS)
        second += np.tile(np.arange(VISIT_EVENTS) * VISIT_STEP_SECONDS, visits)
        table = _table(visitor, second[:events], number, crowd.columns, rng)
        # Draws of its own, so that the others are the same with the bot and without.
        rng = np.random.default_rng([crowd.seed, number, 1])
        at = rng.integers(0, DAYS * 86_400, heavy)
        bots = _table(np.full(heavy, -1), at, number, crowd.columns, rng)
        order = pa.array(rng.permutation(events + heavy))
        yield pa.concat_tables([table, bots]).combine_chunks().take(order)


def _shares(total: int, files: int) -> list[int]:
    return np.diff(np.arange(files + 1) * total // files).tolist()


def _table(
    visitor: np.ndarray,
    second: np.ndarray,
    number: int,
    columns: int,
    rng: np.random.Generator,
) -> pa.Table:
    rows = len(visitor)
    distinct, codes = np.unique(visitor, return_inverse=True)
    names = [BOT if each < 0 else f"visitor-{each:09d}" for each in distinct.tolist()]
    place = np.arange(rows) + number * 10**9 + 10**8 * (visitor < 0)
    ids = place * 2_654_435_761 % 2**61
    pages = np.minimum(rng.zipf(1.3, rows), PAGES) - 1
    buys = rng.random(rows) < 0.05
    made = {
        "id": pa.array(ids).cast(pa.string()),
        "visitor": _texts(codes, names),
        "time": pa.array(FIRST + second.astype("m8[s]"), pa.timestamp("us", "UTC")),
        "type": _texts(buys.astype(int), ["page_view", "purchase"]),
        "url": _texts(pages, [f"https://shop.example/{i}" for i in range(PAGES)]),
    }
    for place in range(columns):
        values = [f"value-{place}-{i}" for i in range(VALUES)]
        made[f"p{place}"] = _texts(rng.integers(0, VALUES, rows), values)
    return pa.table(made)


def _texts(codes: np.ndarray, values: list[str]) -> pa.Array:
    places = pa.array(codes.astype(np.int32))
    return pa.DictionaryArray.from_arrays(
        places, pa.array(values, pa.string())
    ).dictionary_decode()
