"""Block formats are read whole, and from the middle on."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.canary.mint import Mint
from conformance.scan import blocks
from tests.scan import compressors
from tests.scan.searching import KEY, canaries
from tests.scan.texts import prompt

texts = st.lists(st.sampled_from([b"ferry ", b"train ", b"\0\xff", b"a" * 90, b"1234567890 "]), max_size=80)


@given(texts)
def test_what_was_compressed_reads_back(words: list[bytes]) -> None:
    data = b"".join(words)
    assert blocks.lz4_block(compressors.lz4_block(data)) == data
    assert blocks.snappy_block(compressors.snappy_block(data)) == data
    assert blocks.lzf(compressors.lzf(data), len(data)) == data
    assert blocks.pglz(compressors.pglz(data), len(data)) == data


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for read in (blocks.lz4_block, blocks.snappy_block, lambda some: blocks.lzf(some, 1000)):
        with suppress(blocks.BadBlock):
            assert isinstance(read(data), bytes)
    assert len(blocks.pglz(data, 1000)) < 1300


@pytest.mark.parametrize(
    ("read", "block"),
    [
        (blocks.lz4_block, b"\x10a\x09\x00\x00"),  # copies from before its beginning
        (blocks.lz4_block, b"\x50ab"),  # ends in its literals
        (blocks.lz4_block, b"\xf0"),
        (blocks.snappy_block, b"\x05\x00a"),  # is shorter than it says
        (blocks.snappy_block, b"\xff\xff\xff\xff\xff\x01"),
        (blocks.snappy_block, b"\x04\x0ca"),
        (lambda data: blocks.lzf(data, 10), b"\x20\x00"),
    ],
)
def test_a_block_that_is_none_is_refused(read: Callable[[bytes], bytes], block: bytes) -> None:
    with pytest.raises(blocks.BadBlock):
        read(block)


@pytest.mark.parametrize(
    ("compress", "least"),
    [
        (compressors.pglz, 0.98),
        (compressors.lzf, 0.98),
        (compressors.lz4_block, 0.98),
        (compressors.snappy_block, 0.98),
    ],
)
@pytest.mark.parametrize(("words", "rows"), [(500, 60), (3300, 20)])
def test_canaries_are_read_out_of_rows_of(
    compress: Callable[[bytes], bytes], least: float, words: int, rows: int
) -> None:
    mint = Mint(KEY)
    data = b"".join(b"\x07row\0" + compress(prompt(mint, words, seed).encode()) for seed in range(rows))
    assert len({canary.sequence for canary in canaries(mint, data)}) >= least * rows
