"""A server of lines over TLS that is rehearsed, confined, and then serves: a content worker in small."""

import asyncio
import json
import socket
import ssl
from pathlib import Path

import uvloop

from reference_gateway.content.confine import confine


def serve(channel: socket.socket, folder: str) -> str:
    """Says where it listens once it is confined; ends at the first word."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(folder, "server.pem"), Path(folder, "server.key"))
    trust = ssl.create_default_context(cafile=str(Path(folder, "ca.pem")))
    listener = socket.create_server(("127.0.0.1", 0))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_rehearse(listener.dup(), context, trust))
    confine([channel.fileno(), listener.fileno()])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(listener, context, channel))
    return "ended"


async def _rehearse(listener: socket.socket, context: ssl.SSLContext, trust: ssl.SSLContext) -> None:
    async with await asyncio.start_server(_echo, sock=listener, ssl=context):
        reader, writer = await asyncio.open_connection(
            *listener.getsockname(), ssl=trust, server_hostname="localhost"
        )
        writer.write(b"rehearsal\n")
        await reader.read()
        writer.close()


async def _serve(listener: socket.socket, context: ssl.SSLContext, channel: socket.socket) -> None:
    channel.setblocking(False)
    async with await asyncio.start_server(_echo, sock=listener, ssl=context):
        channel.send(json.dumps(listener.getsockname()[1]).encode())
        await asyncio.get_running_loop().sock_recv(channel, 1)
    channel.setblocking(True)


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.readline())
    await writer.drain()
    writer.close()
