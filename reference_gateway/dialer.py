"""Connects to the configured providers, and to nobody else, for workers that can make no connection themselves.

It resolves names, connects by TCP and passes the socket on. No byte of content comes here: TLS begins in the
worker. A worker can choose among the providers and no more, so that names and addresses carry nothing out.
"""

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from aiohappyeyeballs import start_connection

from reference_gateway import dials
from reference_gateway.dials import WordError

_NEXT_ADDRESS_AFTER: Final = 0.25  # seconds; RFC 8305, 8: Connection Attempt Delay
_MOST_UNDER_WAY: Final = 4096  # dials for one worker

Address = tuple[str, int]


@dataclass(eq=False, slots=True)
class _Worker:
    """A worker's channel, and the dials under way for it. `turn`: one reply at a time waits for room."""

    channel: socket.socket
    under_way: set[asyncio.Task[None]] = field(default_factory=set)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class DialerServer:
    """Serves workers on the running event loop. `addresses`: (host, port) of each provider, by its number.

    Each dial has `patience` seconds, name resolution included. A worker that leaves a reply unread for as
    long is hung up on.
    """

    def __init__(self, addresses: Sequence[Address], patience: float) -> None:
        self._addresses = tuple(addresses)
        self._patience = patience
        self._workers: set[_Worker] = set()
        self._questions: dict[Address, asyncio.Future[list[Any]]] = {}
        self._loop = asyncio.get_running_loop()

    def add(self, channel: socket.socket) -> None:
        """A new worker's channel, a packet socket; it is closed here."""
        channel.setblocking(False)
        worker = _Worker(channel)
        self._workers.add(worker)
        self._loop.add_reader(channel, self._hear, worker)

    def close(self) -> None:
        """Hangs up on all workers."""
        for worker in tuple(self._workers):
            self._hang_up(worker)

    def _hear(self, worker: _Worker) -> None:
        try:
            seq, address = self._asked(worker.channel)
            if len(worker.under_way) >= _MOST_UNDER_WAY:
                # Where not even this has room, the asker's own patience ends.
                _put(worker.channel, dials.reply(seq, dials.UNREACHABLE))
                return
        except BlockingIOError:
            return
        except (OSError, WordError):
            self._hang_up(worker)
            return
        dial = asyncio.ensure_future(self._dial(worker, seq, address))
        worker.under_way.add(dial)
        dial.add_done_callback(worker.under_way.discard)

    def _asked(self, channel: socket.socket) -> tuple[int, Address]:
        """Raises WordError for anything but a dial to one of the providers."""
        seq, number = dials.read_request(channel.recv(dials.REQUEST_BYTES + 1))
        if number >= len(self._addresses):
            raise WordError
        return seq, self._addresses[number]

    async def _dial(self, worker: _Worker, seq: int, address: Address) -> None:
        try:
            async with asyncio.timeout(self._patience):
                connected = await self._connected(address)
        except TimeoutError:
            await self._say(worker, dials.reply(seq, dials.TIMED_OUT))
        except (OSError, RuntimeError, UnicodeError):
            # UnicodeError: a name that no resolver takes. RuntimeError: how uvloop says some of what is an OSError.
            await self._say(worker, dials.reply(seq, dials.UNREACHABLE))
        else:
            with connected:
                await self._say(worker, dials.reply(seq, dials.CONNECTED), connected)

    async def _connected(self, address: Address) -> socket.socket:
        """A connected socket, non-blocking: addresses of both families are tried side by side (RFC 8305)."""
        infos = await self._resolved(address)
        return await start_connection(infos, happy_eyeballs_delay=_NEXT_ADDRESS_AFTER, interleave=1)

    async def _resolved(self, address: Address) -> list[Any]:
        """One question at a time for each provider: one whose name does not resolve holds up no other.

        The resolver has a few threads, and a question that nobody waits for any more still occupies one.
        """
        question = self._questions.get(address)
        if question is None:
            asked = self._loop.getaddrinfo(*address, type=socket.SOCK_STREAM)
            question = self._questions[address] = asyncio.ensure_future(asked)
            question.add_done_callback(lambda _: self._questions.pop(address))
        return await asyncio.shield(question)

    async def _say(self, worker: _Worker, word: bytes, *passed: socket.socket) -> None:
        try:
            async with asyncio.timeout(self._patience), worker.turn:
                while not _put(worker.channel, word, passed):
                    await self._room(worker)
        except OSError:
            self._hang_up(worker)  # it is gone, or does not read

    async def _room(self, worker: _Worker) -> None:
        room = self._loop.create_future()
        self._loop.add_writer(worker.channel, partial(_tell, room))
        try:
            await room
        finally:
            if worker in self._workers:
                self._loop.remove_writer(worker.channel)

    def _hang_up(self, worker: _Worker) -> None:
        if worker not in self._workers:
            return
        self._workers.remove(worker)
        self._loop.remove_reader(worker.channel)
        self._loop.remove_writer(worker.channel)
        worker.channel.close()
        for dial in worker.under_way:
            dial.cancel()


def _put(channel: socket.socket, word: bytes, passed: Sequence[socket.socket] = ()) -> bool:
    """Whether there was room for it. Raises OSError."""
    try:
        socket.send_fds(channel, [word], [one.fileno() for one in passed])
    except BlockingIOError:
        return False
    return True


def _tell(room: "asyncio.Future[None]") -> None:
    if not room.done():
        room.set_result(None)
