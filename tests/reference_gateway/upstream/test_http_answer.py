"""One answer, from bytes to a head and a body, however the bytes were cut."""

import tracemalloc
import weakref
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_gateway.content.http_answer import HttpAnswer, RefusedAnswerError
from tests.reference_gateway.streaming import cut
from tests.reference_gateway.unhurried import UNHURRIED
from tests.reference_gateway.upstream.answer_bytes import (
    CHUNKED,
    HEAD,
    RECORD,
    SIZED,
    byte_by_byte,
    headed,
    read,
)

# --- whatever the cuts -------------------------------------------------------------------------------------

TOKENS = st.text("abcxyz019-", min_size=1, max_size=12).map(str.encode)
FIELDS = st.lists(st.tuples(TOKENS.map(lambda name: b"x-" + name), TOKENS), max_size=5)
INTERIM = st.lists(
    st.sampled_from([b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 E\r\nlink: a\r\n\r\n"]), max_size=2
)
BODIES = st.lists(st.binary(min_size=1, max_size=300), max_size=5)


def chunks(pieces: list[bytes], extension: bytes, trailer: bytes) -> bytes:
    framed = [b"%x%b\r\n%b\r\n" % (len(piece), extension, piece) for piece in pieces]
    return b"".join(framed) + b"0\r\n" + trailer + b"\r\n"


@st.composite
def answers(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """(as it is on the wire, its body) of an answer whose length is told."""
    pieces = draw(BODIES)
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in draw(FIELDS))
    start = (
        b"".join(draw(INTERIM)) + b"HTTP/1.1 %d X\r\n" % draw(st.sampled_from([200, 206, 400, 503])) + lines
    )
    body = b"".join(pieces)
    if draw(st.booleans()):
        return start + b"content-length: %d\r\n\r\n" % len(body) + body, body
    extension = draw(st.sampled_from([b"", b";a=b", b';a="b c"']))
    trailer = draw(st.sampled_from([b"", b"x-sum: 1\r\n"]))
    return start + b"transfer-encoding: chunked\r\n\r\n" + chunks(pieces, extension, trailer), body


CUTS = st.lists(st.integers(0, 2000), max_size=30)


@UNHURRIED
@given(answers(), CUTS)
def test_an_answer_is_the_same_however_it_was_cut(answer: tuple[bytes, bytes], cuts: list[int]) -> None:
    data, body = answer

    got = read(*cut(data, cuts))

    assert got == read(data)
    assert (got.body, got.complete, got.surplus) == (body, True, False)


@UNHURRIED
@given(answers(), CUTS, st.binary(min_size=1, max_size=40))
def test_what_comes_behind_an_answer_never_becomes_a_part_of_it(
    answer: tuple[bytes, bytes], cuts: list[int], behind: bytes
) -> None:
    data, body = answer

    got = read(*cut(data + behind, cuts))

    assert (got.body, got.complete) == (body, True)
    assert got.surplus == bool(behind.strip(b"\r\n"))


@pytest.mark.parametrize("behind", [b"\r\n", b"\n", b"\r\n\r\n"])
def test_empty_lines_behind_an_answer_are_nothing_however_they_were_cut(behind: bytes) -> None:
    assert not read(SIZED + b"hello" + behind).surplus
    assert not read(*byte_by_byte(SIZED + b"hello" + behind)).surplus
    assert read(*byte_by_byte(SIZED + b"hello" + behind + b"H")).surplus


@UNHURRIED
@given(st.lists(st.binary(max_size=200), max_size=10))
def test_noise_is_refused_and_nothing_else_goes_wrong(pieces: list[bytes]) -> None:
    answer = HttpAnswer()
    with suppress(RefusedAnswerError):
        for piece in pieces:
            answer.feed(piece)

    assert answer.head is None


@UNHURRIED
@given(answers(), st.data())
def test_an_answer_that_breaks_off_is_never_complete(
    answer: tuple[bytes, bytes], data: st.DataObject
) -> None:
    whole, _ = answer
    broken = HttpAnswer()
    broken.feed(whole[: data.draw(st.integers(0, len(whole) - 1))])
    broken.end()

    assert not broken.complete


# --- what ends an answer -----------------------------------------------------------------------------------


def test_a_body_without_a_length_lasts_until_the_connection_ends() -> None:
    answer = HttpAnswer()
    answer.feed(HEAD + b"\r\nhello")
    before = answer.complete
    answer.end()

    assert (before, answer.complete, answer.take()) == (False, True, b"hello")


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
@pytest.mark.parametrize("length", [b"", b"content-length: 5\r\n"])
def test_some_answers_have_no_body_whatever_they_say(status: bytes, length: bytes) -> None:
    got = read(b"HTTP/1.1 " + status + b"\r\n" + length + b"\r\n")

    assert (got.body, got.complete, got.surplus) == (b"", True, False)


def test_interim_answers_are_passed_over() -> None:
    got = read(
        b"HTTP/1.1 103 Early Hints\r\nretry-after: 9\r\ncontent-type: text/html\r\n\r\n" + SIZED + b"hello"
    )

    assert got.head is not None
    assert (got.head.status, got.head.media, got.head.retry_after, got.body) == (200, "", None, b"hello")


def test_a_trailer_is_dropped() -> None:
    got = read(CHUNKED + b"5\r\nhello\r\n0\r\ncontent-type: text/html\r\nx: y\r\n\r\n")

    assert got.head is not None
    assert (got.head.media, got.body, got.complete) == ("", b"hello", True)


# --- what is kept of a head --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "media"),
    [
        (b"content-type: application/json", "application/json"),
        (b"Content-Type: Text/Event-Stream ; charset=utf-8", "text/event-stream"),
        (b"content-type:", ""),
        (b"x: y", ""),
        (
            b"content-type: application/json\r\ncontent-type: text/event-stream",
            "application/json,text/event-stream",
        ),
        (b"content-type: \xff", "ÿ"),
    ],
)
def test_the_media_type_comes_without_parameters(line: bytes, media: str) -> None:
    assert headed(line).media == media


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"7", 7),
        (b"99999", 99999),
        (b"100000", None),
        (b"-1", None),
        (b"1.5", None),
        (b"Wed, 21 Oct 2026 07:28:00 GMT", None),
        (b"\xb2", None),
        (b"", None),
        (b"5\r\nretry-after: 5", None),
    ],
)
def test_retry_after_is_a_number_of_seconds_or_nothing(value: bytes, seconds: int | None) -> None:
    assert headed(b"retry-after: " + value, status=b"429 Slow Down").retry_after == seconds


@pytest.mark.parametrize(
    ("line", "plain"),
    [
        (b"x: y", True),
        (b"content-encoding: identity", True),
        (b"content-encoding:", True),
        (b"content-encoding: gzip", False),
        (b"content-encoding: Br", False),
        (b"content-encoding: identity\r\ncontent-encoding: gzip", False),
    ],
)
def test_an_encoded_body_has_no_media_type(line: bytes, plain: bool) -> None:
    head = headed(line, b"content-type: application/json")

    assert (head.plain, head.media) == (plain, "application/json" if plain else "")


@pytest.mark.parametrize(
    ("version", "lines", "kept"),
    [
        (b"1.1", (b"content-length: 0",), True),
        (b"1.1", (b"transfer-encoding: Chunked",), True),
        (b"1.1", (b"content-length: 0", b"connection: Keep-Alive"), True),
        (b"1.1", (b"content-length: 0", b"connection: close"), False),
        (b"1.1", (b"content-length: 0", b"connection: x, close"), False),
        (b"1.1", (), False),
        # RFC 9112, 6.1 and 9.3: with the older version, framing and persistence are not to be relied upon.
        (b"1.0", (b"content-length: 0",), False),
        (b"1.0", (b"content-length: 0", b"connection: keep-alive"), False),
        (b"1.0", (b"transfer-encoding: chunked", b"connection: keep-alive"), False),
    ],
)
def test_a_connection_is_kept_only_where_both_sides_are_sure(
    version: bytes, lines: tuple[bytes, ...], kept: bool
) -> None:
    assert headed(*lines, version=version).kept_alive is kept


def test_an_offer_of_another_protocol_is_only_an_offer() -> None:
    head = headed(b"upgrade: h2c", b"connection: upgrade, keep-alive", b"content-length: 0")

    assert (head.status, head.kept_alive) == (200, True)


# --- what it costs, and what stays -------------------------------------------------------------------------


def test_a_body_in_tiny_pieces_takes_no_more_memory_than_it_is_long() -> None:
    body, answer = b"ab" * 50_000, HttpAnswer()
    data = CHUNKED + b"2\r\nab\r\n" * 50_000
    pieces = cut(data, range(0, len(data), RECORD))
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for piece in pieces:
            answer.feed(piece)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert answer.held == len(body)
    assert after - before < 2 * len(body)
    assert answer.take() == body


def test_what_was_taken_is_no_longer_held() -> None:
    answer = HttpAnswer()
    answer.feed(CHUNKED + b"5\r\nhello\r\n")
    first = (answer.held, answer.take(), answer.held, answer.take())
    answer.feed(b"5\r\nworld\r\n")

    assert first == (5, b"hello", 0, b"")
    assert answer.take() == b"world"


def test_an_answer_that_was_discarded_needs_no_collector_and_listens_no_more() -> None:
    answer = HttpAnswer()
    answer.feed(SIZED + b"hel")
    answer.discard()
    answer.feed(b"lo")
    seen = (answer.held, answer.surplus, answer.complete)
    gone = weakref.ref(answer)
    del answer

    assert seen == (0, True, False)
    assert gone() is None
