"""Parquet pages are read without the file's end, whatever packed them; a codec that is missing is a gap."""

import gzip
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.canary.mint import Mint
from conformance.scan.engine import canary_engine
from conformance.scan.inflate import brotli, here
from conformance.scan.parquet import ParquetPages, begins_pages
from tests.scan import compressors
from tests.scan.recorded_streams import BROTLI, ZSTD
from tests.scan.searching import KEY, scan
from tests.scan.texts import prompt

MINT = Mint(KEY)
TEXT = prompt(MINT, 300).encode()
ENGINE = canary_engine(MINT)
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "nothing": bytes,
    "gzip": gzip.compress,
    "snappy": compressors.snappy_block,
    "lz4": compressors.lz4_block,
}


def _zigzag(value: int) -> bytes:
    out, rest = bytearray(), value << 1
    while rest > 127:
        out.append(rest & 127 | 128)
        rest >>= 7
    return bytes([*out, rest])


def _integer(value: int) -> bytes:
    """The next field of a struct in Thrift's compact protocol, an i32."""
    return b"\x15" + _zigzag(value)


def _page(packed: bytes, plain: int) -> bytes:
    """A data page of the first version."""
    counts = b"\x2c" + _integer(1) + _integer(0) + _integer(3) + _integer(3) + b"\0"
    return _integer(0) + _integer(plain) + _integer(len(packed)) + counts + b"\0" + packed


def _second(levels: bytes, packed: bytes, plain: int) -> bytes:
    """A data page of the second version, whose levels lie in clear."""
    counts = b"\x5c" + b"".join(map(_integer, (1, 0, 1, 0, len(levels), 0))) + b"\x11\0"
    sizes = _integer(plain + len(levels)) + _integer(len(packed) + len(levels))
    return _integer(3) + sizes + counts + b"\0" + levels + packed


def _file(*pages: bytes) -> bytes:
    return b"PAR1" + b"".join(pages) + b"\x15\x02\x19\x4cfooter" + b"\x0a\0\0\0PAR1"


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS.keys())
def test_a_canary_is_found_in_pages_packed_by(pack: Callable[[bytes], bytes]) -> None:
    other = b"what stands in another column " * 9
    pages = (
        _page(pack(other), len(other)),
        _page(pack(TEXT), len(TEXT)),
        _second(b"\3\1", pack(TEXT), len(TEXT)),
    )

    found, coverage = scan(ENGINE, [_file(*pages)])

    assert {one.canary.sequence for one in found if one.canary} == {0}
    assert [d.by for d in coverage.decoded] == ["parquet"]
    assert coverage.deciding_gaps() == ()


def test_a_page_that_nothing_here_unpacks_is_a_gap() -> None:
    found, coverage = scan(ENGINE, [_file(_page(BROTLI, len(TEXT)), _page(TEXT[:99], 99))])

    assert bool(found) == here(brotli)
    assert bool(coverage.deciding_gaps()) != here(brotli)


def test_sizes_that_do_not_fit_are_a_gap() -> None:
    _, coverage = scan(ENGINE, [_file(_page(ZSTD[4:], len(TEXT) + 1))])

    assert "a Parquet page" in coverage.deciding_gaps()[0].reason


@pytest.mark.parametrize("cut", [1, 10, 700])
def test_pages_arrive_in_pieces_of_any_size(cut: int) -> None:
    data, reader = _file(_page(TEXT, len(TEXT)), _page(gzip.compress(TEXT), len(TEXT)))[4:], ParquetPages()

    out = [b"".join(reader.pieces(data[at : at + cut])) for at in range(0, len(data), cut)]

    assert b"".join(out) == TEXT + TEXT
    assert reader.eof


@given(st.binary(max_size=80))
def test_any_bytes_are_pages_or_none(data: bytes) -> None:
    assert begins_pages(data) in {True, False}
    assert b"".join(ParquetPages().pieces(data)) is not None
