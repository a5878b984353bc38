"""The witness by itself: `gateproof witness`, to try a gateway's upstream settings before an audit."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from conformance.witness.canaries import Counted
from conformance.witness.server import Witness, address
from conformance.witness.tls import server_context


async def serve_alone(
    listen: str, certificate: Path | None, private_key: Path | None, announce: Callable[[str], None]
) -> None:
    """Serve on `listen` (host:port) until cancelled. Without certificate and key: plain HTTP.

    Raises ValueError for a wrong address or half a pair, OSError where the address or a file cannot be used.
    """
    host, port = address(listen)
    if (certificate is None) != (private_key is None):
        raise ValueError(
            "a certificate needs its private key, and the other way round: give both, or neither"
        )
    tls = server_context(certificate, private_key) if certificate and private_key else None
    async with Witness(host=host, port=port, tls=tls, canaries=Counted()) as witness:
        announce(f"the witness listens at {witness.url}")
        announce("name this to the gateway as an OpenAI-compatible provider; any key and model name will do")
        announce("it keeps what it is sent in memory until it is stopped, and writes nothing")
        try:
            await asyncio.Event().wait()
        finally:
            announce(f"{witness.mark()} calls on {witness.connections} connections")
