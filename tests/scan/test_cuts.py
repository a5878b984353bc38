"""Texts that a store has cut up are put together again; what is no more than a beginning is called that."""

import json

import pytest

from conformance.canary.mint import Mint
from conformance.scan.engine import canary_engine
from tests.scan.searching import KEY, scan

MINT = Mint(KEY)
ATOM = MINT.atom("success", "user")
ENGINE = canary_engine(MINT)
BEFORE = "a line of a log that has nothing to do with it\n" * 40


def _pieces(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def _pairs(text: str) -> str:
    return " ".join(f"{ord(b):02x}{ord(a):02x}" for a, b in zip(text[::2], text[1::2], strict=True))


CUT = {
    "numbered lines": "\n".join(f"{n:04d}: {piece}" for n, piece in enumerate(_pieces(ATOM, 6))),
    "quoted lines": "\n> ".join(_pieces(ATOM, 9)),
    "comments": "\n# ".join(_pieces(ATOM, 5)),
    "hyphens": "-".join(_pieces(ATOM, 4)),
    "a hyphen between any two": "-".join(ATOM),
    "blanks in lower case": " ".join(ATOM.lower()),
    "a list of characters": json.dumps(list(ATOM)),
    "events of another make": "\n".join(
        json.dumps({"seq": 40 + n, "at": f"12:00:{n:02d}.5", "piece": piece})
        for n, piece in enumerate(_pieces(ATOM, 5))
    ),
    "log lines of another make": "\n".join(
        f"2026-01-02T03:04:{n:02d}Z worker={n % 3} id=9f{n}c part <{piece}>"
        for n, piece in enumerate(_pieces(ATOM, 4))
    ),
    "od -x": "".join(
        f"{8 * n:07o} {_pairs(piece)}\n" for n, piece in enumerate(_pieces(f"{ATOM}\n", 16), start=3)
    ),
}


@pytest.mark.parametrize("stored", CUT.values(), ids=CUT.keys())
def test_an_atom_is_read_out_of(stored: str) -> None:
    found, _ = scan(ENGINE, [(BEFORE + stored + "\n" + BEFORE).encode()])

    assert [one.canary.sequence for one in found if one.canary] == [0]
    assert [one.offset >= len(BEFORE) - 60 for one in found] == [True]


@pytest.mark.parametrize("gap", [b"\x02", b"Z", b"\xff\x10", b"ab\x90"])
@pytest.mark.parametrize("kept", [1, 3, 8, 12, 20, 26])
def test_an_atom_is_mended_where_control_bytes_interrupt_it(gap: bytes, kept: int) -> None:
    stored = ATOM[:kept].encode() + gap + ATOM[kept:].encode()

    found, _ = scan(ENGINE, [BEFORE.encode() + stored + BEFORE.encode()])

    assert {one.canary.sequence for one in found if one.canary} == {0}


def test_the_first_eight_characters_are_a_sighting_that_says_so() -> None:
    found, _ = scan(ENGINE, [f"{BEFORE}prompt: {ATOM[:9]}… {BEFORE}".encode()])

    assert [(one.form, one.canary, one.offset) for one in found] == [
        ("first 8 characters", None, len(BEFORE) + 8)
    ]


@pytest.mark.parametrize("stored", [ATOM[:7], ATOM[1:8], ATOM[13:], ATOM[:4] + "...." + ATOM[8:12]])
def test_less_is_none(stored: str) -> None:
    assert scan(ENGINE, [f"{BEFORE}{stored} {BEFORE}".encode()])[0] == []
