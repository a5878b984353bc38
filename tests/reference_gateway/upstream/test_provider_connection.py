"""One connection to a provider, over a real socket and real TLS: its exchanges and how they end."""

import asyncio
import ssl

import pytest

from reference_gateway.content.upstream import CutError, NothingSentError
from tests.reference_gateway.upstream.certificates import Authority
from tests.reference_gateway.upstream.playing import open_sockets, play
from tests.reference_gateway.upstream.provider import Talk, providing
from tests.reference_gateway.upstream.stage import (
    HELLO,
    OK,
    REQUEST,
    Stage,
    answering,
    ask,
    exchanged,
    rest_of,
    silence,
    staged,
    steady,
)

# --- one exchange after the other --------------------------------------------------------------------------


def test_a_connection_serves_one_exchange_after_the_other(authority: Authority, good: ssl.SSLContext) -> None:
    async def scene() -> list[tuple[int, bytes, bool]]:
        async with staged(authority, good, steady) as stage:
            connection = await stage.opened()
            return [(*await exchanged(connection), connection.settle()) for _ in range(3)]

    assert play(scene()) == [(200, b"hello", True)] * 3


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 3_000_000])
def test_a_request_arrives_as_it_was_sent(authority: Authority, good: ssl.SSLContext, size: int) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    body = body[:size]

    async def scene() -> tuple[bytes, bool]:
        async with staged(authority, good, steady) as stage:
            connection = await stage.opened()
            await exchanged(connection, body)
            kept = connection.settle()
            return stage.provider.heard, kept

    heard, kept = play(scene())
    assert heard == REQUEST % size + body
    assert kept


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"connection: close\r\ncontent-length: 5\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 5\r\n\r\nhello",
        HELLO + b"H",
        HELLO + HELLO,
    ],
)
def test_after_an_answer_that_leaves_doubt_a_connection_is_closed(
    authority: Authority, good: ssl.SSLContext, answer: bytes
) -> None:
    async def scene() -> tuple[bytes, bool, bool]:
        async with staged(authority, good, answering(answer)) as stage:
            connection = await stage.opened()
            _, body = await exchanged(connection)
            return body, connection.settle(), connection.untouched()

    assert play(scene()) == (b"hello", False, False)


def test_a_connection_that_ended_behind_its_answer_does_not_serve_again(
    authority: Authority, good: ssl.SSLContext
) -> None:
    async def scene() -> tuple[tuple[int, bytes], bool]:
        async with staged(authority, good, answering(HELLO, "goodbye")) as stage:
            connection = await stage.opened()
            seen = await exchanged(connection)
            await connection.gone()
            return seen, connection.settle()

    assert play(scene()) == ((200, b"hello"), False)


def test_a_connection_whose_answer_was_not_read_to_its_end_is_closed(
    authority: Authority, good: ssl.SSLContext
) -> None:
    unread = OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"

    async def scene() -> list[bool]:
        async with staged(authority, good, answering(unread)) as stage:
            first, second, third = [await stage.opened() for _ in range(3)]
            await ask(first)
            head = await ask(second)
            await second.piece(head)
            return [connection.settle() for connection in (first, second, third)]

    assert play(scene()) == [False, False, False]


def test_an_answer_cannot_be_read_in_the_next_exchange(authority: Authority, good: ssl.SSLContext) -> None:
    async def scene() -> bytes:
        async with staged(authority, good, steady) as stage:
            connection = await stage.opened()
            stale = await ask(connection)
            await rest_of(connection, stale)
            connection.settle()
            with pytest.raises(CutError):
                await connection.piece(stale)
            head = await ask(connection)
            with pytest.raises(CutError):
                await connection.piece(stale)
            return await rest_of(connection, head)

    assert play(scene()) == b"hello"


def test_interim_answers_are_not_the_answer(authority: Authority, good: ssl.SSLContext) -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"

    async def scene() -> tuple[int, bytes, bool]:
        async with staged(authority, good, answering(interim + interim + HELLO)) as stage:
            connection = await stage.opened()
            return (*await exchanged(connection), connection.settle())

    assert play(scene()) == (200, b"hello", True)


# --- how answers end ---------------------------------------------------------------------------------------

CLOSE_DELIMITED = OK + b"\r\nhello"
UNFINISHED = (
    OK + b"content-length: 9\r\n\r\nhello",
    OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
)


def test_a_goodbye_ends_a_body_without_a_length(authority: Authority, good: ssl.SSLContext) -> None:
    async def scene() -> tuple[int, bytes, bool]:
        async with staged(authority, good, answering(CLOSE_DELIMITED, "goodbye")) as stage:
            connection = await stage.opened()
            return *await exchanged(connection), connection.settle()

    assert play(scene()) == (200, b"hello", False)


@pytest.mark.parametrize("answer", [CLOSE_DELIMITED, *UNFINISHED, OK])
@pytest.mark.parametrize("then", ["end", "reset", "close"])
def test_an_end_without_a_goodbye_cuts_whatever_was_to_come(
    authority: Authority, good: ssl.SSLContext, answer: bytes, then: str
) -> None:
    async def scene() -> bool:
        async with staged(authority, good, answering(answer, then)) as stage:
            connection = await stage.opened()
            with pytest.raises(CutError) as cut:
                await exchanged(connection)
            assert not connection.settle()
            return cut.value.timed_out

    assert play(scene()) is False


@pytest.mark.parametrize("answer", UNFINISHED)
def test_a_goodbye_does_not_end_a_body_that_was_to_be_longer(
    authority: Authority, good: ssl.SSLContext, answer: bytes
) -> None:
    async def scene() -> None:
        async with staged(authority, good, answering(answer, "goodbye")) as stage:
            connection = await stage.opened()
            with pytest.raises(CutError):
                await exchanged(connection)
            connection.settle()

    play(scene())


@pytest.mark.parametrize("then", ["end", "goodbye", "close"])
def test_a_provider_that_hangs_up_after_a_large_answer_loses_none_of_it(
    authority: Authority, good: ssl.SSLContext, then: str
) -> None:
    body = bytes(range(256)) * 20_000

    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.pour(OK + b"content-length: %d\r\n\r\n" % len(body) + body)
        getattr(talk, then)()

    async def scene() -> tuple[int, bytes]:
        async with staged(authority, good, script) as stage:
            connection = await stage.opened()
            seen = await exchanged(connection)
            connection.settle()
            return seen

    assert play(scene()) == (200, body)


def test_what_is_no_answer_is_a_cut(authority: Authority, good: ssl.SSLContext) -> None:
    async def scene() -> tuple[bool, bool]:
        async with staged(authority, good, answering(b"220 mail.example ESMTP\r\n")) as stage:
            connection = await stage.opened()
            with pytest.raises(CutError) as cut:
                await ask(connection)
            return cut.value.timed_out, connection.settle()

    assert play(scene()) == (False, False)


def test_a_record_that_cannot_be_deciphered_is_a_cut(authority: Authority, good: ssl.SSLContext) -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        talk.raw(b"\x17\x03\x03\x00\x20" + b"x" * 32)
        await silence(talk)

    async def scene() -> None:
        async with staged(authority, good, script) as stage:
            connection = await stage.opened()
            with pytest.raises(CutError):
                await ask(connection)
            connection.settle()

    play(scene())


# --- patience ----------------------------------------------------------------------------------------------


def test_silence_ends_an_exchange(authority: Authority, good: ssl.SSLContext) -> None:
    async def scene() -> bool:
        async with staged(authority, good, silence) as stage:
            connection = await stage.opened()
            with pytest.raises(CutError) as cut:
                await ask(connection, patience=0.05)
            return cut.value.timed_out

    assert play(scene()) is True


def test_every_sign_of_life_renews_patience(authority: Authority, good: ssl.SSLContext) -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        for byte in HELLO:
            talk.write(bytes([byte]))
            await asyncio.sleep(0.03)
        await silence(talk)

    async def scene() -> bytes:
        async with staged(authority, good, script) as stage:
            connection = await stage.opened()
            head = await ask(connection, patience=1.0)
            return await rest_of(connection, head)

    assert 0.03 * len(HELLO) > 1.0
    assert play(scene()) == b"hello"


def test_a_provider_that_does_not_shake_hands_was_sent_nothing(authority: Authority) -> None:
    async def scene() -> tuple[bool, int]:
        async with providing(silence, None) as provider:
            before = open_sockets()
            connection = Stage(authority, provider).made(patience=0.05)
            with pytest.raises(NothingSentError) as failure:
                await connection.open()
            await connection.gone()
            return failure.value.timed_out, len(open_sockets() - before)

    timed_out, left = play(scene())
    assert timed_out is True
    assert left <= 1  # the provider's own end
