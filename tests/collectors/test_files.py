"""Files are read whole, and nothing but files, and nothing outside the surface."""

import os
import socket
from pathlib import Path

import pytest

from conformance.collectors.files import holds, read_files
from conformance.collectors.reading import kinds_entered, measure, read_surface, settle
from conformance.collectors.streams import Item, Missed, UnreadableError
from conformance.model.storage import SurfaceSize
from conformance.target import Surface
from conformance.target_sound import SURFACE_KINDS
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
    assert contents == {
        "log/a.log": b"one",
        "log/deep/.b": b"two" * 1_000_000,
        "(names)": b"log\nlog/deep",
    }
    assert missed == {}


def test_a_glob_names_files_and_a_single_path_itself(tmp_path: Path) -> None:
    for name in ("a.log", "a.txt", "b.txt", "odd[1].log"):
        (tmp_path / name).write_bytes(name.encode())
    assert set(_read(files("a.*"), tmp_path)[0]) == {"a.log", "a.txt"}
    assert set(_read(files("odd[1].log"), tmp_path)[0]) == {"odd[1].log"}


@pytest.mark.parametrize(
    ("name", "belongs"),
    [
        ("a.log.1", True),
        ("a.log.2.gz", True),
        ("a.log-20260131.zst", True),
        ("a.log~", True),
        ("a-2026-01-31.log", True),
        ("a.1.log", True),
        ("a-1.log.xz", True),
        ("a.log2", False),
        ("a.logs", False),
        ("ab.log", False),
        ("a.txt", False),
    ],
)
def test_what_rotation_puts_beside_a_file_belongs_to_it(tmp_path: Path, name: str, belongs: bool) -> None:
    (tmp_path / "a.log").write_bytes(b"now")
    (tmp_path / name).write_bytes(b"then")
    assert set(_read(files("a.log"), tmp_path)[0]) == ({"a.log", name} if belongs else {"a.log"})
    assert holds(tmp_path / name, "a.log", tmp_path) is belongs


@pytest.mark.parametrize(
    ("path", "locator", "held"),
    [
        ("log/deep/a", "log", True),
        ("log", "log", True),
        ("logs/a", "log", False),
        ("log/new.log", "log/*.log", True),
        ("log/deep/new.log", "log/*.log", False),
        ("log/new.txt", "log/*.log", False),
        ("spool/gone", "spool/gone", True),
    ],
)
def test_a_surface_holds_what_lies_in_it_also_when_it_is_gone(
    tmp_path: Path, path: str, locator: str, held: bool
) -> None:
    (tmp_path / "log").mkdir()
    assert holds(tmp_path / path, locator, tmp_path) is held


def test_what_is_not_there_is_missed_and_not_empty(tmp_path: Path) -> None:
    assert _read(files("nowhere"), tmp_path) == ({}, {"nowhere": "nothing is there"})


def test_special_files_are_named_and_never_opened(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    os.mkfifo(tmp_path / "log" / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "log" / "sock"))
        contents, missed = _read(files("log"), tmp_path)
    assert contents == {"(names)": b"log\nlog/pipe\nlog/sock"}
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
    assert contents["log/a"] == b"one"
    assert set(contents) == {"log/a", "(names)"}
    assert list(missed) == ["log/out"]


def test_where_links_lead_to_is_read_as_a_name(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "note").symlink_to("a-secret-in-the-name")
    assert b"a-secret-in-the-name" in _read(files("log"), tmp_path)[0]["(names)"]


def test_a_second_name_of_a_file_is_not_read_again(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "a").write_bytes(b"one")
    (tmp_path / "log" / "b").hardlink_to(tmp_path / "log" / "a")
    contents, _ = _read(files("log"), tmp_path)
    assert set(contents) == {"log/a", "(names)"}
    assert contents["(names)"] == b"log\nlog/b"


def test_exclusions_are_printed_and_decide_nothing(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "a.log").write_bytes(b"one")
    (tmp_path / "log" / "core.bin").write_bytes(b"two")
    surface = files("log", exclude=("*.bin",))
    (missed,) = [found for found in read_files(surface, tmp_path, ()) if isinstance(found, Missed)]
    assert (missed.name, missed.deciding) == ("log/core.bin", False)


def test_the_folder_of_the_run_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "own").write_bytes(b"ours")
    (tmp_path / "a").write_bytes(b"one")
    assert set(_read(files("."), tmp_path, tmp_path / "runs")[0]) == {"a", "(names)"}


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


def test_what_is_rotated_while_the_surface_is_read_is_read_whole(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.mkdir()
    for name in ("a.log", "b.log"):
        (log / name).write_bytes(name.encode() * 3)
    found = (item for item in read_surface(files("log"), tmp_path) if isinstance(item, Item))
    first = b"".join(next(found).open())
    (log / "b.log").rename(log / "b.log.1")
    (log / "b.log").write_bytes(b"the next")
    others = {b"".join(item.open()) for item in found}
    assert {first} | others == {b"a.log" * 3, b"b.log" * 3, b"the next", b"log"}


def test_a_file_is_read_under_the_name_that_rotation_gave_it(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"first")
    (item,) = [found for found in read_surface(files("a.log"), tmp_path) if isinstance(found, Item)]
    log.rename(tmp_path / "a.log.1")
    log.write_bytes(b"second")
    assert b"".join(item.open()) == b"first"


def test_a_file_that_is_replaced_is_read_as_it_is_now_and_once(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"old")
    contents = []
    for item in read_surface(files("a.json"), tmp_path):
        assert isinstance(item, Item)
        (tmp_path / "a.new").write_bytes(b"new")
        (tmp_path / "a.new").replace(tmp_path / "a.json")
        contents.append(b"".join(item.open()))
    assert contents == [b"new"]


def test_a_file_that_was_cut_is_read_again_from_its_start(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * (1 << 20) + b"end")
    (item,) = read_surface(files("a"), tmp_path)
    assert isinstance(item, Item)
    chunks = item.open()
    next(chunks)
    (tmp_path / "a").write_bytes(b"short")
    assert b"".join(chunks) == b"short"


def test_holes_are_not_read_and_offsets_are_told_as_those_of_the_file(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file:
        file.write(b"head")
        file.seek(1 << 30)
        file.write(b"tail")
    (item,) = read_surface(files("a"), tmp_path)
    assert isinstance(item, Item)
    read = b"".join(item.open())
    assert len(read) < 1 << 20
    assert item.size == (1 << 30) + 4
    assert item.place(read.index(b"tail")) == f"(byte {1 << 30:,})"
    assert item.place(0) == ""


def test_extended_attributes_are_read_with_their_names(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "a").write_bytes(b"one")
    os.setxattr(tmp_path / "log" / "a", "user.note", b"two")
    os.setxattr(tmp_path / "log", "user.on-the-folder", b"three")
    contents, missed = _read(files("log"), tmp_path)
    assert b"user.note=two" in contents["log/a (attributes)"]
    assert b"user.on-the-folder=three" in contents["log (attributes)"]
    assert missed == {}


def test_what_is_mounted_below_a_surface_is_a_gap(tmp_path: Path) -> None:
    contents, missed = _read(files("/dev"), tmp_path)
    assert missed["/dev/shm"] == "another file system is mounted there; declare it by itself"
    assert not [name for name in contents if name.startswith("/dev/shm/")]


def test_a_surface_is_read_as_far_as_its_limits_go(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    for name in ("a", "b", "c"):
        (tmp_path / "log" / name).write_bytes(b"x" * 100)
    limited = Surface(kind="files", locator="log", most_bytes=150)
    items = {item.name: item for item in read_surface(limited, tmp_path) if isinstance(item, Item)}
    assert b"".join(items["log/a"].open()) == b"x" * 100
    chunks = items["log/b"].open()
    assert next(chunks) == b"x" * 50
    with pytest.raises(UnreadableError, match="`most_bytes` of the surface, 150, were reached"):
        next(chunks)
    with pytest.raises(UnreadableError):
        list(items["log/c"].open())


def test_a_surface_is_read_for_as_long_as_its_limits_allow(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "a").write_bytes(b"x" * 100)
    contents, missed = _read(Surface(kind="files", locator="log", most_seconds=1e-9), tmp_path)
    assert contents == {}
    assert missed == {"log": "what is left was not listed: `most_seconds` of the surface, 1e-09, were over"}


def test_every_kind_that_a_target_file_may_name_has_a_reader() -> None:
    assert kinds_entered() == SURFACE_KINDS


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
