"""A provider that does exactly what a script says, down to the record and the way it hangs up."""

import asyncio
import re
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n")
_READ = 65_536


class Talk:
    """One connection at the provider's end: TLS over a plain stream, every step by hand."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext | None
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True) if context else None
        self.heard = b""  # everything that could be deciphered
        self._begun = 0  # of `heard` was understood

    async def shake_hands(self) -> None:
        """Raises OSError, of which ssl.SSLError is one, and EOFError."""
        while self._tls is not None:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                await self._fetch()
            except ssl.SSLError:
                self._flush()
                raise
            else:
                self._flush()
                return

    async def read(self) -> bytes:
        """The next plaintext, empty at the other side's goodbye. Raises EOFError where there was none."""
        while True:
            try:
                piece = self._tls.read(_READ) if self._tls else await self._reader.read(_READ)
            except ssl.SSLWantReadError:
                await self._fetch()
                continue
            self.heard += piece
            return piece

    async def request(self) -> bytes:
        """The next request, head and body."""
        while (end := self.heard.find(b"\r\n\r\n", self._begun)) < 0:
            await self._more()
        length = _LENGTH.search(self.heard, self._begun)
        whole = end + 4 + int(length[1] if length else 0)
        while len(self.heard) < whole:
            await self._more()
        begun, self._begun = self._begun, whole
        return self.heard[begun:whole]

    def write(self, plaintext: bytes) -> None:
        """In as many records as it takes."""
        if self._tls is None:
            self._writer.write(plaintext)
            return
        self._tls.write(plaintext)
        self._flush()

    async def pour(self, plaintext: bytes) -> None:
        """Writes, and waits for the other side to keep up."""
        for start in range(0, len(plaintext), _READ):
            self.write(plaintext[start : start + _READ])
            await self._writer.drain()

    def raw(self, data: bytes) -> None:
        """Writes past TLS."""
        self._writer.write(data)

    def goodbye(self) -> None:
        """Sends a close_notify; the connection stays."""
        if self._tls is not None:
            with suppress(ssl.SSLWantReadError):
                self._tls.unwrap()
            self._flush()

    def end(self) -> None:
        """Sends no more: a FIN, without a word of TLS."""
        self._writer.write_eof()

    def reset(self) -> None:
        """Hangs up with a RST."""
        linger = struct.pack("ii", 1, 0)
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._writer.transport.abort()

    def close(self) -> None:
        """Hangs up once all was sent, with a FIN."""
        self._writer.close()

    async def _more(self) -> None:
        if not await self.read():
            raise EOFError

    async def _fetch(self) -> None:
        data = await self._reader.read(_READ)
        if not data:
            raise EOFError
        self._incoming.write(data)

    def _flush(self) -> None:
        self._writer.write(self._outgoing.read())


Script = Callable[[Talk], Awaitable[None]]


@dataclass
class Provider:
    """What came to it: one talk for each connection, those that are over, and how some ended badly."""

    port: int
    talks: list[Talk] = field(default_factory=list)
    ended: list[Talk] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)

    @property
    def heard(self) -> bytes:
        """Everything that could be deciphered, on all connections."""
        return b"".join(talk.heard for talk in self.talks)


@asynccontextmanager
async def providing(
    script: Script, context: ssl.SSLContext | None, host: str = "127.0.0.1"
) -> AsyncIterator[Provider]:
    """A provider on the running loop; without a context it speaks no TLS. Hangs up when a script is at its end."""
    tasks: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        talk = Talk(reader, writer, context)
        provider.talks.append(talk)
        try:
            await talk.shake_hands()
            await script(talk)
        except (OSError, EOFError) as failure:
            provider.failures.append(failure)
        except asyncio.CancelledError:
            return  # the play is over; asyncio's streams take a task that was cancelled for a fault
        finally:
            provider.ended.append(talk)
            talk.close()

    server = await asyncio.start_server(serve, host, 0, backlog=256)
    provider = Provider(server.sockets[0].getsockname()[1])
    try:
        yield provider
    finally:
        server.close()
        for task in tasks:
            if task is not None:
                task.cancel()
        await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)
