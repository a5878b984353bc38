"""What a canary is besides its atom is found however it is stored, said to be what it is, and never seen where it is not."""

import base64
import gzip
import itertools
import json
import os
import random
import struct
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.canary.media import MEDIA
from conformance.canary.mint import Mint
from conformance.scan.engine import Engine, canary_engine
from conformance.scan.engines.choice import available
from conformance.scan.windows import CHUNK, TAIL
from tests.scan.searching import KEY, scan

MINT = Mint(KEY)
ATOMS = [MINT.atom("success", f"field {n}") for n in range(40)]
ENGINE = canary_engine(MINT)
PHRASE, NUMBER, VECTOR = MINT.phrase(ATOMS[7]), MINT.number(ATOMS[7]), MINT.vector(ATOMS[7], 3)
ENGINES = {engine.name: canary_engine(MINT, engines=[engine]) for engine in available()}

Write = Callable[[], bytes]


def varint(value: int) -> bytes:
    """As Protocol Buffers write an integer."""
    groups = [value >> 7 * place & 0x7F for place in range((value.bit_length() + 6) // 7)]
    return bytes(group | 0x80 for group in groups[:-1]) + bytes(groups[-1:])


def tokens(text: str) -> bytes:
    """One JSON object per word, as a tokenizer's output is logged."""
    lines = (json.dumps({"id": n, "token": word}) for n, word in enumerate(text.split()))
    return "\n".join(lines).encode()


WORDS: dict[str, bytes] = {
    "clear": PHRASE.encode(),
    "upper case": PHRASE.upper().encode(),
    "titles": PHRASE.title().encode(),
    "JSON": json.dumps({"prompt": PHRASE}).encode(),
    "a word per line": PHRASE.replace(" ", "\n").encode(),
    "escaped line breaks": json.dumps(PHRASE.replace(" ", "\n")).encode(),
    "a list of words": json.dumps(PHRASE.split()).encode(),
    "a token per line": tokens(PHRASE),
    "punctuation": PHRASE.replace(" ", "; ").encode(),
    "underscores": PHRASE.replace(" ", "_").encode(),
    "nothing between": PHRASE.replace(" ", "").encode(),
    "lines of twenty": "\n".join(PHRASE[at : at + 20] for at in range(0, len(PHRASE), 20)).encode(),
    "a break in the first word": (PHRASE[:3] + "-\n" + PHRASE[3:]).encode(),
    "UTF-16": PHRASE.encode("utf-16-le"),
    "gzip": gzip.compress(PHRASE.encode()),
    "a streamed answer": b"\n".join(
        b'data: {"choices":[{"delta":{"content":%s}}]}' % json.dumps(PHRASE[at : at + 4]).encode()
        for at in range(0, len(PHRASE), 4)
    ),
}
NUMBERS: dict[str, bytes] = {
    "number as decimal": b'{"seed": %d}' % NUMBER,
    "number as decimal, of a float": b"[%d.0]" % NUMBER,
    "number as decimal, alone": b"%d" % NUMBER,
    "number as hex": b"0x%x" % NUMBER,
    "number as hex, padded": b"%016X" % NUMBER,
    "number as int64": struct.pack("<q", NUMBER),
    "number as int64, big endian": struct.pack(">q", NUMBER),
    "number as float64": struct.pack("<d", NUMBER),
    "number as float64, big endian": struct.pack(">d", NUMBER),
    "number as varint": b"\x28" + varint(NUMBER),
}
VECTORS: dict[str, bytes] = {
    "vector as float32": struct.pack("<16f", *VECTOR),
    "vector as float64": struct.pack("<16d", *VECTOR),
    "vector as float16": struct.pack("<16e", *VECTOR),
    "vector as bfloat16": b"".join(struct.pack("<f", component)[2:] for component in VECTOR),
    "vector as text": json.dumps(VECTOR).encode(),
    "vector as text, compact": json.dumps(VECTOR, separators=(",", ":")).encode(),
    "vector as text, indented": json.dumps({"embedding": VECTOR}, indent=8).encode(),
    "vector as text, of numpy": " ".join(f"{component: .7f}" for component in VECTOR).encode(),
    **{
        f"vector as base64, alignment {shift}": base64.b64encode(
            b"_" * shift + struct.pack("<16f", *VECTOR) + b"_"
        )
        for shift in range(3)
    },
}
ALL = {**{f"words, {name}": data for name, data in WORDS.items()}, **NUMBERS, **VECTORS}


@pytest.mark.parametrize("how", ALL)
def test_a_canary_is_found_once_and_said_to_be_what_it_is(how: str) -> None:
    found, _ = scan(ENGINE, [b"before " + ALL[how] + b" behind"])

    copy = 3 if how.startswith("vector") else 0
    assert [(one.canary.sequence, one.canary.copy) for one in found if one.canary] == [(7, copy)]
    assert how.startswith(found[0].form)


@pytest.mark.parametrize(
    "stored",
    [
        b"1%d" % NUMBER,
        b"%d1" % NUMBER,
        b"0.%d" % NUMBER,
        b"%x0" % NUMBER,
        b"1%x" % NUMBER,
        b"%d" % (NUMBER + 1),
        struct.pack("<q", NUMBER + 1),
        struct.pack("<d", NUMBER + 0.125),
        varint(NUMBER)[1:],
        PHRASE[:-2].encode(),
        " ".join(reversed(PHRASE.split())).encode(),
        PHRASE.split()[0].encode() * 3,
        json.dumps(VECTOR[:-1]).encode(),
        json.dumps((*VECTOR[:-1], 0.5)).encode(),
        struct.pack("<15f", *VECTOR[:-1]) + b"\0\0\xc0\x7f",
    ],
)
def test_what_only_resembles_one_is_none(stored: bytes) -> None:
    assert scan(ENGINE, [b"before " + stored + b" behind"])[0] == []


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES.keys())
def test_every_engine_finds_all_of_them_in_one_corpus(engine: Engine) -> None:
    noise = random.Random(5)
    stored = [_written(number) for number in range(len(ATOMS))]
    corpus = b"".join(b"\n" + data + b"\n" + noise.randbytes(noise.randrange(2000)) for data in stored)

    found, _ = scan(engine, [corpus])

    assert {one.canary.sequence for one in found if one.canary} == set(range(len(ATOMS)))


def _written(number: int) -> bytes:
    """One canary in one form, another form for each."""
    atom = ATOMS[number]
    phrase, value, vector = MINT.phrase(atom), MINT.number(atom), MINT.vector(atom)
    ways: tuple[Write, ...] = (
        lambda: phrase.upper().encode(),
        lambda: phrase.replace(" ", "\r\n").encode(),
        lambda: b"%d" % value,
        lambda: b"%x" % value,
        lambda: struct.pack("<q", value),
        lambda: struct.pack(">d", value),
        lambda: varint(value),
        lambda: struct.pack("<16f", *vector),
        lambda: struct.pack("<16e", *vector),
        lambda: json.dumps(vector).encode(),
    )
    return ways[number % len(ways)]()


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 39), st.integers(0, 9), st.binary(max_size=60), st.lists(st.integers(0, 200), max_size=4)
)
def test_a_canary_is_found_wherever_the_stream_is_cut(
    number: int, shift: int, before: bytes, cuts: list[int]
) -> None:
    data = before + b"\0" * 8 + _written(number) + b"\0" * (8 + shift)
    ends = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]

    found, _ = scan(ENGINE, [data[start:end] for start, end in itertools.pairwise(ends)])

    assert number in {one.canary.sequence for one in found if one.canary}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 9), st.integers(-200, 20), st.sampled_from([CHUNK, CHUNK - (1 << 12), CHUNK - TAIL]))
def test_a_canary_is_found_once_where_two_windows_meet(number: int, shift: int, border: int) -> None:
    data = b"\0" * (border + shift) + b"\n" + _written(number) + b"\n" + b"\0" * (1 << 15)

    found, _ = scan(ENGINE, [data])

    assert [one.canary.sequence for one in found if one.canary] == [number]


@pytest.mark.parametrize("kind", MEDIA)
def test_media_may_carry_words(kind: str) -> None:
    found, _ = scan(ENGINE, [MEDIA[kind]([PHRASE])])

    assert {one.canary.sequence for one in found if one.canary} == {7}


def test_a_phrase_next_to_its_atom_is_told_apart_from_it() -> None:
    found, _ = scan(ENGINE, [f"{ATOMS[7]} {PHRASE} {NUMBER}".encode()])

    assert [one.form for one in found] == ["raw", "words", "number as decimal"]


def test_nothing_is_seen_in_the_standard_library_and_in_random_bytes() -> None:
    root = Path(sysconfig.get_paths()["stdlib"])
    paths = sorted([*root.glob("*.py"), *root.glob("[a-j]*/*.py")])

    found, coverage = scan(ENGINE, itertools.chain((path.read_bytes() for path in paths), _random()))

    assert found == []
    assert coverage.bytes_raw > 12 << 20


def _random() -> Iterator[bytes]:
    yield from (os.urandom(1 << 20) for _ in range(4))
    noise = random.Random(6)
    yield b"".join(b"%d\n" % noise.randrange(10**14, 10**15) for _ in range(100_000))
    yield b"".join(struct.pack("<q", noise.randrange(2**49, 2**50)) for _ in range(100_000))
    yield b"".join(struct.pack("<d", noise.random() * 2**50) for _ in range(100_000))
    yield json.dumps([(2 * noise.randrange(128) - 127) / 128 for _ in range(100_000)]).encode()
