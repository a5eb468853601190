"""What a following job is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_followed import MAPPING, TOML, GrowingArchive, made_job, posted

from zap.beam import follow as pipeline
from zap.cli.main import main
from zap.errors import InputError, MappingError
from zap.events.mapping import EventMapping
from zap.jobs.follow import follow
from zap.scoring.following.job import FollowJob
from zap.scoring.following.options import Following
from zap.scoring.following.reading import ArchiveEvents
from zap.serving.stores.need import Need
from zap.times import DAY_US


def test_workers_find_places_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of ``zap workers`` were started elsewhere, and would write there."""
    expected = made_job(tmp_path, Following(DAY_US))
    for _ in GrowingArchive(tmp_path).grow(posted(5)):
        pass
    (tmp_path / "archive.toml").write_text(TOML)
    mapping = EventMapping.load(tmp_path / "archive.toml")
    jobs: list[FollowJob] = []
    monkeypatch.setattr(pipeline, "run_following", lambda job, *_: jobs.append(job))
    monkeypatch.chdir(tmp_path)
    told = "scored", "models", "archive", mapping, "scores/", Following(DAY_US)
    assert follow(*told)["run"] == 1
    assert (jobs[0].archive, jobs[0].registry, jobs[0].output) == (
        expected.archive,
        expected.registry,
        expected.output,
    )


def test_a_second_one_into_the_same_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_job(tmp_path, Following(DAY_US))
    for _ in GrowingArchive(tmp_path).grow(posted(5)):
        pass
    (tmp_path / "archive.toml").write_text(TOML)
    mapping = EventMapping.load(tmp_path / "archive.toml")
    monkeypatch.chdir(tmp_path)
    told = "scored", "models", "archive", mapping, "scores", Following(DAY_US)
    begun: list[FollowJob] = []

    def run_following(job: FollowJob, *_: object) -> None:
        begun.append(job)
        if len(begun) < 3:
            with pytest.raises(InputError, match="no other zap follow"):
                follow(*told)

    monkeypatch.setattr(pipeline, "run_following", run_following)
    assert follow(*told)["run"] == 1
    assert follow(*told)["run"] == 2 and len(begun) == 2


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (["--lateness", "nan"], "lateness=nan"),
        (["--behind", "inf"], "behind=inf"),
        (["--idle", "nan"], "idle=nan"),
        (["--every", "nan"], "every='nan'"),
    ],
)
def test_times_that_are_none_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: list[str], told: str
) -> None:
    (tmp_path / "archive.toml").write_text(TOML)
    given = ["--input", str(tmp_path), "--mapping", str(tmp_path / "archive.toml")]
    output = ["--output", str(tmp_path / "scores")]
    assert main(["follow", "scored", *given, *output, *wrong]) == 2
    assert told in capsys.readouterr().err


FIELDS = {"timestamp": "t", "type": "e", "anonymous_id": "v"}


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ({**MAPPING, "row_group_key": "properties.order"}, "key='properties.order'"),
        ({"format": "jsonl", "fields": FIELDS}, "format='jsonl'"),
    ],
)
def test_what_grows_is_an_archive_of_whole_events(mapping, said) -> None:
    need = Need("anonymous_id", frozenset())
    with pytest.raises(MappingError, match=said):
        ArchiveEvents(EventMapping.from_dict(mapping), need, 1)
