"""Whatever fsspec reads: here its file systems in memory and on disk, and an archive in either."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import fsspec  # type: ignore[import-untyped]  # it ships no types
import pytest

from conformance.collectors.reading import accounted, measure
from conformance.target import Secret, Surface
from tests.collectors.reads import read


@pytest.fixture
def bucket() -> Iterator[str]:
    """An empty folder of the file system in memory."""
    memory = fsspec.filesystem("memory")
    yield "memory://bucket"
    memory.rm("/bucket", recursive=True)


def store(url: str, **more: object) -> Surface:
    return Surface(**({"kind": "fsspec", "locator": url} | more))  # type: ignore[arg-type]


def write(url: str, data: bytes) -> None:
    with fsspec.open(url, "wb") as file:
        file.write(data)


def test_every_object_below_a_url_is_read(bucket: str, tmp_path: Path) -> None:
    write(f"{bucket}/logs/2026/a.json", b"one")
    write(f"{bucket}/logs/b.json", b"two" * 1_000_000)
    contents, missed = read(store(f"{bucket}/logs"), tmp_path)
    assert contents["/bucket/logs/2026/a.json"] == b"one"
    assert contents["/bucket/logs/b.json"] == b"two" * 1_000_000
    assert missed == {}
    assert measure(store(bucket), tmp_path).items == 2


def test_what_was_written_since_the_last_listing_is_read(bucket: str, tmp_path: Path) -> None:
    write(f"{bucket}/a", b"one")
    read(store(bucket), tmp_path)
    write(f"{bucket}/b", b"two")
    assert set(read(store(bucket), tmp_path)[0]) >= {"/bucket/a", "/bucket/b"}


def test_exclusions_and_empty_folders_are_named(bucket: str, tmp_path: Path) -> None:
    write(f"{bucket}/a.bin", b"one")
    _, missed = read(store(bucket, exclude=("*.bin",)), tmp_path)
    assert missed == {"/bucket/a.bin": "excluded by the target file"}
    assert read(store("memory://nowhere"), tmp_path)[1] == {"memory://nowhere": "nothing is there"}


def test_files_on_disk_are_accounted_for(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a").write_bytes(b"one")
    surface = store(f"file://{tmp_path}/logs")
    assert read(surface, tmp_path)[0][f"{tmp_path}/logs/a"] == b"one"
    assert accounted(surface, tmp_path).holds(tmp_path / "logs" / "new")


def test_an_archive_is_listed_by_its_own_driver(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "logs.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.log", "in an archive")
    contents, _ = read(store(f"zip://::file://{tmp_path}/logs.zip"), tmp_path)
    assert contents["a.log"] == b"in an archive"


def test_a_driver_that_is_missing_or_fails_is_a_gap_without_its_words(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a secret option")
    surface = store("nosuch://bucket", secrets={"key": Secret(file="key")})
    assert read(surface, tmp_path)[1] == {"nosuch://bucket": "it could not be listed: ValueError"}
    unknown = store("memory://bucket", secrets={"key": Secret(file="absent")})
    assert "cannot be read" in read(unknown, tmp_path)[1]["memory://bucket"]
