"""The tripwire: who follows a link or looks up a name that stood in a prompt comes here, and is noted.

Links lead to the witness's own listener, so that calls of the gateway to its provider prove that they can be followed. With
TLS there, whoever does not trust its certificate would leave no trace; so links come without TLS too, to the same port.
Names belong to a zone that is delegated to this listener.
"""

import asyncio
import ipaddress
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, cast

from conformance.witness.dns import MOST, in_zone, question, response

_MOST_TOUCHES = 10_000
_MOST_HEAD = 8192
_SECONDS = 3.0  # to send the head of a request
TELLING = ("host", "authorization", "referer")
"""Headers in which a canary tells what was followed."""
_GONE = b"HTTP/1.1 404 Not Found\r\ncontent-type: text/plain\r\ncontent-length: 10\r\nconnection: close\r\n\r\nnot found\n"
_HANDSHAKE = 0x16  # a record of TLS's handshake (RFC 8446, 5.1): no method of HTTP begins so


@dataclass(frozen=True, slots=True)
class Trace:
    """Somebody came. In `words` a canary may stand: request target, host and credential, or the name that was looked up."""

    by: Literal["http", "dns"]
    source: str  # address without its port
    at: float  # loop time in seconds
    words: str = field(repr=False)


class Tripwire:
    """Notes who comes; answers names of a zone with one address. Does nothing until it is started, and needs no zone."""

    def __init__(self, *, listen: tuple[str, int] | None = None, zone: str = "", address: str = "") -> None:
        """`listen` is where names are answered, by UDP and TCP; `address` is the answer, that of the witness."""
        self.zone = zone.lower().strip(".")
        self.traces: list[Trace] = []
        self._listen = listen
        self._address = address
        self._transport: asyncio.DatagramTransport | None = None
        self._closed = asyncio.Event()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Answer names, where a zone was given. Raises OSError where the address cannot be bound."""
        if self._listen is None:
            return
        # TCP first: where any port will do, one that is free for TCP is hardly ever taken for UDP, but often the other way round.
        self._server = await asyncio.start_server(self._by_tcp, *self._listen)
        place = self._server.sockets[0].getsockname()[:2]
        try:
            self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: _Names(self, self._closed), local_addr=place
            )
        except OSError:
            self._server.close()
            raise

    @property
    def port(self) -> int:
        """Where names are answered; 0: nowhere."""
        return 0 if self._transport is None else int(self._transport.get_extra_info("sockname")[1])

    async def stop(self) -> None:
        """Answer no more."""
        if self._transport is not None:
            self._transport.close()
            await self._closed.wait()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def note(self, by: Literal["http", "dns"], source: str, words: str) -> None:
        """Remember that somebody came; whoever comes all the time cannot fill our memory."""
        if len(self.traces) < _MOST_TOUCHES:
            self.traces.append(Trace(by, source, asyncio.get_running_loop().time(), words))

    def looked_up(self, message: bytes, source: str) -> bytes | None:
        """Note a query for a name of the zone, and answer it."""
        asked = question(message)
        if asked is not None and in_zone(asked.name, self.zone):
            self.note("dns", source, asked.name)
        return response(message, self.zone, self._address)

    async def overhear(self, accepted: socket.socket) -> None:
        """Note a request in clear text that came to a listener of TLS, refuse it, and close its connection."""
        source = accepted.getpeername()[0]
        reader, writer = await asyncio.open_connection(sock=accepted, limit=_MOST_HEAD)
        try:
            async with asyncio.timeout(_SECONDS):
                self.note("http", source, telling(await _head(reader)))
                writer.write(_GONE)
                await writer.drain()
        except (OSError, TimeoutError):
            return  # it left, or stays without a word
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _by_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One query by TCP: its length before it (RFC 1035, 4.2.2)."""
        try:
            async with asyncio.timeout(_SECONDS):
                size = int.from_bytes(await reader.readexactly(2))
                source = writer.get_extra_info("peername")[0]
                answer = self.looked_up(await reader.readexactly(size), source)
                if answer is not None:
                    writer.write(len(answer).to_bytes(2) + answer)
                    await writer.drain()
        except (OSError, EOFError, TimeoutError):
            return
        finally:
            writer.close()


class _Names(asyncio.DatagramProtocol):
    def __init__(self, tripwire: Tripwire, closed: asyncio.Event) -> None:
        self._tripwire = tripwire
        self._closed = closed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Where answers go out."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed."""
        self._closed.set()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """One query, one answer."""
        answer = self._tripwire.looked_up(data, addr[0])
        if answer is not None and len(answer) <= MOST:
            self._transport.sendto(answer, addr)


def is_address(host: str) -> bool:
    """Whether a host is an address that somebody can be sent to, and no name."""
    try:
        return not ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


async def speaks_in_clear(accepted: socket.socket, seconds: float) -> bool:
    """Whether what a new connection says first is not TLS; nothing of it is taken away. False where it says nothing."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(accepted, readable.set)
    try:
        async with asyncio.timeout(seconds):
            await readable.wait()
    except TimeoutError:
        return False
    except asyncio.CancelledError:
        accepted.close()
        raise
    finally:
        loop.remove_reader(accepted)
    first = accepted.recv(1, socket.MSG_PEEK)
    return bool(first) and first[0] != _HANDSHAKE


def telling(head: bytes) -> str:
    """The words of a request's head in which a canary tells what was followed: its target, and some headers."""
    lines = head.decode("latin-1").splitlines()
    fields = (line.partition(":") for line in lines[1:])
    told = [value.strip() for name, _, value in fields if name.strip().lower() in TELLING]
    return "\n".join([*lines[:1], *told])


async def _head(reader: asyncio.StreamReader) -> bytes:
    """The head of a request; what there is of it where it breaks off or is too long."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as short:
        return short.partial
    except asyncio.LimitOverrunError:
        return await reader.read(_MOST_HEAD)
