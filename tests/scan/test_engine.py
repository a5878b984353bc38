"""The engine finds an atom once, wherever the stream is cut, and nothing that is not there."""

import base64
import bz2
import gzip
import os
import random
import tracemalloc
import zlib
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.canary.forms import Form, forms
from conformance.canary.mint import LENGTH, Mint
from conformance.scan import engine as engine_module
from conformance.scan import inflate
from conformance.scan.engine import Limits, canary_engine, secret_engine
from tests.scan.searching import KEY, canaries, scan

MINT = Mint(KEY)
ATOM = MINT.atom("success", "user")
ENGINE = canary_engine(MINT)
FORMS = forms(MINT.marker, LENGTH)
STEP = 1 << 18  # bytes that the engine gathers before it looks


def _cut(data: bytes, cuts: list[int]) -> list[bytes]:
    ends = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(ends)]


@given(
    before=st.binary(max_size=80),
    after=st.binary(max_size=80),
    cuts=st.lists(st.integers(0, 190), max_size=6),
)
def test_a_canary_is_found_once_wherever_the_stream_is_cut(
    before: bytes, after: bytes, cuts: list[int]
) -> None:
    found, _ = scan(ENGINE, _cut(before + ATOM.encode() + after, cuts))
    assert [f.offset for f in found if f.canary] == [len(before)]


@settings(max_examples=30, deadline=None)
@given(st.integers(-120, 120), st.sampled_from(["raw", "base64", "hex", "gzip", "wrapped"]))
def test_a_canary_is_found_once_across_the_steps_of_the_engine(shift: int, how: str) -> None:
    text = f"and {ATOM} so".encode()
    stored = {
        "raw": text,
        "base64": base64.b64encode(text),
        "hex": text.hex().encode(),
        "gzip": gzip.compress(text),
        "wrapped": b"\n".join(text[i : i + 9] for i in range(0, len(text), 9)),
    }[how]
    data = b" " * (STEP + shift - len(stored) // 2) + stored + b" " * 5000
    found, _ = scan(ENGINE, [data])
    assert [f.canary.sequence for f in found if f.canary] == [0]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.name}-{form.pattern[:6].hex()}")
def test_every_pattern_is_found_among_random_bytes(form: Form) -> None:
    for seed in range(5):
        noise = random.Random(seed)
        data = noise.randbytes(noise.randrange(400)) + form.pattern + noise.randbytes(noise.randrange(400))
        found, _ = scan(ENGINE, [data])
        assert found


def test_random_data_holds_no_sighting() -> None:
    found, coverage = scan(ENGINE, (os.urandom(1 << 20) for _ in range(8)))
    assert found == []
    assert coverage.bytes_raw == 8 << 20
    assert coverage.bytes_opaque == 8 << 20


def test_the_canaries_of_another_run_are_no_sightings() -> None:
    other = Mint(b"the key of another run")
    assert canaries(MINT, other.text(other.atom("success", "user")).encode()) == []


def test_a_truncated_atom_is_a_sighting_of_the_marker() -> None:
    found, _ = scan(ENGINE, [b"prompt: " + ATOM[:15].encode() + b"..."])
    assert [(f.canary, f.form, f.offset) for f in found] == [(None, "raw", 8)]


def test_copies_are_told_apart() -> None:
    seen = canaries(MINT, MINT.text(ATOM).encode())
    assert [canary.copy for canary in seen] == [0, 1, 2]


def test_a_sighting_in_a_stream_says_where_the_stream_begins_and_how_it_was_decoded() -> None:
    data = b"." * 1000 + gzip.compress(zlib.compress(ATOM.encode()))
    (found,), _ = scan(ENGINE, [data])
    assert (found.offset, found.chain, found.form) == (1000, ("gzip", "zlib"), "raw")


def test_many_small_streams_are_each_located() -> None:
    mint = Mint(KEY)
    rows, starts = b"", []
    for number in range(50):
        starts.append(len(rows) + 10)
        rows += b"-" * 10 + zlib.compress(mint.text(mint.atom("p", f"f{number}")).encode())
    found, _ = scan(canary_engine(mint), [rows])
    assert [f.offset for f in found if f.canary and f.canary.copy == 0] == starts


def test_a_stream_longer_than_any_step_is_decoded_to_its_end() -> None:
    noise = random.Random(4)
    text = b"".join(b"%d\n" % noise.getrandbits(64) for _ in range(120_000))
    data = gzip.compress(text + ATOM.encode(), 1)
    assert len(data) > 3 * STEP
    found, coverage = scan(ENGINE, _cut(data, list(range(0, len(data), 70_000))))
    assert [f.chain for f in found] == [("gzip",)]
    assert coverage.bytes_decoded >= len(text)
    assert coverage.gaps == ()


def test_a_base64_run_longer_than_any_step_is_decoded_to_its_end() -> None:
    noise = random.Random(5)
    inner = gzip.compress(
        b"".join(b"%d\n" % noise.getrandbits(64) for _ in range(120_000)) + ATOM.encode(), 1
    )
    found, _ = scan(ENGINE, [b'{"blob":"' + base64.b64encode(inner) + b'"}'])
    assert [f.chain for f in found] == [("base64", "gzip")]


def test_what_follows_a_broken_stream_is_still_found() -> None:
    broken = gzip.compress(os.urandom(3000))[:1500]
    found, _ = scan(ENGINE, [broken + gzip.compress(ATOM.encode())])
    assert {f.canary.sequence for f in found if f.canary} == {0}


def test_a_bomb_is_stopped_and_reported_as_a_gap() -> None:
    bomb = bz2.compress(bytes(1 << 25))
    _, coverage = scan(replace(ENGINE, limits=Limits(allowance=1 << 20)), [bomb])
    assert coverage.bytes_decoded < 1 << 22
    assert [gap.deciding for gap in coverage.gaps] == [True]
    assert "more than the scan may spend" in coverage.gaps[0].reason


def test_what_nests_too_deep_is_reported_as_a_gap() -> None:
    data = ATOM.encode()
    for _ in range(9):
        data = gzip.compress(data)
    found, coverage = scan(ENGINE, [data])
    assert found == []
    assert "nested deeper" in coverage.gaps[0].reason


def test_a_frame_whose_decoder_is_not_installed_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflate, "_first_of", lambda *_modules: None)  # what is installed cannot be passed in

    _, coverage = scan(ENGINE, [b"head" + bytes.fromhex("28b52ffd2403") + b"x" * 40])

    assert [gap.reason for gap in coverage.deciding_gaps()] == [
        "a zstd frame, without the package backports.zstd, has no decoder here"
    ]


def test_secrets_are_found_in_every_form_by_their_label() -> None:
    secret = "sk-live-1f3Qz_8dJK2mNpW4xY7"
    engine = secret_engine({"k1": secret, "k2": "another-secret-0123456789"})
    stored = [
        secret.encode(),
        secret.encode().hex().encode(),
        base64.b64encode(b"k=" + secret.encode()),
        secret[::-1].encode(),
        gzip.compress(secret.encode()),
        secret.encode("utf-16-le"),
    ]
    for data in stored:
        found, _ = scan(engine, [b"before " + data + b" after"])
        assert {f.label for f in found} == {"k1"}


def test_memory_does_not_grow_with_the_stream() -> None:
    tracemalloc.start()
    scan(ENGINE, (b"line of a log, number %d\n" % n * 4000 for n in range(100)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 << 20
    assert engine_module.CHUNK <= 4 << 20
