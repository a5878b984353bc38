"""The search finds what must be found: an absence is worth as much as the eyes that saw it."""

import codecs
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.reference_gateway.leaks import TAIL, writings
from tests.reference_gateway.leaks.canaries import Canaries
from tests.scan.transformations import DIRECT, NESTED

FORMS = [
    *("raw", "lower case", "upper case", "reversed", "hex", "HEX", "decimal list"),
    *("base64, alignment 0", "base64, alignment 1", "base64, alignment 2", "base64, URL-safe"),
    *("UTF-16 little endian", "UTF-16 big endian", "UTF-32 little endian"),
    *("URL", "URL, everything", "JSON", "JSON escapes", "x escapes", "HTML decimal"),
    *("gzip", "zlib", "xz", "zip", "base64 of gzip", "hex of zlib", "xxd"),
]
_ALL: dict[str, Callable[[str], bytes]] = {**DIRECT, **NESTED}


@pytest.fixture
def canaries() -> Canaries:
    return Canaries()


def written(folder: Path, data: bytes) -> dict[str, bytes]:
    """A file as a search of a gateway's folder comes across it."""
    (folder / "below").mkdir()
    (folder / "below" / "file").write_bytes(b"before\n" + data + b"\nbehind")
    return writings.of_folder(folder)


@pytest.mark.parametrize("form", FORMS)
def test_a_canary_is_found_in_any_form(canaries: Canaries, tmp_path: Path, form: str) -> None:
    word = canaries.word("a way", "a field")

    seen = canaries.sightings(written(tmp_path, _ALL[form](word)))

    assert any(line.startswith("below/file: canary of a way, a field") for line in seen)


@pytest.mark.parametrize("half", [0, 1])
def test_half_a_canary_is_found(canaries: Canaries, tmp_path: Path, half: int) -> None:
    word = canaries.word("a way", "a field")
    parts = word[:20], word[20:]

    seen = canaries.sightings(written(tmp_path, parts[half].encode()))

    assert seen == [f"below/file: a canary's {('first', 'second')[half]} half, raw"]


@pytest.mark.parametrize("half", [0, 1])
def test_half_a_secret_is_found(canaries: Canaries, tmp_path: Path, half: int) -> None:
    secret = canaries.also("a key", "5f0LrTz8QmWc2VxN7bJd9KsYh4GpEa6U1tRiOq3B")
    parts = secret[:20], secret[20:]

    seen = canaries.sightings(written(tmp_path, codecs.encode(parts[half].encode(), "hex")))

    assert seen == [f"below/file: a key, {('first', 'second')[half]} half, hex"]


def test_what_cannot_be_unpacked_is_told(canaries: Canaries, tmp_path: Path) -> None:
    frame = b"\x28\xb5\x2f\xfd" + b"\x24\x05\x29\x00\x00hello"  # RFC 8878, 3.1.1: zstd

    seen = canaries.sightings(written(tmp_path, frame))

    assert seen == ["below/file: a zstd frame has no decoder here"]


def test_what_is_harmless_is_not_seen(canaries: Canaries, tmp_path: Path) -> None:
    canaries.word("a way", "a field")
    near = TAIL[:-1] + "q"

    assert canaries.sightings(written(tmp_path, zlib.compress(near.encode()))) == []
