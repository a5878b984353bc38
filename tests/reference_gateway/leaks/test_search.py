"""The search finds what must be found: an absence is worth as much as the eyes that saw it."""

import base64
import codecs
import struct
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
SECRET = "5f0LrTz8QmWc2VxN7bJd9KsYh4GpEa6U1tRiOq3B"
# The secret and a sentence behind it, by `zstd -19`.
ZSTD = (
    "KLUv/WAfAC0EAIJHGhhA2wGv5dsNZeQ2DFb7sHcYHjAmTIZhjAnZXWzVL/Ce8UV/7Np0cwy3zg6+xf6hjdExNxeOfloPG1/72U/n"
    "sG3137v28MU/iu1f7oUopUtlwTosQzbFl5mPwjkaEqXXsGHilKzVQ0FnBAkA2Y9UXsDHdNgUboO2DAH/zuaBDM9rQgE="
)
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
    secret = canaries.also("a key", SECRET)
    parts = secret[:20], secret[20:]

    seen = canaries.sightings(written(tmp_path, codecs.encode(parts[half].encode(), "hex")))

    assert seen == [f"below/file: a key, {('first', 'second')[half]} half, hex"]


def test_what_cannot_be_unpacked_is_told(canaries: Canaries, tmp_path: Path) -> None:
    entry = struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, 1, 8, 0, 0, 0, 9, 9, 4, 0) + b"name" + bytes(64)

    seen = canaries.sightings(written(tmp_path, entry))

    assert seen == ["below/file: an encrypted zip entry has no decoder here"]


def test_a_frame_of_zstd_is_unpacked_or_told(canaries: Canaries, tmp_path: Path) -> None:
    """Python has a decoder from version 3.14 on."""
    canaries.also("a key", SECRET)
    frame = base64.b64decode(ZSTD)

    seen = canaries.sightings(written(tmp_path, frame))

    assert SECRET[:6].encode() not in frame
    assert any(line.startswith("below/file: a ") for line in seen)


def test_what_is_harmless_is_not_seen(canaries: Canaries, tmp_path: Path) -> None:
    canaries.word("a way", "a field")
    near = TAIL[:-1] + "q"

    assert canaries.sightings(written(tmp_path, zlib.compress(near.encode()))) == []
