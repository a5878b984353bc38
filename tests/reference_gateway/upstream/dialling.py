"""A dialer and a worker's end of its channel, and addresses with known behaviour."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress

from reference_gateway.content.dialing import DialerClient
from reference_gateway.content.upstream import NothingSentError
from reference_gateway.dialer import Address, DialerServer
from tests.reference_gateway.upstream.playing import until

LOOPBACK = "127.0.0.1"
Refusal = tuple[str, bool]
TIMED_OUT, UNREACHABLE = ("nothing was sent", True), ("nothing was sent", False)


def channel() -> tuple[socket.socket, socket.socket]:
    """As the supervisor makes it, but with room for a handful of words only."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)  # the kernel makes more of it
    return ends


@asynccontextmanager
async def dialling(*addresses: Address, patience: float = 5.0) -> AsyncIterator[DialerClient]:
    """A client of a dialer for these providers, both on the running loop."""
    theirs, ours = channel()
    server = DialerServer(addresses, patience)
    server.add(theirs)
    client = DialerClient(ours)
    try:
        yield client
    finally:
        server.close()
        await until(lambda: client._lost or not client._listening)
        ours.close()


@asynccontextmanager
async def overheard(*addresses: Address, patience: float = 5.0) -> AsyncIterator[socket.socket]:
    """A worker's bare channel to a dialer, to say words by hand."""
    theirs, ours = channel()
    server = DialerServer(addresses, patience)
    server.add(theirs)
    ours.setblocking(False)
    with ours:
        yield ours
    server.close()


async def reached(client: DialerClient, provider: int = 0) -> Address | Refusal:
    """Whom a dial reached, or how it failed."""
    try:
        connected = await client.dial(provider)
    except NothingSentError as failure:
        return "nothing was sent", failure.timed_out
    with connected:
        host, port = connected.getpeername()[:2]
        return host, port


async def said(end: socket.socket, *words: bytes) -> None:
    """Says words on a bare channel as soon as there is room, for as long as the other side is there."""
    with suppress(ConnectionError):
        for word in words:
            await asyncio.get_running_loop().sock_sendall(end, word)


async def next_word(end: socket.socket) -> bytes:
    """The next word on a bare channel, empty when the other side has hung up."""
    try:
        return await asyncio.get_running_loop().sock_recv(end, 64)
    except ConnectionError:
        return b""


@contextmanager
def listening(host: str = LOOPBACK, port: int = 0, backlog: int = 512) -> Iterator[Address]:
    """An address where connections are taken, by the kernel alone."""
    with socket.create_server((host, port), backlog=backlog) as listener:
        yield host, listener.getsockname()[1]


@contextmanager
def refusing() -> Iterator[Address]:
    """An address where connections are refused: bound, so that nobody else takes it, but deaf."""
    with socket.socket() as deaf:
        deaf.bind((LOOPBACK, 0))
        yield LOOPBACK, deaf.getsockname()[1]


@contextmanager
def silent(host: str = LOOPBACK, port: int = 0) -> Iterator[Address]:
    """An address where nothing is answered: its queue is full, so the kernel drops what else comes."""
    with socket.socket() as listener, ExitStack() as filling:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(0)
        for _ in range(3):
            filler = filling.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield host, listener.getsockname()[1]
