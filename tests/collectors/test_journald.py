"""A journal is read as its entries and as its files; made here by systemd's own tool, without a running journald."""

import subprocess
import time
from pathlib import Path

import pytest

from conformance.collectors.reading import accounted, measure
from conformance.target import Surface
from tests.collectors.reads import read

_WRITER = "/lib/systemd/systemd-journal-remote"
_ENTRY = """\
__REALTIME_TIMESTAMP={time}
__MONOTONIC_TIMESTAMP={number}
_BOOT_ID=0123456789abcdef0123456789abcdef
_MACHINE_ID=0123456789abcdef0123456789abcdef
_SYSTEMD_UNIT={unit}
MESSAGE={message}

"""


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """The folder of a journal with a short and a long entry of the gateway, and one of another unit."""
    folder = tmp_path / "journal"
    folder.mkdir()
    now = int(time.time() * 1_000_000)
    entries = (
        ("gateway.service", "a short entry"),
        ("gateway.service", "a long entry " + "and so on " * 200 + "to its end"),
        ("other.service", "of another unit"),
    )
    exported = "".join(
        _ENTRY.format(time=now + n, number=n + 1, unit=unit, message=message)
        for n, (unit, message) in enumerate(entries)
    )
    subprocess.run(
        [_WRITER, "--output", str(folder / "gateway.journal"), "-"],
        input=exported.encode(),
        check=True,
        capture_output=True,
    )
    return folder


def test_entries_are_read_whole_compressed_ones_too(journal: Path, tmp_path: Path) -> None:
    contents, missed = read(Surface(kind="journald", locator="journal"), tmp_path)
    for sought in (b"a short entry", b"to its end", b"of another unit"):
        assert sought in contents["journal (entries)"]
    assert b"a short entry" in contents["journal/gateway.journal"]
    assert missed == {}


def test_entries_can_be_narrowed_to_a_unit(journal: Path, tmp_path: Path) -> None:
    narrowed = Surface(
        kind="journald", locator="journal/gateway.journal", match=("_SYSTEMD_UNIT=gateway.service",)
    )
    contents, _ = read(narrowed, tmp_path)
    assert b"a short entry" in contents["journal/gateway.journal (entries)"]
    assert b"of another unit" not in contents["journal/gateway.journal (entries)"]
    assert b"of another unit" in contents["journal/gateway.journal"]


def test_a_journal_accounts_for_standard_output_and_its_files(journal: Path, tmp_path: Path) -> None:
    surface = Surface(kind="journald", locator="journal")
    assert accounted(surface, tmp_path).output
    assert accounted(surface, tmp_path).holds(journal / "user-1000.journal")
    assert measure(surface, tmp_path).newest > 0


def test_a_journal_that_is_not_there_is_a_gap(tmp_path: Path) -> None:
    assert read(Surface(kind="journald", locator="nowhere"), tmp_path) == (
        {},
        {"nowhere": "nothing is there"},
    )
