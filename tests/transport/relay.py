"""A network between the audit and a deployment: it takes time, and loses connections."""

import asyncio
import random
import socket
import struct
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

import uvloop

_CHUNK = 2**16


@dataclass(slots=True)
class Network:
    """Seconds that a byte takes in each direction, and the shares of connections that are reset or swallowed."""

    delay: float = 0.0
    resets: float = 0.0
    swallows: float = 0.0
    source: random.Random = field(default_factory=lambda: random.Random(7))
    connections: int = 0
    lost: int = 0


@contextmanager
def through(network: Network, port: int, address: str = "127.0.0.1") -> Iterator[int]:
    """Relay to a port of this machine; yields the port to connect to."""
    ready: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = Future()
    thread = threading.Thread(target=_run, args=(network, address, port, ready))
    thread.start()
    near, loop, stopping = ready.result()
    try:
        yield near
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join()


def _run(
    network: Network,
    address: str,
    port: int,
    ready: "Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]]",
) -> None:
    # Not asyncio's own loop: a network should cost as little of this machine as can be.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(network, address, port, ready))


async def _serve(
    network: Network,
    address: str,
    port: int,
    ready: "Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]]",
) -> None:
    stopping, relays = asyncio.Event(), set[asyncio.Task[None]]()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        relays.add(asyncio.create_task(_relay(network, address, port, reader, writer)))

    server = await asyncio.start_server(accepted, "127.0.0.1", 0, backlog=512)
    ready.set_result((server.sockets[0].getsockname()[1], asyncio.get_running_loop(), stopping))
    await stopping.wait()
    server.close()
    await asyncio.sleep(0)
    for relay in relays:
        relay.cancel()
    await asyncio.gather(*relays, return_exceptions=True)


async def _relay(
    network: Network, address: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    network.connections += 1
    fate = network.source.random()
    network.lost += fate < network.resets + network.swallows
    try:
        if fate < network.resets:
            await _reset(reader, writer)
        elif fate < network.resets + network.swallows:
            while await reader.read(_CHUNK):
                pass
        else:
            await _joined(network, reader, writer, *await asyncio.open_connection(address, port))
    except OSError:
        pass  # one end has gone: so does the other
    finally:
        writer.transport.abort()


async def _reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(_CHUNK)
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def _joined(
    network: Network,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    far_reader: asyncio.StreamReader,
    far_writer: asyncio.StreamWriter,
) -> None:
    """Both directions until both have ended. The first bytes also wait for the handshake of TCP."""
    await asyncio.sleep(2 * network.delay)
    try:
        await asyncio.gather(
            _passed(network.delay, reader, far_writer), _passed(network.delay, far_reader, writer)
        )
    finally:
        far_writer.transport.abort()


async def _passed(delay: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Each piece arrives so much later, and does not hold up the next one."""
    loop, last = asyncio.get_running_loop(), asyncio.Event()
    last.set()
    while data := await reader.read(_CHUNK):
        last = asyncio.Event()
        loop.call_later(delay, _written, writer, data, last)
    await last.wait()
    with suppress(OSError, RuntimeError):  # a transport that is closing takes no end any more
        writer.write_eof()


def _written(writer: asyncio.StreamWriter, data: bytes, done: asyncio.Event) -> None:
    if not writer.transport.is_closing():
        writer.write(data)
    done.set()


def _main(delay: str, *ports: str) -> None:
    """Relay to each port until standard input ends; the ports to connect to are printed."""
    with ExitStack() as stack:
        near = [stack.enter_context(through(Network(delay=float(delay)), int(port))) for port in ports]
        print(*near, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    _main(*sys.argv[1:])
