"""A worker's end of the channel, and what becomes of dials that nobody waits for or nobody serves."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from reference_gateway import dials
from reference_gateway.content.dialing import DialerClient
from reference_gateway.dialer import Address
from tests.reference_gateway.upstream.dialling import (
    UNREACHABLE,
    channel,
    dialling,
    listening,
    next_word,
    reached,
    refusing,
    silent,
)
from tests.reference_gateway.upstream.playing import open_sockets, play, until


@pytest.mark.parametrize("turns", range(10))
def test_a_dial_that_is_cancelled_leaves_no_socket(turns: int) -> None:
    async def scene() -> tuple[Any, Any, set[str]]:
        with listening() as address:
            async with dialling(address) as client:
                before = open_sockets()
                dial = asyncio.ensure_future(reached(client))
                for _ in range(turns):
                    await asyncio.sleep(0)
                dial.cancel()
                await asyncio.wait([dial])
                other = await reached(client)
                await until(lambda: open_sockets() <= before)
                return other, address, open_sockets() - before

    other, address, left = play(scene())
    assert other == address
    assert left == set()


class ByHand:
    """A dialer whose every word is said by hand."""

    def __init__(self, end: socket.socket, client: DialerClient) -> None:
        self.client = client
        self._end = end

    async def asked(self) -> tuple[asyncio.Future[Any], int]:
        """A dial, and its number as the dialer hears it."""
        dial = asyncio.ensure_future(reached(self.client))
        seq, _ = dials.read_request(await next_word(self._end))
        return dial, seq

    def says(self, word: bytes, *passed: socket.socket) -> None:
        socket.send_fds(self._end, [word], [one.fileno() for one in passed])

    def hangs_up(self) -> None:
        self._end.close()


@asynccontextmanager
async def by_hand() -> AsyncIterator[tuple[ByHand, list[str]]]:
    """A dialer by hand, and what the worker was told of its loss."""
    theirs, ours = channel()
    theirs.setblocking(False)
    losses: list[str] = []
    client = DialerClient(ours, lambda: losses.append("lost"))
    try:
        yield ByHand(theirs, client), losses
    finally:
        theirs.close()
        await until(lambda: client._lost or not client._listening)
        ours.close()


def test_a_dialer_that_is_gone_fails_waiting_and_later_dials() -> None:
    async def scene() -> tuple[list[Any], list[str]]:
        async with by_hand() as (dialer, losses):
            waiting = [(await dialer.asked())[0] for _ in range(3)]
            dialer.hangs_up()
            return [*await asyncio.gather(*waiting), await reached(dialer.client)], losses

    assert play(scene()) == ([UNREACHABLE] * 4, ["lost"])


@pytest.mark.parametrize(
    "word",
    [
        b"HTTP/1.1 200 OK",
        dials.reply(1, dials.CONNECTED) + b"\0",
        dials.reply(1, dials.CONNECTED)[:-1] + b"\1",
    ],
)
def test_a_dialer_that_says_no_word_is_not_listened_to_any_longer(word: bytes) -> None:
    async def scene() -> tuple[Any, list[str], set[str]]:
        async with by_hand() as (dialer, losses):
            before = open_sockets()
            dial, _ = await dialer.asked()
            with socket.socket() as some:
                dialer.says(word, some)
            return await dial, losses, open_sockets() - before

    got, losses, left = play(scene())
    assert (got, losses) == (UNREACHABLE, ["lost"])
    assert left == set()


def test_a_connection_without_a_socket_is_none() -> None:
    async def scene() -> Any:
        async with by_hand() as (dialer, _):
            dial, seq = await dialer.asked()
            dialer.says(dials.reply(seq, dials.CONNECTED))
            return await dial

    assert play(scene()) == UNREACHABLE


@pytest.mark.parametrize(
    ("other", "result"), [(0, dials.UNREACHABLE), (0, dials.TIMED_OUT), (1, dials.CONNECTED)]
)
def test_a_socket_that_nobody_asked_for_is_closed(other: int, result: int) -> None:
    async def scene() -> tuple[Any, set[str]]:
        async with by_hand() as (dialer, _):
            before = open_sockets()
            dial, seq = await dialer.asked()
            with socket.socket() as some:
                dialer.says(dials.reply(seq + other, result), some)
            dialer.says(dials.reply(seq, dials.UNREACHABLE))
            return (await dial)[0], open_sockets() - before

    assert play(scene()) == ("nothing was sent", set())


# --- a dialer in a process of its own ----------------------------------------------------------------------


@asynccontextmanager
async def apart(*addresses: Address) -> AsyncIterator[tuple[DialerClient, subprocess.Popen[bytes]]]:
    """A client of a dialer that has a process of its own."""
    theirs, ours = channel()
    told = [part for host, port in addresses for part in (host, str(port))]
    command = [sys.executable, "-m", "tests.reference_gateway.upstream.dialer_process", str(theirs.fileno())]
    process = await asyncio.to_thread(subprocess.Popen, [*command, *told], pass_fds=[theirs.fileno()])
    theirs.close()
    client = DialerClient(ours)
    try:
        yield client, process
    finally:
        process.kill()
        await asyncio.to_thread(process.wait)
        await until(lambda: client._lost or not client._listening)
        ours.close()


def test_a_dialer_of_its_own_process_connects() -> None:
    async def scene() -> tuple[list[Any], list[Any], int]:
        with listening() as alive, refusing() as dead:
            async with apart(alive, dead) as (client, _):
                got = [await reached(client, number) for number in (0, 1, 0)]
                connected = await asyncio.gather(*(client.dial(0) for _ in range(60)))
                for one in connected:
                    one.close()
                return got, [alive, UNREACHABLE, alive], len(connected)

    got, wanted, many = play(scene())
    assert got == wanted
    assert many == 60


def test_when_a_dialer_is_killed_nothing_was_sent() -> None:
    async def scene() -> list[Any]:
        with listening() as alive, silent() as dead:
            async with apart(alive, dead) as (client, process):
                first = await reached(client, 0)
                waiting = [asyncio.ensure_future(reached(client, 1)) for _ in range(3)]
                await asyncio.sleep(0)
                os.kill(process.pid, signal.SIGKILL)
                return [first == alive, *await asyncio.gather(*waiting), await reached(client, 0)]

    assert play(scene()) == [True] + [UNREACHABLE] * 4
