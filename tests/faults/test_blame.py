"""What a broken handshake is called: only certificates and versions are laid at the operator's door."""

import asyncio
import ssl

import pytest

from conformance.probes.door import Door, NoAnswer
from conformance.probes.meter import Meter
from conformance.target import Gateway, Target


async def _asked(answer: bytes) -> str:
    """What the door calls a server that answers a TLS hello with these bytes and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        target = Target(
            name="x", environment="test", gateway=Gateway(base_urls=(f"https://127.0.0.1:{port}",))
        )
        door = Door(target, ssl.create_default_context(), Meter(target.limits))
        reply = await door.send("GET", "/")
        await door.close()
    assert isinstance(reply, NoAnswer)
    return reply.kind


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", "reset"),
        (b"\x16\x03\x03", "reset"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "garbage"),
        (bytes(40), "garbage"),
        (b"\x15\x03\x03\x00\x02\x02\x46", "tls"),  # alert 70, protocol_version
    ],
)
def test_only_what_tls_itself_refuses_is_called_tls(answer: bytes, kind: str) -> None:
    assert asyncio.run(_asked(answer)) == kind
