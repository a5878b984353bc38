"""Streams are found wherever they begin, and what they hold is told once, with where it lies."""

import base64
import bz2
import gzip
import lzma
import random
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from conformance.canary.mint import Mint
from conformance.scan.engine import Limits, canary_engine
from conformance.scan.frames import Lz4Frame, SnappyFrames
from conformance.scan.inflate import Broken, Inflater
from conformance.scan.job import Found
from conformance.scan.tally import Tally
from tests.scan import compressors
from tests.scan.searching import KEY, scan

MINT = Mint(KEY)
ATOM = MINT.atom("success", "user").encode()
ENGINE = canary_engine(MINT)
_noise = random.Random(7)
TEXT = b" ".join(b"%x" % _noise.getrandbits(40) for _ in range(300)) + b" " + ATOM + b" and so on"


def _lzip(data: bytes) -> bytes:
    raw = lzma.compress(data, lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16}])
    return b"LZIP\x01\x10" + raw + struct.pack("<IQQ", zlib.crc32(data), len(data), len(raw) + 26)


def _deflate(data: bytes) -> bytes:
    compress = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compress.compress(data) + compress.flush()


STREAMS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "zlib": ("zlib", zlib.compress),
    "bzip2": ("bzip2", bz2.compress),
    "xz": ("xz", lzma.compress),
    "LZMA Utils": ("lzma", lambda data: lzma.compress(data, lzma.FORMAT_ALONE)),
    "lzip": ("lzip", _lzip),
    "lz4 of lz4": ("lz4", lambda data: compressors.lz4_frame(zlib.compress(data))),
    "snappy frames": ("snappy", lambda data: compressors.snappy_frames(zlib.compress(data))),
}
VALUES: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "raw deflate": ("deflate", _deflate),
    "raw LZMA2": (
        "lzma2",
        lambda data: lzma.compress(data, lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2}]),
    ),
    "raw LZMA1": (
        "lzma1",
        lambda data: lzma.compress(data, lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA1}]),
    ),
}


@pytest.mark.parametrize(("name", "pack"), STREAMS.values(), ids=STREAMS.keys())
@pytest.mark.parametrize("before", [0, 1, 5000, (1 << 20) - 30])
def test_a_stream_is_found_wherever_it_begins(name: str, pack: Callable[[bytes], bytes], before: int) -> None:
    found, _ = scan(ENGINE, [b"." * before + pack(TEXT) + b"." * 2000])

    assert {(one.offset, one.chain[0]) for one in found} == {(before, name)}
    assert {one.canary.sequence for one in found if one.canary} == {0}


@pytest.mark.parametrize(("name", "pack"), VALUES.values(), ids=VALUES.keys())
@pytest.mark.parametrize(
    "before", [b"", b"a row\n\0", b"HTTP/1.1 200 OK\r\ncontent-encoding: deflate\r\n\r\n"]
)
def test_a_value_without_any_header_is_tried_where_values_begin(
    name: str, pack: Callable[[bytes], bytes], before: bytes
) -> None:
    found, _ = scan(ENGINE, [before + pack(TEXT) + b"\n\0another"])

    assert [(one.offset, one.chain) for one in found] == [(max(0, len(before)), (name,))]


def test_the_same_stream_elsewhere_in_an_item_is_told_too() -> None:
    packed = gzip.compress(TEXT, mtime=0)

    found, coverage = scan(ENGINE, [packed + b"." * 100 + packed + b"." * 100 + packed])

    assert [one.offset for one in found] == [0, len(packed) + 100, 2 * len(packed) + 200]
    assert coverage.bytes_decoded < 2 * len(TEXT)


def test_a_stream_that_held_nothing_is_not_decoded_again_in_another_item() -> None:
    engine = canary_engine(MINT)
    packed = gzip.compress(TEXT.replace(ATOM, b"nothing"), mtime=0)

    first, second = scan(engine, [packed])[1], scan(engine, [b"x" + packed])[1]

    assert (first.bytes_decoded > len(TEXT) - 50, second.bytes_decoded) == (True, 0)
    assert first.decoded == second.decoded


def test_a_stream_that_held_something_is_decoded_wherever_it_lies() -> None:
    engine = canary_engine(MINT)
    packed = gzip.compress(TEXT, mtime=0)

    assert [len(scan(engine, [packed])[0]) for _ in range(2)] == [1, 1]


@pytest.mark.parametrize("cut", [1, 7, 100, 5000])
@pytest.mark.parametrize(
    ("pack", "reader"),
    [(compressors.lz4_frame, Lz4Frame), (compressors.snappy_frames, SnappyFrames)],
)
def test_frames_are_read_in_pieces_of_any_size(
    pack: Callable[[bytes], bytes], reader: Callable[[], Inflater], cut: int
) -> None:
    packed, inflater = pack(TEXT), reader()

    out = b"".join(
        piece for at in range(0, len(packed), cut) for piece in inflater.pieces(packed[at : at + cut])
    )

    assert out == TEXT


@pytest.mark.parametrize(
    "broken", [b"\x04\x22\x4d\x18\x20\x70\x00", b"\x04\x22\x4d\x18\x60\x70\x00\xff\xff\xff\x7f"]
)
def test_a_broken_frame_is_broken(broken: bytes) -> None:
    with pytest.raises(Broken):
        list(Lz4Frame().pieces(broken))


def test_decoding_that_takes_too_long_is_a_gap() -> None:
    engine = replace(ENGINE, limits=Limits(seconds=0.0))
    packed = gzip.compress(b"".join(b"%d" % number for number in range(200_000)))

    _, coverage = scan(engine, [packed])

    assert [(gap.deciding, gap.reason) for gap in coverage.gaps] == [(True, "takes more than 0 s to decode")]


def test_more_beginnings_than_can_be_followed_are_a_gap_and_hide_no_atom() -> None:
    found, coverage = scan(ENGINE, [b"\x78\x9c" * 400_000 + ATOM])

    assert [one.form for one in found] == ["raw"]
    assert "so many beginnings" in coverage.deciding_gaps()[0].reason


def test_a_table_of_short_numbers_is_followed_value_by_value() -> None:
    rows = b"".join(b"\n\0%d" % (number % 90 + 10) for number in range(250_000))
    packed = _deflate(random.Random(6).randbytes(300).hex().encode() + ATOM)

    found, coverage = scan(ENGINE, [rows + b"\n\0" + packed])

    assert [one.chain for one in found] == [("deflate",)]
    assert coverage.deciding_gaps() == ()


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (compressors.seven_zip_start(), "a 7z archive"),
        (b"Rar!\x1a\x07\x01\x00" + bytes.fromhex("3392b5e50a01050600050101808000"), "a RAR archive"),
        (b"Rar!\x1a\x07\x00" + bytes.fromhex("cf907300000d00000000000000"), "a RAR archive"),
        (b"PK\x03\x04\x14\x00\x01\x00\x08\x00" + bytes(16) + b"\x01\x00\x00\x00a", "an encrypted zip entry"),
    ],
)
def test_what_nothing_here_decodes_is_a_gap(data: bytes, what: str) -> None:
    _, coverage = scan(ENGINE, [b"head " + data + b" tail" * 20])

    assert [gap.reason for gap in coverage.deciding_gaps()] == [f"{what} has no decoder here"]


def test_a_list_of_magics_is_no_archive() -> None:
    names = b"7z\xbc\xaf\x27\x1c\0 7-zip\0Rar!\x1a\x07\x01\0 RAR v5\0Rar!\x1a\x07\0 RAR\0PK\x03\x04 Zip, and a few words more\0"

    _, coverage = scan(ENGINE, [names])

    assert coverage.deciding_gaps() == ()


@pytest.mark.parametrize(
    ("pack", "shift"),
    [*((pack, shift) for pack in (gzip.compress, bz2.compress) for shift in range(3)), (zlib.compress, 0)],
)
@pytest.mark.parametrize(
    "write", [base64.b64encode, base64.urlsafe_b64encode, lambda data: data.hex().encode()]
)
def test_a_stream_in_digits_is_found_whatever_shares_its_first_digit(
    pack: Callable[[bytes], bytes], shift: int, write: Callable[[bytes], bytes]
) -> None:
    found, _ = scan(ENGINE, [b'{"blob": "' + write(b"vv"[:shift] + pack(TEXT)) + b'"}'])

    assert {one.canary.sequence for one in found if one.canary} == {0}


def test_a_quick_look_decodes_nothing() -> None:
    found, coverage = scan(replace(ENGINE, deep=False), [gzip.compress(TEXT) + b"..." + ATOM])

    assert [one.chain for one in found] == [()]
    assert coverage.bytes_decoded == 0


@pytest.mark.parametrize("size", [90, 300, 900])
def test_bytes_that_happen_to_be_a_stream_without_a_header_hide_none_behind_them(size: int) -> None:
    text = MINT.text(ATOM.decode(), size).encode()

    found, coverage = scan(
        ENGINE, [b"some " + gzip.compress(text, mtime=0)]
    )  # "some" begins a deflate stream

    assert {(one.canary.sequence, one.chain) for one in found if one.canary} == {(0, ("gzip",))}
    assert sum(decoded.bytes for decoded in coverage.decoded) <= coverage.bytes_raw


@pytest.mark.parametrize("wrap", [zlib.compress, gzip.compress], ids=["zlib", "gzip"])
def test_what_is_nested_too_deep_for_us_leaves_its_absence_undecided(wrap: Callable[[bytes], bytes]) -> None:
    mint = Mint(b"nested" * 6)
    data = mint.text(mint.atom("success", "user")).encode()
    for _ in range(7):
        data = wrap(data + bytes(200))  # a stream that only copied its input would hide nothing
    tally = Tally()
    found: list[Found] = []

    canary_engine(mint).scan([data], found.append, tally, "item")

    assert not found
    assert [gap.reason for gap in tally.coverage().deciding_gaps()] == ["nested deeper than 6 encodings"]


def test_random_values_in_rows_are_taken_for_no_streams_that_hold_their_own_beginnings_again() -> None:
    source = random.Random(1)
    rows = b"".join(value + b"\n\0" for number in range(200) for value in _row_of_a_key(number, source))
    engine = replace(ENGINE, limits=Limits(allowance=1 << 20, ratio=1))

    found, coverage = scan(engine, [rows])

    assert not found
    assert not coverage.deciding_gaps()


def _row_of_a_key(number: int, source: random.Random) -> tuple[bytes, ...]:
    name, account = b"key_" + source.randbytes(8).hex().encode(), b"acct_%d" % number
    salt, digest, created = source.randbytes(16), source.randbytes(32), b"%d" % source.randrange(10**9)
    return name, account, b"audit", salt, digest, b"1", b"0", b"0", created, b"1764190000", b""
