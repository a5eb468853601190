"""A subject that is forgotten leaves nothing in the log, whoever writes meanwhile."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

import pytest
from made_entries import entry, opened

from zap.encoding.subject_names import keyed_subject, subject_hash
from zap.errors import LogError
from zap.serving.log import find, forget, read_log

KEY = b"k" * 32
NAMES = [keyed_subject(KEY, subject_hash(f"visitor-{n}")) for n in range(4)]


def content(folder: Path) -> bytes:
    """All bytes below a folder."""
    return b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())


def test_only_the_subjects_lines_go_and_the_others_stay_as_they_are(
    tmp_path: Path,
) -> None:
    log = opened(tmp_path, max_bytes=3_000)
    entries = [
        entry(n, subject=[*NAMES, None][n % 5], application=f"app-{n % 2}")
        for n in range(100)
    ]
    # The name of the subject in another member is no line of the subject.
    entries.append(entry(100, id=f'"subject":"{NAMES[1]}"', application="app-0"))
    for each in entries:
        log.append(each)
    log.close()
    before = content(tmp_path).splitlines(keepends=True)
    assert forget(tmp_path, NAMES[1]) == 20
    stays = [line for line in before if f'"subject":"{NAMES[1]}"'.encode() not in line]
    assert len(stays) == 81
    after = content(tmp_path).splitlines(keepends=True)
    assert Counter(after) == Counter(stays)
    assert forget(tmp_path, NAMES[1]) == 0
    with pytest.raises(LogError, match="a subject that was forgotten"):
        find(tmp_path, entries[1].id)
    assert not [*tmp_path.rglob(".*")]


def test_damaged_and_torn_lines_that_name_the_subject_go_too(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.append_all([entry(n, subject=NAMES[n % 2]) for n in range(6)])
    log.close()
    (path,) = (tmp_path / "shop").iterdir()
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b"0f3a52", b"000000")
    lines[5] = lines[5][:-30]
    path.write_bytes(b"".join(lines))
    assert forget(tmp_path, NAMES[1]) == 3
    assert path.read_bytes() == b"".join(lines[::2])


def test_what_one_that_was_killed_left_is_cleared(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.append(entry(1, subject=NAMES[0]))
    log.close()
    (path,) = (tmp_path / "shop").iterdir()
    left = path.with_name(f".{path.name}.forgetting")
    left.write_bytes(path.read_bytes())
    forget(tmp_path, NAMES[2])
    assert not left.exists() and path.exists()


def test_forgetting_while_servers_write_loses_nothing_else(tmp_path: Path) -> None:
    """Each subject's lines before the last time it is forgotten are gone."""
    logs = [opened(tmp_path, max_bytes=1 << 18) for _ in range(2)]
    ended = threading.Event()

    def write(which: int) -> None:
        for number in range(2_000):
            name = NAMES[number % 4]
            logs[which].append(entry(which * 10_000 + number, subject=name))

    removed = [0, 0]

    def forget_again(which: int) -> None:
        while not ended.is_set():
            removed[which] += forget(tmp_path, NAMES[which])

    writers = [threading.Thread(target=write, args=(each,)) for each in range(2)]
    forgetters = [threading.Thread(target=forget_again, args=(n,)) for n in range(2)]
    for thread in (*writers, *forgetters):
        thread.start()
    for thread in writers:
        thread.join()
    ended.set()
    for thread in forgetters:
        thread.join()
    for which in range(2):
        removed[which] += forget(tmp_path, NAMES[which])
    for log in logs:
        log.close()
    damage: Counter[str] = Counter()
    read = Counter(each.subject for each in read_log(tmp_path, "shop", counts=damage))
    assert read == {NAMES[2]: 1_000, NAMES[3]: 1_000}
    assert removed == [1_000, 1_000] and not damage
    for name in NAMES[:2]:
        assert name.encode() not in content(tmp_path)


def test_names_in_the_log_are_those_of_verification_sets() -> None:
    from zap.datasets.recent import keyed_subject as elsewhere
    from zap.histories.subjects import subject_hashes

    pa = pytest.importorskip("pyarrow")
    names = ["visitor-1", "", "user:\u00e9"]
    hashes = subject_hashes(pa.array(names)).tolist()
    assert [keyed_subject(KEY, subject_hash(name)) for name in names] == [
        elsewhere(KEY, hashed) for hashed in hashes
    ]
