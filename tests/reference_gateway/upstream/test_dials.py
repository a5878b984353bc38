"""Words between a content worker and the dialer: what one side says the other reads, and nothing else."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_gateway import dials
from reference_gateway.dials import WordError
from tests.reference_gateway.unhurried import UNHURRIED

SEQS = st.integers(0, 2**32 - 1)
PROVIDERS = st.integers(0, 2**16 - 1)
RESULTS = st.sampled_from([dials.CONNECTED, dials.UNREACHABLE, dials.TIMED_OUT])


@UNHURRIED
@given(SEQS, PROVIDERS)
def test_a_request_is_read_as_it_was_said(seq: int, provider: int) -> None:
    word = dials.request(seq, provider)

    assert len(word) == dials.REQUEST_BYTES
    assert dials.read_request(word) == (seq, provider)


@UNHURRIED
@given(SEQS, RESULTS)
def test_a_reply_is_read_as_it_was_said(seq: int, result: int) -> None:
    word = dials.reply(seq, result)

    assert len(word) == dials.REPLY_BYTES
    assert dials.read_reply(word) == (seq, result)


NOISE = st.binary(max_size=20) | st.binary(min_size=8, max_size=8)


@UNHURRIED
@given(NOISE)
def test_whatever_is_read_as_a_request_is_one(noise: bytes) -> None:
    with suppress(WordError):
        assert dials.request(*dials.read_request(noise)) == noise


@UNHURRIED
@given(NOISE)
def test_whatever_is_read_as_a_reply_is_one(noise: bytes) -> None:
    with suppress(WordError):
        assert dials.reply(*dials.read_reply(noise)) == noise


@pytest.mark.parametrize("word", [b"", b"\0" * 7, b"\0" * 9, b"\0" * 6 + b"\1\0", b"\0" * 6 + b"\0\1"])
def test_what_is_no_request_is_refused(word: bytes) -> None:
    with pytest.raises(WordError) as refusal:
        dials.read_request(word)
    assert refusal.value.args == ()


@pytest.mark.parametrize(
    "word",
    [
        b"",
        b"\0" * 7,
        b"\0" * 9,
        b"\0" * 4 + b"\3\0\0\0",
        b"\0" * 4 + b"\xff\0\0\0",
        b"\0" * 4 + b"\1\1\0\0",
        b"\0" * 4 + b"\1\0\1\0",
        b"\0" * 4 + b"\1\0\0\1",
    ],
)
def test_what_is_no_reply_is_refused(word: bytes) -> None:
    with pytest.raises(WordError) as refusal:
        dials.read_reply(word)
    assert refusal.value.args == ()
