"""What changed on disk since a moment, told by a time that programs cannot set."""

import os
import time
from pathlib import Path

import pytest

from conformance.collectors.places import reach
from conformance.collectors.places.reach import Reach


def changed(looked: Reach, *own: Path, shared: tuple[Path, ...] = ()) -> dict[str, bool]:
    """Names of what changed below the folders that were given, and whether it is the gateway's own."""
    folders = (*own, *shared)
    return {
        c.path.name: c.own
        for c in looked.changed(own, shared)
        if any(c.path.is_relative_to(folder) for folder in folders)
    }


@pytest.fixture
def since(tmp_path: Path) -> float:
    """A moment after a file was written that is never changed again."""
    (tmp_path / "old").write_text("x")
    (tmp_path / "backdated").write_text("x")
    moment = (tmp_path / "backdated").stat().st_ctime
    while time.time() < moment + 0.1:
        os.sched_yield()
    return moment + 0.05


def test_what_was_written_renamed_or_given_an_attribute_has_changed(tmp_path: Path, since: float) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "new").write_text("x")
    os.setxattr(tmp_path / "backdated", "user.note", b"x")
    os.utime(tmp_path / "backdated", (0, 0))
    looked = Reach(since, frozenset())
    assert changed(looked, tmp_path) == {"new": True, "backdated": True}
    assert str(tmp_path / "a" / "b") in looked.names


def test_folders_of_many_are_told_apart_from_the_gateways(tmp_path: Path, since: float) -> None:
    for folder in ("own", "cwd"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / folder).write_text("x")
    looked = Reach(since, frozenset())
    assert changed(looked, tmp_path / "own", shared=(tmp_path / "cwd",)) == {"own": True, "cwd": False}


def test_the_folder_of_the_run_is_left_out_and_what_it_lies_in_is_nobodys(
    tmp_path: Path, since: float
) -> None:
    (tmp_path / "runs" / "r1").mkdir(parents=True)
    (tmp_path / "runs" / "r1" / "ours").write_text("x")
    (tmp_path / "beside").write_text("x")
    looked = Reach(since, frozenset({tmp_path / "runs"}))
    assert changed(looked, tmp_path) == {"beside": False}


def test_links_and_special_files_are_names_and_never_followed(tmp_path: Path, since: float) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "link").symlink_to("/etc/a-name-that-says-something")
    os.mkfifo(tmp_path / "a" / "pipe")
    looked = Reach(since, frozenset())
    assert changed(looked, tmp_path / "a") == {}
    assert f"{tmp_path}/a/link /etc/a-name-that-says-something" in looked.names
    assert f"{tmp_path}/a/pipe" in looked.names


def test_what_was_too_much_to_look_at_is_told(
    tmp_path: Path, since: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach, "SHARED", ())
    for number in range(5):
        (tmp_path / str(number)).write_text("x")
    looked = Reach(since, frozenset(), _left=3)
    assert len(changed(looked, tmp_path)) <= 3
    assert looked.cut == {True: str(tmp_path)}
