"""Every byte of an artefact is in one class, whatever it holds and however it arrives."""

import gzip
import os
import random
import zlib
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.canary.mint import Mint
from conformance.model.coverage import Artefact, DecodedBytes
from conformance.scan.engine import canary_engine
from conformance.scan.tally import Tally, is_opaque
from tests.scan.searching import KEY, scan

ENGINE = canary_engine(Mint(KEY))
TEXT = b"the ferry leaves before the train, and nobody in town knows why\n"
_noise = random.Random(1)
PARTS = (
    TEXT * 30,
    gzip.compress(TEXT * 900),
    zlib.compress(TEXT * 3),
    gzip.compress(TEXT * 90)[:60],
    _noise.randbytes(70_000),
    bytes(5000),
    b"PK\x03\x04" + TEXT,
    b"\x78\x9c" * 40,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=6), st.lists(st.integers(0, 300_000), max_size=5))
def test_the_ledger_adds_up(parts: list[bytes], cuts: list[int]) -> None:
    data = b"".join(parts)
    ends = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    tally = Tally()

    artefact = ENGINE.scan((data[a:b] for a, b in pairwise(ends)), lambda _: None, tally, "item")

    assert artefact.adds_up()
    assert artefact.size == len(data) == tally.coverage().bytes_raw
    assert tally.coverage().bytes_plain() == artefact.plain


def test_bytes_are_told_apart_by_what_read_them() -> None:
    packed = gzip.compress(TEXT * 4000)
    noise = os.urandom(200_000)

    _, coverage = scan(ENGINE, [TEXT * 2000 + packed + noise])
    (artefact,) = coverage.artefacts

    assert artefact.decoded == (DecodedBytes(by="gzip", bytes=len(packed)),)
    assert abs(artefact.opaque - len(noise)) <= 2 << 16
    assert artefact.adds_up()


def test_a_stream_longer_than_any_window_is_decoded_to_its_last_byte() -> None:
    source = random.Random(2)
    packed = gzip.compress(b"".join(b"%d\n" % source.getrandbits(60) for _ in range(300_000)), 1)
    assert len(packed) > 2_500_000

    _, coverage = scan(ENGINE, [packed])

    assert coverage.decoded == (DecodedBytes(by="gzip", bytes=len(packed)),)
    assert coverage.bytes_opaque == 0


def test_what_could_not_be_read_is_a_class_of_its_own() -> None:
    tally = Tally()

    def broken() -> Iterator[bytes]:
        yield TEXT
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        ENGINE.scan(broken(), lambda _: None, tally, "item")
    tally.lost("item", "gone", unread=100)
    coverage = tally.coverage()

    assert (coverage.bytes_unread, coverage.unreadable) == (100, 1)
    assert all(artefact.adds_up() for artefact in coverage.artefacts)


@pytest.mark.parametrize(
    ("block", "opaque"),
    [
        (os.urandom(4096), True),
        (zlib.compress(os.urandom(4096)), True),
        (os.urandom(4096).hex().encode(), False),
        (TEXT * 64, False),
        (os.urandom(100), False),  # too little to say
        (bytes(range(256)) * 16, True),
    ],
    ids=range(6),  # random bytes are others in each process that collects
)
def test_opaque_is_what_no_pattern_can_be_seen_in(block: bytes, opaque: bool) -> None:
    assert is_opaque(block) == opaque


def test_a_ledger_that_does_not_add_up_is_noticed() -> None:
    assert not Artefact(item="a", size=10, plain=3, opaque=6).adds_up()
    assert Artefact(item="a", size=10, plain=3, opaque=6, unread=1).adds_up()
