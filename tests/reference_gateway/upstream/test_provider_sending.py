"""A provider that does not read what it is sent, and one that sends more than is taken."""

import asyncio
import ssl

import pytest

from reference_gateway.content.upstream import CutError
from tests.reference_gateway.upstream.certificates import Authority
from tests.reference_gateway.upstream.playing import SECONDS, play, until
from tests.reference_gateway.upstream.provider import Talk
from tests.reference_gateway.upstream.stage import (
    HELLO,
    OK,
    PATIENCE,
    REQUEST,
    ask,
    exchanged,
    rest_of,
    silence,
    staged,
)

# Of a body that nobody takes: what is allowed, and a record and a read of the event loop on top.
HELD_AT_MOST = 131_072 + 16_384 + 262_144
# --- sending -----------------------------------------------------------------------------------------------

LARGE = b"x" * 8_000_000  # more than the kernel keeps for a reader who does not read


def test_a_provider_that_never_reads_a_request_is_given_up(
    authority: Authority, good: ssl.SSLContext
) -> None:
    async def deaf(_talk: Talk) -> None:
        await asyncio.Event().wait()

    async def scene() -> bool:
        async with staged(authority, good, deaf) as stage:
            connection = await stage.opened()
            with pytest.raises(CutError) as cut:
                await ask(connection, LARGE, patience=0.2)
            connection.settle()
            return cut.value.timed_out

    assert play(scene()) is True


def test_a_refusal_ends_the_sending_of_a_body_and_the_connection(
    authority: Authority, good: ssl.SSLContext
) -> None:
    async def script(talk: Talk) -> None:
        await talk.read()
        talk.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 4\r\n\r\nmuch")
        await asyncio.Event().wait()

    async def scene() -> tuple[int, bytes, bool, int]:
        async with staged(authority, good, script) as stage:
            connection = await stage.opened()
            # A patience that outlasts the scene: what is sent is not waited for once it is of no use.
            head = await ask(connection, LARGE, patience=2 * SECONDS)
            body = await rest_of(connection, head)
            return head.status, body, connection.settle(), len(stage.provider.heard)

    status, body, kept, heard = play(scene())
    assert (status, body, kept) == (413, b"much", False)
    assert heard < len(LARGE)


def test_an_early_answer_that_is_no_refusal_does_not_end_the_sending(
    authority: Authority, good: ssl.SSLContext
) -> None:
    async def scene() -> tuple[tuple[int, bytes], bool, int]:
        whole = asyncio.Event()

        async def eager(talk: Talk) -> None:
            await talk.read()
            talk.write(HELLO)
            await talk.request()
            whole.set()
            await silence(talk)

        async with staged(authority, good, eager) as stage:
            connection = await stage.opened()
            seen = await exchanged(connection, LARGE)
            await whole.wait()
            return seen, connection.settle(), len(stage.provider.heard)

    assert play(scene()) == ((200, b"hello"), True, len(REQUEST % len(LARGE)) + len(LARGE))


def test_a_provider_that_answers_at_length_and_never_reads_is_given_up(
    authority: Authority, good: ssl.SSLContext
) -> None:
    async def script(talk: Talk) -> None:
        await talk.read()
        await talk.pour(OK + b"content-length: %d\r\n\r\n" % len(LARGE) + LARGE)
        await asyncio.Event().wait()

    async def scene() -> bool:
        async with staged(authority, good, script) as stage:
            connection = await stage.opened()
            with pytest.raises(CutError) as cut:
                await rest_of(connection, await ask(connection, LARGE, patience=0.3))
            connection.settle()
            return cut.value.timed_out

    assert play(scene()) is True


# --- a provider faster than its client ---------------------------------------------------------------------


def test_what_nobody_takes_is_not_read_and_what_is_held_is_bounded(
    authority: Authority, good: ssl.SSLContext
) -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.pour(OK + b"content-length: %d\r\n\r\n" % len(LARGE) + LARGE)
        await silence(talk)

    async def scene() -> tuple[list[int], bool]:
        async with staged(authority, good, script) as stage:
            connection = await stage.opened()
            head = await ask(connection)
            sizes = []
            await until(lambda: connection._paused)
            connection._endure(0.05)
            await asyncio.sleep(0.2)  # longer than that: it is not the provider who is silent
            connection._endure(PATIENCE)
            while (piece := await connection.piece(head)) is not None:
                sizes.append(len(piece))
                await asyncio.sleep(0)
            kept = connection.settle()
            return sizes, kept

    sizes, kept = play(scene())
    assert (sum(sizes), kept) == (len(LARGE), True)
    assert 131_072 < max(sizes) <= HELD_AT_MOST
