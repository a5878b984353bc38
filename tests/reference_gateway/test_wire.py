"""What crosses from the content plane to the ledger has a fixed size and no room for words."""

import dataclasses
import struct
import types
import typing
from dataclasses import replace
from enum import Enum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_gateway.events import Event, Route
from reference_gateway.ledger import wire
from reference_gateway.ledger.wire import (
    ANSWER_BYTES,
    FOOTPRINT_BITS,
    MAX_COMPLETION,
    MAX_KEYS,
    MAX_MODELS,
    MAX_PROMPT,
    REQUEST_BYTES,
    ROUTES,
    STATUSES,
    TAIL,
    WINDOW,
    Answer,
    AskBalance,
    Authorise,
    Endpoint,
    Finished,
    FrameError,
    News,
    Notice,
    Outcome,
    Question,
    Reserve,
    Settle,
    answer_frame,
    footprint,
    news_frame,
    notice_frame,
    paced,
    question_frame,
    read_answer,
    read_request,
    request_id,
)
from tests.reference_gateway.ledger_parts import RESERVE
from tests.reference_gateway.unhurried import UNHURRIED
from tests.reference_gateway.wire_messages import (
    ANSWERS,
    FINISHES,
    NEWS,
    NOTICES,
    NUMBERS,
    QUESTIONS,
    RESERVES,
    SETTLES,
)

MESSAGES = [kind for kind in vars(wire).values() if dataclasses.is_dataclass(kind)]
WORDLESS = {int, bool, types.NoneType}
FRAMES = st.builds(question_frame, NUMBERS, QUESTIONS) | st.builds(notice_frame, NOTICES)


def parts(kind: typing.Any) -> set[type]:
    return set(typing.get_args(kind) or (kind,))


def written(seq: int, message: Question | Notice) -> bytes:
    return notice_frame(message) if isinstance(message, Notice) else question_frame(seq, message)


def rewritten(frame: bytes) -> bytes | None:
    """The message of a frame, as its own side would have written it; None for what is no message."""
    try:
        return written(*read_request(frame))
    except FrameError:
        return None


def test_the_sizes_and_the_bound_are_what_is_stated() -> None:
    assert (REQUEST_BYTES, ANSWER_BYTES, FOOTPRINT_BITS) == (72, 56, 202)
    assert f"at most {FOOTPRINT_BITS} bits" in " ".join(str(wire.__doc__).split())


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_holds_integers_enums_and_at_most_a_proof_or_an_epoch(message: type) -> None:
    kinds = typing.get_type_hints(message)

    wide = {
        name
        for name, kind in kinds.items()
        if not all(part in WORDLESS or issubclass(part, Enum) for part in parts(kind))
    }
    assert {name: kinds[name] for name in wide} in ({}, {"tail": bytes}, {"epoch": bytes})


@pytest.mark.parametrize(
    "message", [Authorise(1, b"rgw_secret", Endpoint.CHAT), AskBalance(1, b"rgw_secret")]
)
def test_a_message_does_not_show_a_key(message: Authorise | AskBalance) -> None:
    assert "rgw" not in repr(message)


def test_an_event_has_no_field_for_words() -> None:
    kinds = typing.get_type_hints(Event)

    assert str not in {part for kind in kinds.values() for part in parts(kind)}


@UNHURRIED
@given(seq=NUMBERS, question=QUESTIONS)
def test_every_question_arrives_as_it_was_asked(seq: int, question: Question) -> None:
    frame = question_frame(seq, question)

    assert len(frame) == REQUEST_BYTES
    assert read_request(frame) == (seq, question)


@UNHURRIED
@given(notice=NOTICES)
def test_every_notice_arrives_as_it_was_given(notice: Notice) -> None:
    frame = notice_frame(notice)

    assert len(frame) == REQUEST_BYTES
    assert read_request(frame) == (0, notice)


@UNHURRIED
@given(seq=NUMBERS, answer=ANSWERS)
def test_every_answer_arrives_as_it_was_given(seq: int, answer: Answer) -> None:
    frame = answer_frame(seq, answer)

    assert len(frame) == ANSWER_BYTES
    assert read_answer(frame) == (seq, answer)


@UNHURRIED
@given(news=NEWS)
def test_all_news_arrives_as_it_was_told(news: News) -> None:
    frame = news_frame(news)

    assert len(frame) == ANSWER_BYTES
    assert read_answer(frame) == (0, news)


@UNHURRIED
@given(frame=FRAMES, at=st.integers(0, REQUEST_BYTES - 1), byte=st.integers(0, 255))
def test_a_changed_byte_is_another_message_or_none(frame: bytes, at: int, byte: int) -> None:
    changed = frame[:at] + bytes([byte]) + frame[at + 1 :]

    assert rewritten(changed) in {None, changed}
    assert rewritten(frame) == frame


@UNHURRIED
@given(op=st.integers(1, 5), rest=st.binary(min_size=REQUEST_BYTES - 1, max_size=REQUEST_BYTES - 1))
def test_whatever_is_read_is_what_would_be_written(op: int, rest: bytes) -> None:
    frame = bytes([op]) + rest

    assert rewritten(frame) in {None, frame}


@UNHURRIED
@given(frame=FRAMES, surplus=st.binary(min_size=1, max_size=80), cut=st.integers(0, REQUEST_BYTES - 1))
def test_another_length_is_no_message(frame: bytes, surplus: bytes, cut: int) -> None:
    assert rewritten(frame[:cut]) is None
    assert rewritten(frame + surplus) is None


ZERO = bytes(TAIL)
FINISHED = Finished(number=1, route=Route.CHAT, status=200, milliseconds=5)
SETTLED = Settle(rid=1, outcome=Outcome.METERED, prompt_tokens=5)
SPARE = [
    (question_frame(7, Authorise(1, ZERO, Endpoint.CHAT)), (2, 3, *range(65, 72))),
    (question_frame(7, AskBalance(1, ZERO)), (2, 3, *range(65, 72))),
    (question_frame(7, RESERVE), range(32, 72)),
    (notice_frame(SETTLED), (*range(2, 8), *range(32, 72))),
    (notice_frame(FINISHED), range(16, 72)),
]


@pytest.mark.parametrize(("frame", "at"), [(frame, at) for frame, places in SPARE for at in places])
def test_a_byte_that_no_message_uses_must_be_zero(frame: bytes, at: int) -> None:
    assert frame[at] == 0

    with pytest.raises(FrameError):
        read_request(frame[:at] + b"\x01" + frame[at + 1 :])


RESERVE_SHAPE = struct.Struct("<BBHIQIIII40x")
FINISHED_SHAPE = struct.Struct("<BBHIQ56x")


def reserve_like(**change: int) -> bytes:
    fields = {
        "op": 3,
        "endpoint": 1,
        "model": 0,
        "seq": 1,
        "key": 1,
        "generation": 1,
        "limited": 1,
        "prompt": 1,
        "completion": 1,
    }
    return RESERVE_SHAPE.pack(*(fields | change).values())


def settle_like(**change: int) -> bytes:
    fields = {
        "op": 4,
        "outcome": 1,
        "none": 0,
        "seq": 0,
        "rid": 1,
        "prompt": 9,
        "completion": 1,
        "cached": 4,
        "written": 5,
    }
    return RESERVE_SHAPE.pack(*(fields | change).values())


def finished_like(**change: int) -> bytes:
    fields = {"op": 5, "route": 0, "status": 1, "number": 1, "pace": 10}
    return FINISHED_SHAPE.pack(*(fields | change).values())


@pytest.mark.parametrize("frame", [reserve_like(), settle_like(), finished_like()])
def test_the_frames_of_the_next_test_are_messages_when_nothing_is_changed(frame: bytes) -> None:
    assert rewritten(frame) == frame


@pytest.mark.parametrize(
    "frame",
    [
        reserve_like(op=0),
        reserve_like(op=6),
        reserve_like(op=19),
        reserve_like(endpoint=0),
        reserve_like(endpoint=8),
        reserve_like(model=MAX_MODELS),
        reserve_like(limited=2),
        reserve_like(prompt=MAX_PROMPT + 1),
        reserve_like(completion=MAX_COMPLETION + 1),
        settle_like(outcome=0),
        settle_like(outcome=6),
        settle_like(seq=1),
        settle_like(prompt=MAX_PROMPT + 1),
        settle_like(completion=MAX_COMPLETION + 1),
        settle_like(cached=5),
        settle_like(written=6),
        settle_like(cached=2**32 - 1, written=10),
        finished_like(route=len(ROUTES)),
        finished_like(status=len(STATUSES)),
        finished_like(pace=101),
        finished_like(pace=10_000_000),
        b"",
    ],
)
def test_what_lies_outside_of_a_closed_set_is_no_message(frame: bytes) -> None:
    with pytest.raises(FrameError):
        read_request(frame)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        bytes(ANSWER_BYTES),
        answer_frame(1, wire.Held(1))[1:],
        bytes([20, 99]) + bytes(ANSWER_BYTES - 2),
        bytes([23]) + bytes(ANSWER_BYTES - 1),
    ],
)
def test_what_is_no_answer_is_not_taken_for_one(frame: bytes) -> None:
    with pytest.raises(FrameError):
        read_answer(frame)


@UNHURRIED
@given(milliseconds=st.integers(-5, 10**9))
def test_a_duration_keeps_two_digits_and_never_grows(milliseconds: int) -> None:
    shown = paced(milliseconds)

    assert shown <= max(milliseconds, 0)
    assert len(str(shown).rstrip("0")) <= 2
    assert read_request(notice_frame(replace(FINISHED, milliseconds=shown)))


def test_a_duration_has_few_values() -> None:
    assert len({paced(milliseconds) for milliseconds in range(100_000)}) == 100 + 3 * 90
    assert (paced(99_999_999), paced(1999)) == (9_900_000, 1900)


KEYS = st.integers(0, MAX_KEYS - 1)
AHEAD = st.integers(0, WINDOW - 1)
REQUESTS = st.tuples(KEYS, RESERVES, SETTLES, FINISHES, AHEAD)
Request = tuple[int, Reserve, Settle, Finished, int]


@UNHURRIED
@given(request=REQUESTS)
def test_a_footprint_fits_into_the_stated_bits(request: Request) -> None:
    assert 0 <= footprint(*request) < 2**FOOTPRINT_BITS


# What a worker chooses of a request, and how many bits each choice is worth.
WORTH = (24, 3, 12, 22, 20, 3, 22, 20, 22, 22, 5, 5, 10, 12)


def read_back(number: int) -> list[int]:
    """The choices that a footprint stands for, taken off its end one by one."""
    choices = []
    for bits in reversed(WORTH):
        choices.append(number & (1 << bits) - 1)
        number >>= bits
    assert number == 0
    return choices[::-1]


@UNHURRIED
@given(request=REQUESTS)
def test_a_footprint_says_all_that_was_chosen_and_nothing_else(request: Request) -> None:
    key, reserve, settle, finished, ahead = request

    choices = read_back(footprint(*request))

    assert sum(WORTH) == FOOTPRINT_BITS
    assert choices[:6] == [
        key,
        reserve.endpoint,
        reserve.model,
        reserve.prompt_bound,
        reserve.completion_bound,
        settle.outcome,
    ]
    assert choices[6:10] == [
        settle.prompt_tokens,
        settle.completion_tokens,
        settle.cached_tokens,
        settle.written_tokens,
    ]
    assert (ROUTES[choices[10]], STATUSES[choices[11]]) == (finished.route, finished.status)
    assert read_back(footprint(key, reserve, settle, replace(finished, milliseconds=0), ahead))[12] == 0
    assert choices[13] == ahead


def test_every_duration_has_a_place_of_its_own_in_a_footprint() -> None:
    paces = sorted({paced(milliseconds) for milliseconds in (*range(1000), *range(0, 10**7, 10_000))})

    places = [
        read_back(footprint(0, RESERVE, SETTLED, replace(FINISHED, milliseconds=pace), 0))[12]
        for pace in paces
    ]

    assert len(set(places)) == len(paces)


@UNHURRIED
@given(numbers=st.sets(NUMBERS, max_size=50), epoch=st.binary(min_size=16, max_size=16))
def test_ids_of_requests_differ_and_follow_from_the_epoch(numbers: set[int], epoch: bytes) -> None:
    ids = {request_id(epoch, number) for number in numbers}
    elsewhere = bytes(255 - byte for byte in epoch)

    assert len(ids) == len(numbers)
    assert all(0 <= one < 2**128 for one in ids)
    assert ids.isdisjoint(request_id(elsewhere, number) for number in numbers)
