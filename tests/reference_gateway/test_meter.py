import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_gateway.content.meter import EventTooLargeError, StreamMeter, Usage, usage_of
from reference_gateway.content.opener import unsealed
from reference_gateway.content.sealed import Sealed
from tests.reference_gateway.unhurried import UNHURRIED

USAGE = {"prompt_tokens": 3, "completion_tokens": 4}
TEXT = b'data: {"choices":[{"delta":{"content":"say \\"usage\\" and [DONE]"}}]}\n\n'
ALONE = b"data: " + json.dumps({"choices": [], "usage": USAGE}).encode() + b"\n\n"
RUNNING = b"data: " + json.dumps({"choices": [{}], "usage": USAGE}).encode() + b"\n\n"
COMMENT = b": keep-alive\n\n"
DONE = b"data: [DONE]\n\n"


def fed(meter: StreamMeter, *pieces: bytes) -> bytes:
    return b"".join(unsealed(meter.feed(Sealed(piece))) for piece in pieces)


@UNHURRIED
@given(cuts=st.lists(st.integers(0, 400), max_size=12), asked=st.booleans(), crlf=st.booleans())
def test_a_stream_is_metered_the_same_however_it_is_cut(cuts: list[int], asked: bool, crlf: bool) -> None:
    def ended(data: bytes) -> bytes:
        return data.replace(b"\n", b"\r\n") if crlf else data

    stream = ended(TEXT + COMMENT + ALONE + DONE)
    edges = sorted({0, *(min(cut, len(stream)) for cut in cuts), len(stream)})
    meter = StreamMeter(asked_usage=asked)

    out = fed(meter, *(stream[a:b] for a, b in pairwise(edges)))

    assert out == ended(TEXT + COMMENT + (ALONE if asked else b""))
    assert meter.done
    assert meter.final_usage == Usage(3, 4)


def test_usage_beside_content_is_forwarded() -> None:
    meter = StreamMeter(asked_usage=False)

    assert fed(meter, RUNNING + DONE) == RUNNING
    assert meter.final_usage == Usage(3, 4)


def test_a_running_usage_in_a_cut_stream_is_no_bill() -> None:
    meter = StreamMeter(asked_usage=False)
    fed(meter, RUNNING)

    assert meter.final_usage is None


def test_a_usage_by_itself_is_the_bill_even_without_an_end() -> None:
    meter = StreamMeter(asked_usage=False)
    fed(meter, ALONE)

    assert meter.final_usage == Usage(3, 4)


def test_an_endless_event_is_not_collected() -> None:
    meter = StreamMeter(asked_usage=False)

    with pytest.raises(EventTooLargeError):
        fed(meter, b"data: " + b"x" * 1_100_000)


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        {"prompt_tokens": -1, "completion_tokens": 1},
        {"prompt_tokens": 10**10, "completion_tokens": 1},
        {"prompt_tokens": "3", "completion_tokens": 4},
        {"prompt_tokens": 3},
    ],
)
def test_a_usage_that_is_not_credible_is_none(usage: Any) -> None:
    assert usage_of(Sealed(json.dumps({"usage": usage}).encode())) is None


@pytest.mark.parametrize("answer", [b"", b"not json", b"[]", b"\xff", b'{"usage":' * 3000])
def test_an_answer_that_is_not_json_has_no_usage(answer: bytes) -> None:
    assert usage_of(Sealed(answer)) is None
