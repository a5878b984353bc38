"""Dials from a content worker to providers and back, over a real channel."""

import asyncio
import os
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from reference_gateway import dials
from reference_gateway.dialer import DialerServer
from tests.reference_gateway.upstream.dialling import (
    LOOPBACK,
    TIMED_OUT,
    UNREACHABLE,
    channel,
    dialling,
    listening,
    next_word,
    overheard,
    reached,
    refusing,
    said,
    silent,
)
from tests.reference_gateway.upstream.playing import open_sockets, play, until

MANY = 60  # more words than fit into a channel


def test_a_worker_names_a_provider_by_number_and_gets_a_connection_to_it() -> None:
    async def scene() -> list[Any]:
        with listening() as first, listening() as second:
            async with dialling(first, second) as client:
                return [await reached(client, number) for number in (1, 0, 1)] + [first, second]

    *got, first, second = play(scene())
    assert got == [second, first, second]


def test_what_a_worker_gets_does_not_block_and_is_not_inherited() -> None:
    async def scene() -> tuple[bool, bool]:
        with listening() as address:
            async with dialling(address) as client:
                with await client.dial(0) as connected:
                    return connected.getblocking(), os.get_inheritable(connected.fileno())

    assert play(scene()) == (False, False)


def test_a_refused_connection_is_reported_at_once() -> None:
    async def scene() -> Any:
        with refusing() as address:
            async with dialling(address) as client:
                return await reached(client)

    assert play(scene()) == UNREACHABLE


def test_a_provider_that_does_not_answer_is_given_up_after_a_while() -> None:
    async def scene() -> list[Any]:
        with silent() as dead, listening() as alive:
            async with dialling(dead, alive, patience=0.2) as client:
                waiting = asyncio.ensure_future(reached(client, 0))
                return [await reached(client, 1), await waiting, alive]

    other, got, alive = play(scene())
    assert (got, other) == (TIMED_OUT, alive)


def test_a_name_that_no_resolver_takes_is_unreachable() -> None:
    async def scene() -> Any:
        async with dialling(("a" * 70 + ".example", 443)) as client:
            return await reached(client)

    assert play(scene()) == UNREACHABLE


# --- names with several addresses --------------------------------------------------------------------------

Info = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int]]


def resolved(*hosts: str) -> Callable[..., list[Info]]:
    """A resolver that knows these addresses, in this order, for every name."""

    def resolve(_host: str, port: int, *_: Any, **__: Any) -> list[Info]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in hosts]

    return resolve


def test_a_first_address_that_refuses_does_not_keep_from_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolved("127.0.0.2", LOOPBACK))

    async def scene() -> tuple[Any, Any]:
        with listening() as (host, port):
            async with dialling(("name", port)) as client:
                return await reached(client), (host, port)

    got, alive = play(scene(), asyncio.new_event_loop)
    assert got == alive


def test_a_first_address_that_is_silent_does_not_keep_from_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolved("127.0.0.2", LOOPBACK))

    async def scene() -> tuple[Any, Any, set[str]]:
        with listening() as (host, port), silent("127.0.0.2", port):
            before = open_sockets()
            async with dialling(("name", port)) as client:
                got = await reached(client)
            await until(lambda: open_sockets() <= before)
            return got, (host, port), open_sockets() - before

    got, alive, left = play(scene(), asyncio.new_event_loop)
    assert got == alive
    assert left == set()


def test_an_unknown_name_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: Any, **__: Any) -> list[Info]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)

    async def scene() -> Any:
        async with dialling(("name", 443)) as client:
            return await reached(client)

    assert play(scene(), asyncio.new_event_loop) == UNREACHABLE


def test_a_name_that_does_not_resolve_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    questions, answer = [], threading.Event()

    def resolve(host: str, port: int, *rest: Any, **more: Any) -> list[Info]:
        questions.append(host)
        if host == "stuck":
            answer.wait(20)
        return resolved(LOOPBACK)(host, port, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)

    async def scene() -> tuple[list[Any], Any, Any]:
        with listening() as (host, port):
            async with dialling(("stuck", port), ("name", port), patience=1.0) as client:
                stuck = [asyncio.ensure_future(reached(client, 0)) for _ in range(100)]
                other = await reached(client, 1)
                waited = await asyncio.gather(*stuck)
                answer.set()
                return waited, other, (host, port)

    waited, other, alive = play(scene(), asyncio.new_event_loop)
    assert other == alive
    assert waited == [TIMED_OUT] * 100
    assert sorted(questions) == ["name", "stuck"]


# --- many at once ------------------------------------------------------------------------------------------


def test_more_dials_at_once_than_fit_into_the_channel_all_succeed() -> None:
    async def scene() -> tuple[set[str], int]:
        with listening() as address:
            before = open_sockets()
            async with dialling(address) as client:
                connected = await asyncio.gather(*(client.dial(0) for _ in range(MANY)))
                different = len({one.getsockname() for one in connected})
                for one in connected:
                    one.close()
            return open_sockets() - before, different

    assert play(scene()) == (set(), MANY)


def test_a_worker_that_reads_late_misses_no_reply() -> None:
    async def scene() -> set[int]:
        with refusing() as address:
            async with overheard(address) as ours:
                saying = asyncio.ensure_future(said(ours, *(dials.request(seq, 0) for seq in range(MANY))))
                await asyncio.sleep(0.1)  # it is busy
                heard = {dials.read_reply(await next_word(ours))[0] for _ in range(MANY)}
                await saying
                return heard

    assert play(scene()) == set(range(MANY))


def test_a_worker_that_does_not_read_is_hung_up_on_and_no_other_suffers() -> None:
    async def scene() -> tuple[Any, Any, set[str]]:
        before = open_sockets()
        with listening() as address:
            server = DialerServer([address], 0.2)
            (deaf, ours), (theirs, healthy) = channel(), channel()
            server.add(deaf)
            server.add(theirs)
            ours.setblocking(False)
            healthy.setblocking(False)
            await said(ours, *(dials.request(seq, 0) for seq in range(MANY)))
            await until(lambda: len(server._workers) == 1)
            await said(healthy, dials.request(1, 0))
            word = await next_word(healthy)
            server.close()
            ours.close()
            healthy.close()
        await until(lambda: open_sockets() <= before)
        return dials.read_reply(word), (1, dials.CONNECTED), open_sockets() - before

    got, wanted, left = play(scene())
    assert got == wanted
    assert left == set()


# --- words that are none -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "word",
    [
        dials.request(1, 1),
        dials.request(1, 2**16 - 1),
        dials.request(1, 0)[:-1],
        dials.request(1, 0) + b"\0",
        dials.request(1, 0)[:-1] + b"\1",
        b"POST /v1/chat/completions HTTP/1.1\r\n",
    ],
)
def test_whoever_does_not_ask_for_a_provider_is_hung_up_on(word: bytes) -> None:
    async def scene() -> bytes:
        with listening() as address:
            async with overheard(address) as ours:
                await said(ours, word)
                return await next_word(ours)

    assert play(scene()) == b""


def test_a_descriptor_from_a_worker_is_not_taken() -> None:
    async def scene() -> tuple[tuple[int, int], set[str]]:
        with refusing() as address:
            async with overheard(address) as ours:
                before = open_sockets()
                socket.send_fds(ours, [dials.request(7, 0)], [ours.fileno()])
                return dials.read_reply(await next_word(ours)), open_sockets() - before

    assert play(scene()) == ((7, dials.UNREACHABLE), set())


def test_a_worker_that_leaves_takes_its_dials_along() -> None:
    async def scene() -> set[str]:
        with silent() as address:
            before = open_sockets()
            server = DialerServer([address], 20.0)
            theirs, ours = channel()
            server.add(theirs)
            ours.setblocking(False)
            await said(ours, *(dials.request(seq, 0) for seq in range(5)))
            await until(lambda: len(open_sockets() - before) == 7)
            ours.close()
            await until(lambda: open_sockets() <= before)
            return open_sockets() - before

    assert play(scene()) == set()
