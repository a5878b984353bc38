"""TCP with its outcome in closed words: who refused, who never answered, and whether our bytes were
acknowledged.
"""

import asyncio
import errno
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from conformance.model.transport import Outcome

MOST_BYTES = 2**16  # a certificate chain fits; a hostile stream ends here
_TOTAL_RETRANS = 100  # offsets in struct tcp_info, <linux/tcp.h>
_BYTES_ACKED = 120


@dataclass(frozen=True, slots=True)
class Exchange:
    """Bytes sent once and what came back. `ending` is None where the reader had seen enough and we closed
    first.
    """

    received: bytes = b""
    ending: Outcome | None = None
    acknowledged: bool | None = None
    syns: int = 0
    local: str = ""
    ms: int = 0


async def exchange(
    address: str,
    port: int,
    sent: bytes,
    *,
    patience: float,
    enough: Callable[[bytes], bool],
    connect_patience: float | None = None,
) -> Exchange:
    """Connect, send, and read until `enough`, the end, or `patience` seconds; one deadline for connecting,
    one for the rest.
    """
    began = monotonic()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.setblocking(False)
        trouble = await _connect(connection, address, port, connect_patience or patience)
        if trouble is not None:
            return Exchange(ending=trouble, syns=1 + _retransmissions(connection), ms=_ms(began))
        local = connection.getsockname()[0]
        received = bytearray()
        ending = await _converse(connection, sent, received, patience, enough)
        return Exchange(
            received=bytes(received),
            ending=ending,
            acknowledged=_acknowledged(connection, len(sent)),
            local=local,
            ms=_ms(began),
        )


async def _connect(connection: socket.socket, address: str, port: int, patience: float) -> Outcome | None:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(patience):
            await loop.sock_connect(connection, (address, port))
    except TimeoutError:
        return Outcome.CONNECT_TIMEOUT
    except OSError as trouble:
        if trouble.errno in {errno.ECONNREFUSED, errno.ECONNRESET}:
            return Outcome.CONNECT_REFUSED
        return Outcome.CONNECT_TIMEOUT if trouble.errno == errno.ETIMEDOUT else Outcome.UNREACHABLE
    return None


async def _converse(
    connection: socket.socket,
    sent: bytes,
    received: bytearray,
    patience: float,
    enough: Callable[[bytes], bool],
) -> Outcome | None:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(patience):
            await loop.sock_sendall(connection, sent)
            while len(received) < MOST_BYTES:
                chunk = await loop.sock_recv(connection, MOST_BYTES)
                if not chunk:
                    return Outcome.CLOSED
                received += chunk
                if enough(bytes(received)):
                    return None
    except TimeoutError:
        return Outcome.SILENCE
    except OSError:
        return Outcome.RESET
    return None


def _acknowledged(connection: socket.socket, length: int) -> bool | None:
    """Whether the peer's TCP acknowledged all we sent. The kernel counts the SYN as one byte, also after a
    reset.
    """
    info = _tcp_info(connection)
    if len(info) < _BYTES_ACKED + 8:
        return None
    return bool(struct.unpack_from("=Q", info, _BYTES_ACKED)[0] >= length + 1)


def _retransmissions(connection: socket.socket) -> int:
    info = _tcp_info(connection)
    return int(struct.unpack_from("=I", info, _TOTAL_RETRANS)[0]) if len(info) >= _TOTAL_RETRANS + 4 else 0


def _tcp_info(connection: socket.socket) -> bytes:
    option = getattr(socket, "TCP_INFO", None)
    if option is None:  # not Linux: what is not known is None, and nothing passes on it
        return b""
    try:
        return connection.getsockopt(socket.IPPROTO_TCP, option, 256)
    except OSError:
        return b""


def _ms(began: float) -> int:
    return int((monotonic() - began) * 1000)
