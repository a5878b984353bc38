"""A ledger and its workers in one process, with the real sockets between them, on the real event loop."""

import asyncio
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import uvloop

from reference_gateway.content.ledger_client import LedgerClient
from reference_gateway.ledger.accounts import Issued
from reference_gateway.ledger.server import LedgerServer
from reference_gateway.ledger.wire import (
    ANSWER_BYTES,
    REQUEST_BYTES,
    Authorise,
    Endpoint,
    Greeting,
    Held,
    Notice,
    Question,
    Reserve,
    Standing,
    news_frame,
    read_request,
)
from tests.reference_gateway.ledger_faulty import Faulty
from tests.reference_gateway.ledger_parts import Desk, authorise, in_memory, reserve_for

ASKED: Final = Authorise(5, bytes(49), Endpoint.CHAT)  # about a key that nobody has

Result = TypeVar("Result")


def played(scene: Coroutine[Any, Any, Result]) -> Result:
    """What comes of a scene on the event loop that the gateway's processes run on."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(asyncio.wait_for(scene, 60))


@dataclass
class Worker:
    """A worker's end, and how often it was told that its ledger is gone."""

    client: LedgerClient
    losses: list[None] = field(default_factory=list)

    async def shown(self, issued: Issued) -> Reserve:
        """A wish for a key, after showing it."""
        standing = await self.client.authorise(authorise(issued))
        assert isinstance(standing, Standing)
        return reserve_for(standing)

    async def held(self, issued: Issued) -> Held:
        """A hold."""
        held = await self.client.reserve(await self.shown(issued))
        assert isinstance(held, Held)
        return held


@dataclass
class House:
    """A ledger that serves."""

    desk: Desk
    server: LedgerServer
    workers: list[Worker] = field(default_factory=list)

    def channel(self) -> socket.socket:
        """A worker's end without a worker."""
        ours, theirs = socket.socketpair()
        self.server.add(theirs)
        ours.settimeout(20)
        return ours

    async def worker(self) -> Worker:
        """A new worker, greeted."""
        worker = Worker(LedgerClient(self.channel()))
        await worker.client.open(lambda: worker.losses.append(None))
        self.workers.append(worker)
        return worker


@asynccontextmanager
async def house(storage: Faulty | None = None) -> AsyncIterator[House]:
    """Opened and closed as the ledger process does it."""
    desk = Desk(storage or in_memory(Faulty))
    there = House(desk, LedgerServer(desk.book))
    try:
        yield there
    finally:
        for worker in there.workers:
            worker.client.close()
        there.server.close()


def answers(end: socket.socket, count: int) -> bytes:
    """So many frames of the ledger, from a socket that waits."""
    received = b""
    while len(received) < count * ANSWER_BYTES:
        received += end.recv(count * ANSWER_BYTES - len(received))
    return received


class Scripted:
    """A ledger's end that a test speaks through; it says nothing by itself."""

    def __init__(self) -> None:
        self.end, theirs = socket.socketpair()
        self.end.settimeout(20)
        self.client = LedgerClient(theirs)
        self.losses = 0
        self.end.sendall(news_frame(Greeting(b"e" * 16)))

    def lost(self) -> None:
        self.losses += 1

    def heard(self, count: int) -> list[tuple[int, Question | Notice]]:
        """The next frames, which must be there by now or come without this loop's help."""
        data = b""
        while len(data) < count * REQUEST_BYTES:
            data += self.end.recv(count * REQUEST_BYTES - len(data))
        return [read_request(data[at : at + REQUEST_BYTES]) for at in range(0, len(data), REQUEST_BYTES)]

    def silent(self) -> bool:
        """Whether nothing more has been said."""
        self.end.setblocking(False)
        try:
            return not self.end.recv(1)
        except BlockingIOError:
            return True
        finally:
            self.end.settimeout(20)


@asynccontextmanager
async def scripted() -> AsyncIterator[Scripted]:
    ledger = Scripted()
    await ledger.client.open(ledger.lost)
    try:
        yield ledger
    finally:
        ledger.client.close()
        ledger.end.close()


async def turns(count: int = 3) -> None:
    """Lets everything that is due on the loop happen."""
    for _ in range(count):
        await asyncio.sleep(0)
