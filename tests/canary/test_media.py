"""Media that carry canaries are valid, and hold them in clear."""

import io
import re
import struct
import wave
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.canary.media import MEDIA, data_url, jpeg, pdf, png, wav
from conformance.canary.mint import Mint
from tests.scan.searching import KEY, canaries

each = pytest.mark.parametrize("kind", MEDIA)
texts = st.lists(st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=1, max_size=80))
several = texts.filter(bool)


@each
@given(st.integers(1, 40))
def test_every_atom_lies_in_clear_at_least_once(kind: str, count: int) -> None:
    mint = Mint(KEY)
    atoms = [mint.atom("success", "file") for _ in range(count)]

    data = MEDIA[kind](atoms)

    assert {data.count(atom.encode()) > 0 for atom in atoms} == {True}


@each
def test_the_scan_finds_them_in_a_data_url(kind: str) -> None:
    mint = Mint(KEY)
    atoms = [mint.atom("success", f"file {n}") for n in range(3)]

    seen = canaries(mint, data_url(kind, MEDIA[kind](atoms)).encode())

    assert {canary.field for canary in seen} == {"file 0", "file 1", "file 2"}


@given(several)
def test_an_image_has_sound_chunks_and_the_pixels_that_it_promises(atoms: list[str]) -> None:
    data = png(atoms)

    chunks = list(_chunks(data))
    width, height, depth = struct.unpack(">IIB", chunks[0][1][:9])
    pixels = zlib.decompress(dict(chunks)[b"IDAT"])
    assert [kind for kind, _ in chunks] == [b"IHDR", b"tEXt", b"IDAT", b"IEND"]
    assert (depth, len(pixels)) == (8, height * (width + 1))
    assert set(pixels[:: width + 1]) == {0}
    assert all(atom.encode() in pixels for atom in atoms)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 8
    while place < len(data):
        size = int.from_bytes(data[place : place + 4])
        kind, content = data[place + 4 : place + 8], data[place + 8 : place + 8 + size]
        assert int.from_bytes(data[place + 8 + size : place + 12 + size]) == zlib.crc32(kind + content)
        yield kind, content
        place += 12 + size


@given(several)
def test_a_photograph_is_a_row_of_segments_with_a_comment(atoms: list[str]) -> None:
    data = jpeg(atoms)

    segments = dict(_segments(data))
    assert data.startswith(b"\xff\xd8\xff\xe0")
    assert data.endswith(b"\xff\xd9")
    assert segments[0xFE] == " ".join(atoms).encode()
    assert segments[0xC0] == b"\x08\0\x20\0\x20\x01\x01\x11\0"
    assert list(segments)[-1] == 0xDA


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    place = 2
    while data[place + 1] != 0xD9 and data[place] == 0xFF:
        size = int.from_bytes(data[place + 2 : place + 4])
        yield data[place + 1], data[place + 4 : place + 2 + size]
        place += 2 + size


@given(several)
def test_a_sound_is_read_by_the_standard_library(atoms: list[str]) -> None:
    data = wav(atoms)

    with wave.open(io.BytesIO(data)) as sound:
        samples = sound.readframes(sound.getnframes())
        shape = (sound.getnchannels(), sound.getsampwidth(), sound.getframerate())
    assert shape == (1, 1, 8000)
    assert samples.startswith(" ".join(atoms).encode())
    assert len(samples) >= 1600
    assert int.from_bytes(data[4:8], "little") == len(data) - 8


@given(several)
def test_a_document_lists_where_its_objects_are(atoms: list[str]) -> None:
    data = pdf(atoms)

    table = int(data.split(b"startxref\n")[1].split()[0])
    places = [int(line.split()[0]) for line in data[table:].splitlines() if line.endswith(b" n ")]
    content = re.search(rb"/Length (\d+) >>\nstream\n(.*)\nendstream", data, re.DOTALL)
    assert data[table:].startswith(b"xref\n0 8\n")
    assert [data[place:].split(b"\n")[0] for place in places] == [b"%d 0 obj" % n for n in range(1, 8)]
    assert content is not None
    assert int(content[1]) == len(content[2])


@each
@pytest.mark.parametrize("atoms", [[], ["é"], ["x" * 60_001]], ids=["none", "not ASCII", "too long"])
def test_what_cannot_be_carried_is_refused(kind: str, atoms: list[str]) -> None:
    with pytest.raises(ValueError, match=r"at least one atom|ascii"):
        MEDIA[kind](atoms)


def test_a_data_url_names_the_type() -> None:
    assert data_url("png", b"abc") == "data:image/png;base64,YWJj"
