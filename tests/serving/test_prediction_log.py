"""The log: what goes in comes out, whatever its files went through."""

from __future__ import annotations

import json
import os
import string
import threading
import zlib
from collections import Counter
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_entries import TIME_US, entry, opened

from zap.errors import LogError, RegistryError
from zap.serving.log import (
    Logged,
    LogOptions,
    PredictionLog,
    event_hashes,
    find,
    latest,
    read_log,
)
from zap.serving.log.entry import entry_of, line_of
from zap.serving.log.reading import may_hold

TEXTS = st.text(max_size=12)
SCORES = st.floats(allow_nan=False, allow_infinity=False)
ENTRIES = st.builds(
    Logged,
    id=TEXTS,
    time=st.integers(TIME_US, TIME_US + 10**9),
    instant=st.none() | st.integers(-(2**62), 2**62),
    application=st.sampled_from(["shop", "signup"]),
    version=TEXTS,
    fingerprint=TEXTS,
    subject=st.none() | st.text(string.hexdigits, max_size=32),
    events=st.integers(0, 5_000),
    ids=st.lists(TEXTS, max_size=5).map(event_hashes),
    encoded=TEXTS,
    score=SCORES | st.lists(SCORES, max_size=4).map(tuple),
    source=st.sampled_from(["subject", "events", "batch"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(ENTRIES, max_size=30), st.integers(200, 4_000), st.booleans())
def test_what_goes_in_comes_out(tmp_path_factory, entries, max_bytes, together) -> None:
    folder = tmp_path_factory.mktemp("log")
    log = opened(folder, max_bytes=max_bytes)
    if together:
        log.append_all(entries)
    else:
        for each in entries:
            log.append(each)
    log.close()
    assert log.counts.written == len(entries)
    for name in {each.application for each in entries}:
        ours = Counter(each for each in entries if each.application == name)
        damage: Counter[str] = Counter()
        assert Counter(read_log(folder, name, counts=damage)) == ours
        assert not damage
        for path in (folder / name).iterdir():
            lines = path.read_bytes().splitlines(keepends=True)
            assert sum(map(len, lines[:-1])) < max_bytes or together


@given(ENTRIES, st.data())
def test_any_change_of_a_line_is_seen(each, data) -> None:
    line = line_of(each)
    assert entry_of(line) == each
    place = data.draw(st.integers(0, len(line) - 1))
    flipped = bytes([line[place] ^ data.draw(st.integers(1, 255))])
    with pytest.raises(ValueError):
        entry_of(line[:place] + flipped + line[place + 1 :])


def test_a_line_is_json_that_any_tool_reads() -> None:
    line = line_of(entry(7, score=(0.1, 0.2 + 0.1)))
    read = json.loads(line)
    assert read["score"] == [0.1, 0.30000000000000004]
    assert read["format"] == 1 and list(read)[-1] == "crc"
    body = line[: line.rindex(b',"crc"')]
    assert read["crc"] == f"{zlib.crc32(body):08x}"


def test_ids_are_the_hashes_of_the_events_in_order() -> None:
    ids = ["b", "a", "\u00e9\ud800"]
    raw = [name.encode("utf-8", "surrogatepass") for name in ids]
    wanted = [blake2b(name, digest_size=8).hexdigest() for name in raw]
    assert entry(1, ids=event_hashes(ids)).event_hashes == wanted


@pytest.mark.parametrize("score", [float("nan"), (0.5, float("inf"))])
def test_a_score_that_json_cannot_hold_is_refused(score) -> None:
    with pytest.raises(LogError, match="finite"):
        entry(1, score=score)


def test_an_entry_that_is_too_long_is_refused_and_the_log_goes_on(tmp_path) -> None:
    log = opened(tmp_path)
    with pytest.raises(LogError, match="at most 1,048,576 bytes"):
        log.append(entry(1, ids="0" * (1 << 20)))
    log.append(entry(2))
    log.close()
    assert [each.id for each in read_log(tmp_path, "shop")] == [entry(2).id]


@pytest.mark.parametrize("name", ["../up", "", "a/b", ".hidden"])
def test_an_application_that_leads_elsewhere_is_refused(tmp_path, name) -> None:
    log = opened(tmp_path / "log")
    with pytest.raises(RegistryError, match="application"):
        log.append(replace(entry(1), application=name))
    log.close()
    assert [*(tmp_path / "log").iterdir()] == []
    with pytest.raises(LogError, match="it has none"):
        read_log(tmp_path / "log", name)


def test_threads_lose_nothing_and_each_keeps_its_order(tmp_path) -> None:
    log = opened(tmp_path, max_bytes=20_000)

    def work(thread: int) -> None:
        for number in range(200):
            log.append(entry(thread * 1_000 + number, version=str(thread)))

    threads = [threading.Thread(target=work, args=(each,)) for each in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    read = [*read_log(tmp_path, "shop")]
    assert len({each.id for each in read}) == len(read) == 1_600
    assert len([*(tmp_path / "shop").iterdir()]) > 20
    for thread in range(8):
        times = [each.time for each in read if each.version == str(thread)]
        assert sorted(times) == [entry(thread * 1_000 + k).time for k in range(200)]


def test_a_new_file_is_begun_by_age(tmp_path) -> None:
    log = opened(tmp_path, max_age_s=60)
    for second in (0, 30, 59, 60, 61, 200):
        log.append(entry(second, time=TIME_US + second * 1_000_000))
    log.close()
    files = sorted((tmp_path / "shop").iterdir())
    assert [len(path.read_text().splitlines()) for path in files] == [3, 2, 1]
    assert [path.name[:15] for path in files] == [
        "20260115T100000",
        "20260115T100100",
        "20260115T100320",
    ]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 200), min_size=1, max_size=30),
    st.none() | st.integers(-10, 210),
    st.none() | st.integers(-10, 210),
    st.integers(300, 3_000),
)
def test_times_asked_for_are_what_is_read(
    tmp_path_factory, seconds, since, until, max_bytes
) -> None:
    """However the times jump: files that are not opened hold none of them."""
    folder = tmp_path_factory.mktemp("log")
    log = opened(folder, max_bytes=max_bytes)
    for number, second in enumerate(seconds):
        log.append(entry(number, time=TIME_US + second * 1_000_000))
    log.close()
    bounds = [None if b is None else TIME_US + b * 1_000_000 for b in (since, until)]
    read = Counter(each.time for each in read_log(folder, "shop", *bounds))
    low = -1 if since is None else since
    high = 2_000 if until is None else until
    wanted = Counter(TIME_US + s * 1_000_000 for s in seconds if low <= s < high)
    assert read == wanted


@pytest.mark.parametrize("max_bytes", [1, 2_000, 1 << 20])
@pytest.mark.parametrize("most", [1, 7, 400])
def test_the_latest_are_those_written_last(tmp_path, max_bytes, most) -> None:
    logs = [opened(tmp_path, max_bytes=max_bytes) for _ in range(2)]
    for number in range(300):
        logs[number % 7 == 0].append(entry(number))
    for log in logs:
        log.close()
    with sorted((tmp_path / "shop").iterdir())[-1].open("ab") as file:
        file.write(b'{"torn')
    wanted = [entry(number) for number in range(299, -1, -1)][:most]
    assert latest(tmp_path, "shop", most) == wanted


def test_files_outside_the_times_are_not_read(tmp_path) -> None:
    log = opened(tmp_path, max_bytes=1)
    for hour in range(5):
        log.append(entry(hour, time=TIME_US + hour * 3_600_000_000))
    log.close()
    bounds = TIME_US + 2 * 3_600_000_000, TIME_US + 2 * 3_600_000_000 + 1
    files = sorted((tmp_path / "shop").iterdir())
    read = [may_hold(path, *bounds) for path in files]
    assert read == [False, False, True, False, False]


def test_a_prediction_is_found_in_whichever_application(tmp_path) -> None:
    log = opened(tmp_path)
    entries = [
        replace(entry(n), application=f"app-{n % 3}", fingerprint=entry(n - 1).id)
        for n in range(1, 30)
    ]
    log.append_all(entries)
    log.close()
    for each in entries:
        assert find(tmp_path, each.id) == each
    with pytest.raises(LogError, match="prediction='nothing'"):
        find(tmp_path, "nothing")


@pytest.mark.parametrize(
    "wrong",
    [{"wait_ms": 0}, {"queue": 1.5}, {"on_failure": "ignore"}, {"sync": "always"}],
)
def test_options_out_of_range_are_refused(wrong) -> None:
    (name,) = wrong
    with pytest.raises(LogError, match=f"Received: {name}="):
        LogOptions(**wrong)


def test_nothing_is_appended_after_the_end(tmp_path) -> None:
    log = opened(tmp_path)
    log.close()
    log.close()
    with pytest.raises(LogError, match="open log"):
        log.append(entry(1))
    assert os.listdir(tmp_path) == []


def test_a_log_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LogError, match="folder="):
        PredictionLog(tmp_path / "file")
