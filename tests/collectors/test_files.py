"""Files are read whole, and nothing but files, and nothing outside the surface."""

import os
import socket
from pathlib import Path

import pytest

from conformance.collectors.files import read_files
from conformance.collectors.reading import Item, Missed, UnreadableError, measure, read_surface, settle
from conformance.model.storage import SurfaceSize
from conformance.target import Surface
from tests.collectors.auditing import files


def _read(surface: Surface, base: Path, *skip: Path) -> tuple[dict[str, bytes], dict[str, str]]:
    contents, missed = {}, {}
    for item in read_surface(surface, base, skip):
        if isinstance(item, Item):
            contents[item.name] = b"".join(item.open())
        else:
            missed[item.name] = item.reason
    return contents, missed


def test_a_folder_is_read_with_all_below_it_hidden_files_included(tmp_path: Path) -> None:
    (tmp_path / "log" / "deep").mkdir(parents=True)
    (tmp_path / "log" / "a.log").write_bytes(b"one")
    (tmp_path / "log" / "deep" / ".b").write_bytes(b"two" * 1_000_000)
    contents, missed = _read(files("log"), tmp_path)
    assert contents == {"log/a.log": b"one", "log/deep/.b": b"two" * 1_000_000}
    assert missed == {}


def test_a_glob_names_files_and_a_single_path_itself(tmp_path: Path) -> None:
    for name in ("a.log", "a.log.1", "b.txt", "odd[1].log"):
        (tmp_path / name).write_bytes(name.encode())
    assert set(_read(files("a.log*"), tmp_path)[0]) == {"a.log", "a.log.1"}
    assert set(_read(files("odd[1].log"), tmp_path)[0]) == {"odd[1].log"}


def test_what_is_not_there_is_missed_and_not_empty(tmp_path: Path) -> None:
    assert _read(files("nowhere"), tmp_path) == ({}, {"nowhere": "nothing is there"})


def test_special_files_are_named_and_never_opened(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    os.mkfifo(tmp_path / "log" / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "log" / "sock"))
        contents, missed = _read(files("log"), tmp_path)
    assert contents == {}
    assert missed == {
        "log/pipe": "a special file, not opened",
        "log/sock": "a special file, not opened",
    }


def test_a_link_out_of_the_surface_is_a_gap_and_one_inside_is_none(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "elsewhere").write_bytes(b"private")
    (tmp_path / "log" / "a").write_bytes(b"one")
    (tmp_path / "log" / "in").symlink_to("a")
    (tmp_path / "log" / "out").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "log" / "loop").symlink_to(tmp_path / "log")
    contents, missed = _read(files("log"), tmp_path)
    assert contents == {"log/a": b"one"}
    assert list(missed) == ["out"]


def test_a_second_name_of_a_file_is_not_read_again(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "a").write_bytes(b"one")
    (tmp_path / "log" / "b").hardlink_to(tmp_path / "log" / "a")
    assert len(_read(files("log"), tmp_path)[0]) == 1


def test_exclusions_are_printed_and_decide_nothing(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "a.log").write_bytes(b"one")
    (tmp_path / "log" / "core.bin").write_bytes(b"two")
    surface = files("log", exclude=("*.bin",))
    (missed,) = [found for found in read_files(surface, tmp_path, ()) if isinstance(found, Missed)]
    assert (missed.name, missed.deciding) == ("core.bin", False)


def test_the_folder_of_the_run_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "own").write_bytes(b"ours")
    (tmp_path / "a").write_bytes(b"one")
    assert set(_read(files("."), tmp_path, tmp_path / "runs")[0]) == {"a"}


def test_a_file_that_vanished_is_unreadable_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    (item,) = [found for found in read_surface(files("a"), tmp_path) if isinstance(found, Item)]
    (tmp_path / "a").unlink()
    with pytest.raises(UnreadableError, match="No such file"):
        list(item.open())


def test_what_is_appended_while_a_file_is_read_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    (item,) = [found for found in read_surface(files("a"), tmp_path) if isinstance(found, Item)]
    chunks = item.open()
    first = next(chunks)
    with (tmp_path / "a").open("ab") as log:
        log.write(b"two")
    assert first + b"".join(chunks) == b"onetwo"


def test_an_unknown_kind_is_missed(tmp_path: Path) -> None:
    assert "cannot be read here" in _read(Surface(kind="tape", locator="x"), tmp_path)[1]["x"]


def test_a_surface_is_measured_without_being_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "b").write_bytes(b"123")
    size = measure(files("*"), tmp_path)
    assert (size.bytes, size.items) == (8, 2)
    assert size.newest > 0


def test_settling_waits_until_two_measurements_agree() -> None:
    sizes = iter([SurfaceSize(bytes=n, items=1) for n in (1, 2, 3, 3)])
    assert settle(lambda: next(sizes), still=0.001, most=5.0)
    assert list(sizes) == []


def test_settling_gives_up_on_a_surface_that_never_rests() -> None:
    sizes = iter(SurfaceSize(bytes=n, items=1) for n in range(1000))
    assert not settle(lambda: next(sizes), still=0.01, most=0.05)
