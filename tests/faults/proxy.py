"""A road with weather: a TCP proxy that forwards bytes, and does to some connections what networks do.

It runs in a thread of its own, so that a trial can go on beside it, and `calm()` clears the weather while it stands.
"""

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.faults.weather import CLEAR, Fate, Weather, fate

_PIECE = 1 << 14
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER with no time: close sends RST


@dataclass(slots=True)
class Road:
    """Connections from a port of ours to a port beyond."""

    beyond: int
    weather: Weather
    seed: int
    port: int = 0
    connections: int = 0
    hit: int = 0  # connections that met trouble
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    def calm(self) -> None:
        """From now on every new connection gets through."""
        self.weather = CLEAR

    async def serve(self, standing: threading.Event, done: asyncio.Event) -> None:
        """Accept connections until `done`; `port` is known once `standing` is set."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        standing.set()
        await done.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._forward(reader, writer)
        except OSError:
            pass  # an end that reset its connection: the other end learns of it below
        except asyncio.CancelledError:
            pass  # the road is closed; the stream's own callback would report a cancelled task as an error
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        source = random.Random(f"{self.seed} {self.connections}")
        self.connections += 1
        weather, lot = self.weather, fate(self.weather, source)
        self.hit += lot.kind is not None
        if lot.kind == "drop":
            _reset(writer) if source.random() < 0.5 else None  # else an orderly close
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.beyond)
        try:
            writer.write(lot.garbage)
            pause = weather.seconds if lot.kind == "delay" else 0.0
            there = asyncio.create_task(_pump(reader, far_writer, source, pause))
            try:
                await _back(far_reader, writer, source, pause, lot)
                await there
            finally:
                there.cancel()
                await asyncio.gather(there, return_exceptions=True)
        finally:
            far_writer.transport.abort()


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, source: random.Random, pause: float
) -> None:
    """Carry bytes one way until their end, and pass the end on."""
    while piece := await reader.read(_PIECE):
        if pause:
            await asyncio.sleep(source.uniform(0, pause))
        writer.write(piece)
        await writer.drain()
    with suppress(OSError):
        writer.write_eof()


async def _back(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, source: random.Random, pause: float, lot: Fate
) -> None:
    """Carry the answer, up to the byte at which the connection meets its fate."""
    if lot.kind not in {"half-close", "stall", "cut"}:
        await _pump(reader, writer, source, pause)
        return
    left = lot.after
    while left > 0 and (piece := await reader.read(min(left, _PIECE))):
        writer.write(piece)
        await writer.drain()
        left -= len(piece)
    if lot.kind == "stall":
        # Neither bytes nor an end, until somebody loses patience and the road is closed.
        await asyncio.Event().wait()
    elif lot.kind == "cut":
        _reset(writer)
    else:
        writer.write_eof()
        while await reader.read(_PIECE):
            pass  # the far end talks on to nobody


def _reset(writer: asyncio.StreamWriter) -> None:
    writer.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


@contextmanager
def road(beyond: int, weather: Weather, seed: int) -> Iterator[Road]:
    """A road to a port of this machine, while the block lasts."""
    way = Road(beyond=beyond, weather=weather, seed=seed)
    standing = threading.Event()
    ends: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        done = asyncio.Event()
        ends.append((asyncio.get_running_loop(), done))
        await way.serve(standing, done)

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    standing.wait()
    try:
        yield way
    finally:
        loop, done = ends[0]
        loop.call_soon_threadsafe(done.set)
        thread.join()
