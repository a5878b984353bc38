"""A connection between two exchanges, and one that is left."""

import asyncio
import gc
import ssl
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from reference_gateway.content.provider_connection import ProviderConnection
from reference_gateway.content.upstream import NothingSentError
from tests.reference_gateway.upstream.certificates import Authority
from tests.reference_gateway.upstream.playing import open_sockets, play, until
from tests.reference_gateway.upstream.provider import Talk
from tests.reference_gateway.upstream.stage import (
    HELLO,
    OK,
    PATIENCE,
    Stage,
    answering,
    ask,
    exchanged,
    nothing,
    silence,
    staged,
    steady,
)

# --- at rest -----------------------------------------------------------------------------------------------


async def at_rest(stage: Stage, patience: float = PATIENCE) -> tuple[ProviderConnection, asyncio.Event]:
    """A connection that served once, and what tells that it cannot serve again."""
    connection, lost = await stage.opened(), asyncio.Event()
    await exchanged(connection)
    assert connection.settle()
    connection.rest(patience, lambda _: lost.set())
    return connection, lost


@pytest.mark.parametrize("then", ["goodbye", "end", "reset", "close"])
def test_a_connection_that_its_provider_closes_at_rest_is_reported(
    authority: Authority, good: ssl.SSLContext, then: str
) -> None:
    async def scene() -> bool:
        leave = asyncio.Event()

        async def script(talk: Talk) -> None:
            await talk.request()
            talk.write(HELLO)
            await leave.wait()
            getattr(talk, then)()
            await silence(talk)

        async with staged(authority, good, script) as stage:
            connection, lost = await at_rest(stage)
            leave.set()
            await lost.wait()
            await connection.gone()
            with pytest.raises(NothingSentError):
                await ask(connection)
            return connection.untouched()

    assert play(scene()) is False


@pytest.mark.parametrize(
    "unasked", [b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n", b"\r\n", b"x"]
)
def test_a_word_at_rest_ends_a_connection(authority: Authority, good: ssl.SSLContext, unasked: bytes) -> None:
    async def scene() -> None:
        speak = asyncio.Event()

        async def script(talk: Talk) -> None:
            await talk.request()
            talk.write(HELLO)
            await speak.wait()
            talk.write(unasked)
            await silence(talk)

        async with staged(authority, good, script) as stage:
            _, lost = await at_rest(stage)
            speak.set()
            await lost.wait()

    play(scene())


def test_tickets_at_rest_do_not_end_a_connection(authority: Authority) -> None:
    """RFC 8446, 4.6.1: a server may send them at any time after the handshake."""
    context = authority.issue()
    context.num_tickets = 4

    async def scene() -> tuple[int, bytes]:
        async with staged(authority, context, steady) as stage:
            connection = await stage.opened()
            connection.rest(PATIENCE, lambda _: pytest.fail("lost"))
            await until(connection.untouched)
            return await exchanged(connection)

    assert play(scene()) == (200, b"hello")


def test_what_the_loop_has_not_seen_yet_is_seen_before_a_connection_is_used(
    authority: Authority, good: ssl.SSLContext
) -> None:
    async def scene() -> tuple[bool, bool]:
        leave = asyncio.Event()

        async def script(talk: Talk) -> None:
            await talk.request()
            talk.write(HELLO)
            await leave.wait()

        async with staged(authority, good, script) as stage:
            connection, _ = await at_rest(stage)
            # Not read from here on, as by a loop that is busy with others.
            connection._transport.pause_reading()  # type: ignore[union-attr]
            before = connection.untouched()
            leave.set()
            await until(lambda: not connection.untouched())
            after = connection.untouched()
            return before, after

    assert play(scene()) == (True, False)


def test_a_connection_that_rested_long_enough_says_goodbye(
    authority: Authority, good: ssl.SSLContext
) -> None:
    async def scene() -> tuple[bytes, list[Exception]]:
        goodbye: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def script(talk: Talk) -> None:
            await talk.request()
            talk.write(HELLO)
            goodbye.set_result(await talk.read())

        async with staged(authority, good, script) as stage:
            _, lost = await at_rest(stage, patience=0.05)
            await lost.wait()
            return await goodbye, stage.provider.failures

    assert play(scene()) == (b"", [])


def test_a_connection_that_is_lost_before_it_is_used_was_sent_nothing(
    authority: Authority, good: ssl.SSLContext
) -> None:
    async def scene() -> bytes:
        async with staged(authority, good, nothing) as stage:
            connection = stage.made()
            await connection.open()
            await connection.gone()
            with pytest.raises(NothingSentError):
                await ask(connection)
            return stage.provider.heard

    assert play(scene()) == b""


# --- leaving -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("turns", range(1, 8))
def test_whoever_stops_opening_leaves_no_socket(
    authority: Authority, good: ssl.SSLContext, turns: int
) -> None:
    async def scene() -> set[str]:
        async with staged(authority, good, silence) as stage:
            before = open_sockets()
            connection = stage.made()
            opening = asyncio.ensure_future(connection.open())
            for _ in range(turns):
                await asyncio.sleep(0)
            opening.cancel()
            await asyncio.wait([opening])
            connection.abort()  # where it was open by then
            await until(lambda: open_sockets() <= before)
            return open_sockets() - before

    assert play(scene()) == set()


@pytest.mark.parametrize("moment", ["asking", "reading"])
def test_whoever_stops_an_exchange_leaves_no_socket(
    authority: Authority, good: ssl.SSLContext, moment: str
) -> None:
    answer = {"asking": b"", "reading": OK + b"content-length: 9\r\n\r\nhello"}[moment]

    async def scene() -> tuple[set[str], bool]:
        async with staged(authority, good, answering(answer)) as stage:
            before = open_sockets()
            connection = await stage.opened()
            exchange = asyncio.ensure_future(exchanged(connection))
            await until(lambda: bool(stage.provider.heard))
            exchange.cancel()
            await asyncio.wait([exchange])
            kept = connection.settle()
            await connection.gone()
            await until(lambda: open_sockets() <= before)
            return open_sockets() - before, kept

    assert play(scene()) == (set(), False)


def test_a_connection_at_rest_holds_nothing_of_what_it_carried(
    authority: Authority, good: ssl.SSLContext
) -> None:
    secret, told = b"a-secret-of-the-caller", b"a-secret-of-the-provider"
    answer = OK + b"x-told: " + told + b"\r\ncontent-length: %d\r\n\r\n" % len(told) + told

    async def scene() -> list[bytes]:
        async with staged(authority, good, answering(answer)) as stage:
            connection = await stage.opened()
            await exchanged(connection, secret)
            answer_gone = weakref.ref(connection._answer)
            with uncollected():
                connection.settle()
                assert answer_gone() is None
            return _bytes_reachable_from(connection)

    assert [data for data in play(scene()) if secret in data or told in data] == []


@contextmanager
def uncollected() -> Iterator[None]:
    """Without the collector of cycles, for which content must not wait."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _bytes_reachable_from(start: object) -> list[bytes]:
    """All bytes that it refers to, directly or not; the loop and what is not its own are left out."""
    found, seen, todo = [], {id(asyncio.get_running_loop())}, [start]
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, type | partial | ssl.SSLContext) or callable(one):
            continue
        seen.add(id(one))
        if isinstance(one, bytes | bytearray):
            found.append(bytes(one))
        todo.extend(gc.get_referents(one))
    return found
