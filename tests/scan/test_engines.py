"""All engines that can be loaded find the same, in any bytes and by any number of threads."""

import os
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.canary.mint import Mint
from conformance.scan.engine import Engine, Found, canary_engine
from conformance.scan.engines import interface
from conformance.scan.engines.choice import NoEngineError, available, choose, missed
from conformance.scan.engines.interface import FloodedError, Hits
from conformance.scan.tally import Tally
from conformance.scan.windows import TAIL
from tests.scan.matrix import MATRIX
from tests.scan.searching import KEY
from tests.scan.texts import prompt

ENGINES = {engine.name: engine for engine in available()}
each = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES.keys())


def test_an_engine_is_always_there() -> None:
    assert "ahocorasick-rs" in ENGINES


@each
@settings(deadline=None)
@given(
    patterns=st.sets(st.binary(min_size=2, max_size=20), min_size=1, max_size=30),
    noise=st.binary(max_size=200),
)
def test_every_pattern_is_found_where_it_lies(
    engine: interface.Engine, patterns: set[bytes], noise: bytes
) -> None:
    ordered = sorted(patterns)
    data = noise + b"\x00" * 64 + ordered[-1]

    hits = engine.compile(ordered).scan(data, 100_000)

    assert len(data) in {end for _, end in hits}
    assert all(data.endswith(ordered[number], 0, end) for number, end in hits)


@each
def test_no_byte_ends_a_pattern(engine: interface.Engine) -> None:
    patterns = [b"A\0B\0C\0", b"\0\0\1", b"a.c", b"(x", b"\xff\xfe", b"$^"]

    assert missed(engine.compile(patterns), patterns) == 0
    assert engine.compile(patterns).scan(b"A B C abc A", 100) == []


@each
def test_what_several_passes_find_is_told_in_order(engine: interface.Engine) -> None:
    source = random.Random(5)
    patterns = [source.randbytes(4 + number % 30) for number in range(120)]
    data = b"..".join(source.sample(patterns, len(patterns)))

    hits = engine.compile(patterns).scan(data, 1000)

    assert {number for number, _ in hits} == set(range(120))
    assert [end for _, end in hits] == sorted(end for _, end in hits)


@each
def test_memory_of_ours_is_scanned_in_place_and_slices_of_it_too(engine: interface.Engine) -> None:
    memory = memoryview(bytearray(b"..needle...needle"))

    matcher = engine.compile([b"needle"])

    assert matcher.scan(memory, 10) == [(0, 8), (0, 17)]
    assert matcher.scan(memory[3:], 10) == [(0, 14)]
    assert matcher.scan(bytes(memory[2:8]), 10) == [(0, 6)]


@each
def test_a_flood_of_matches_is_told_apart_from_none(engine: interface.Engine) -> None:
    with pytest.raises(FloodedError):
        engine.compile([b"xy"]).scan(b"xy" * 100, 99)


@each
def test_threads_scan_with_one_matcher_at_once(engine: interface.Engine) -> None:
    matcher = engine.compile([b"needle", b"another"])
    pieces = [os.urandom(1 << 16) + b"needle" * (number % 3) for number in range(40)]

    with ThreadPoolExecutor(4) as pool:
        counts = [len(hits) for hits in pool.map(lambda piece: matcher.scan(piece, 100), pieces)]

    assert counts == [number % 3 for number in range(40)]


def test_all_engines_see_the_same_canaries_in_the_same_corpus() -> None:
    mint = Mint(KEY)
    noise = random.Random(3)
    corpus = b"".join(
        write(prompt(mint, 40, number)) + b"\n" + noise.randbytes(noise.randrange(9000))
        for number, write in enumerate(MATRIX.values())
    )

    seen = {name: _canaries(mint, corpus, engine) for name, engine in ENGINES.items()}

    first = seen["ahocorasick-rs"]
    assert len(first) >= 50
    assert seen == dict.fromkeys(seen, first)


def test_threads_and_their_number_change_nothing() -> None:
    mint = Mint(KEY)
    noise = random.Random(4)
    data = b"".join(noise.randbytes(300_000) + prompt(mint, 4, number).encode() for number in range(15))
    assert len(data) > 4 * (1 << 20) > TAIL

    found = [_found(replace(canary_engine(mint), threads=threads), data) for threads in (1, 2, 5)]

    assert len(found[0]) == 15
    assert found[1:] == found[:1] * 2


class _Blind:
    def scan(self, data: bytes | memoryview, most: int) -> Hits:
        return []


def _blind(patterns: Sequence[bytes]) -> _Blind:
    return _Blind()


def test_an_engine_that_misses_what_was_planted_is_turned_down() -> None:
    blind = interface.Engine(name="blind", version="1", compile=_blind)

    chosen = choose([b"needle"], [blind, ENGINES["ahocorasick-rs"]])

    assert (chosen.engine, chosen.turned_down) == ("ahocorasick-rs", ("blind 1 misses what was planted",))
    with pytest.raises(NoEngineError, match="blind 1 misses"):
        choose([b"needle"], [blind])


def test_the_record_says_who_searched() -> None:
    record = canary_engine(Mint(KEY)).record()

    assert record.name in ENGINES
    assert record.version
    assert record.patterns > 500


def _canaries(mint: Mint, data: bytes, engine: interface.Engine) -> set[int]:
    found = _found(canary_engine(mint, engines=[engine]), data)
    return {one.canary.sequence for one in found if one.canary}


def _found(engine: Engine, data: bytes) -> list[Found]:
    found: list[Found] = []
    engine.scan([data], found.append, Tally())
    return found
