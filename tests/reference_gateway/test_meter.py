import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reference_gateway.content.meter import EventTooLargeError, Usage
from reference_gateway.content.opener import unsealed
from reference_gateway.content.sealed import Sealed
from reference_gateway.content.shapes.chunks import Chunked
from reference_gateway.ledger.wire import MAX_COMPLETION, MAX_PROMPT
from reference_gateway.web.faults import Fault
from tests.reference_gateway.streaming import COMMENT, CUTS, DONE, LINE_ENDS, cut, event, fed, played, whole
from tests.reference_gateway.unhurried import UNHURRIED

USAGE = {"prompt_tokens": 3, "completion_tokens": 4}
TEXT = event({"choices": [{"delta": {"content": 'say "usage": {} and [DONE]'}}], "usage": None})
ALONE = event({"choices": [], "usage": USAGE})
RUNNING = event({"choices": [{}], "usage": USAGE})


@UNHURRIED
@given(cuts=CUTS, asked=st.booleans(), line_end=LINE_ENDS)
def test_a_stream_is_forwarded_and_metered_the_same_however_it_is_cut(
    cuts: list[int], asked: bool, line_end: bytes
) -> None:
    stream = (TEXT + COMMENT + ALONE + DONE).replace(b"\n", line_end)
    reader = Chunked(asked_usage=asked).stream()

    out = fed(reader, *cut(stream, cuts))

    assert out == (TEXT + COMMENT + (ALONE if asked else b"")).replace(b"\n", line_end)
    assert reader.done
    assert reader.final_usage == Usage(3, 4)


PIECES = st.sampled_from(
    [
        TEXT,
        COMMENT,
        ALONE,
        RUNNING,
        DONE,
        b"\n",
        b"\r\n",
        b"\r",
        b"\n\n",
        b"data: x\r\n\r\n",
        b"data: y",
        b"\n\r\n",
    ]
)


@UNHURRIED
@example(stream=COMMENT + b"\n" + DONE, cuts=[len(COMMENT) + 1], asked=False)
@given(stream=st.lists(PIECES, max_size=8).map(b"".join), cuts=CUTS, asked=st.booleans())
def test_even_of_a_mangled_stream_the_same_is_forwarded_however_it_is_cut(
    stream: bytes, cuts: list[int], asked: bool
) -> None:
    at_once, in_pieces = Chunked(asked_usage=asked).stream(), Chunked(asked_usage=asked).stream()
    marked = stream + b"data: last\n\n"  # an end, so that nothing is still held back

    assert fed(at_once, marked) == fed(in_pieces, *cut(marked, cuts))
    assert (at_once.done, at_once.final_usage) == (in_pieces.done, in_pieces.final_usage)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_an_event_is_forwarded_with_its_last_byte(line_end: bytes) -> None:
    said = TEXT.replace(b"\n", line_end)
    reader = Chunked().stream()

    *before, last = [fed(reader, said[at : at + 1]) for at in range(len(said))]

    assert (set(before), last) == ({b""}, said)


def test_whole_events_without_a_bill_are_not_copied() -> None:
    piece = Sealed(event({"choices": [{"delta": {"content": "a"}}], "usage": None}) * 2)

    assert Chunked().stream().feed(piece) is piece


def test_what_comes_after_the_end_is_dropped() -> None:
    reader = Chunked().stream()

    assert fed(reader, TEXT + DONE + TEXT, TEXT) == TEXT
    assert unsealed(reader.end()) == DONE


def test_usage_beside_content_is_forwarded() -> None:
    assert played(Chunked(), RUNNING + DONE) == (RUNNING + DONE, Usage(3, 4))


def test_a_running_usage_in_a_cut_stream_is_no_bill() -> None:
    reader = Chunked().stream()
    fed(reader, RUNNING)

    assert reader.final_usage is None


def test_a_usage_by_itself_is_the_bill_even_without_an_end() -> None:
    reader = Chunked().stream()
    fed(reader, ALONE)

    assert reader.final_usage == Usage(3, 4)


@pytest.mark.parametrize("counts", [{"prompt_tokens": -1, "completion_tokens": 1}, {}, {"prompt_tokens": 3}])
def test_a_last_usage_that_is_not_credible_spoils_a_running_one(counts: Any) -> None:
    _, bill = played(Chunked(), RUNNING + event({"choices": [], "usage": counts}) + DONE)

    assert bill is None


def test_a_fault_is_said_in_band_before_the_stream_ends() -> None:
    said, done, _ = Chunked().stream().fault(Fault.PROVIDER_CUT).split(b"\n\n")

    assert json.loads(said.removeprefix(b"data: "))["error"]["code"] == "provider_cut"
    assert done == b"data: [DONE]"


@pytest.mark.parametrize("piece", [b"x" * 65_536, b"data: x\n" * 8192])
def test_an_endless_event_is_not_collected(piece: bytes) -> None:
    reader = Chunked().stream()

    with pytest.raises(EventTooLargeError):
        fed(reader, *[piece] * 20)


@pytest.mark.parametrize(
    ("counts", "bill"),
    [
        ({}, Usage(3, 4)),
        ({"prompt_tokens_details": None}, Usage(3, 4)),
        ({"prompt_tokens_details": {}}, Usage(3, 4)),
        ({"prompt_tokens_details": {"cached_tokens": None}}, Usage(3, 4)),
        ({"prompt_tokens_details": {"cached_tokens": 2, "audio_tokens": 0}}, Usage(3, 4, 2)),
        ({"prompt_tokens_details": {"cached_tokens": 9}}, Usage(3, 4, 3)),
        ({"prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2}}, Usage(3, 4, 1, 2)),
        ({"prompt_tokens_details": {"cache_write_tokens": 9}}, Usage(3, 4, 0, 3)),
        ({"total_tokens": 7}, Usage(3, 4)),
        ({"total_tokens": 5}, Usage(3, 4)),
        (
            {"prompt_tokens": MAX_PROMPT, "completion_tokens": MAX_COMPLETION},
            Usage(MAX_PROMPT, MAX_COMPLETION),
        ),
    ],
)
def test_parts_never_exceed_their_whole(counts: dict[str, Any], bill: Usage) -> None:
    assert whole(Chunked(), {"usage": {**USAGE, **counts}}) == bill


def test_reasoning_that_only_the_total_counts_is_billed() -> None:
    assert whole(Chunked(), {"usage": {**USAGE, "total_tokens": 50}}) == Usage(3, 47)


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        {"prompt_tokens": -1, "completion_tokens": 1},
        {"prompt_tokens": MAX_PROMPT + 1, "completion_tokens": 1},
        {"prompt_tokens": 1, "completion_tokens": MAX_COMPLETION + 1},
        {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": MAX_COMPLETION + 2},
        {"prompt_tokens": 10**400, "completion_tokens": 1},
        {"prompt_tokens": "3", "completion_tokens": 4},
        {"prompt_tokens": True, "completion_tokens": 4},
        {"prompt_tokens": 3.5, "completion_tokens": 4},
        {"prompt_tokens": 3},
        {"prompt_tokens": 3, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": -1}},
    ],
)
def test_a_usage_that_is_not_credible_is_none(usage: Any) -> None:
    assert whole(Chunked(), {"usage": usage}) is None


@pytest.mark.parametrize("answer", [b"", b"not json", b"[]", b"\xff", b'{"usage":' * 3000])
def test_an_answer_that_is_not_json_has_no_usage(answer: bytes) -> None:
    assert whole(Chunked(), answer) is None
