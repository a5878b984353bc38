"""A dialer by itself: `python -m … DESCRIPTOR [HOST PORT]…`, for as long as it is let."""

import asyncio
import socket
import sys

import uvloop

from reference_gateway.dialer import DialerServer


async def main(descriptor: str, *told: str) -> None:
    """Serves one worker."""
    addresses = [(host, int(port)) for host, port in zip(told[::2], told[1::2], strict=True)]
    DialerServer(addresses, 5.0).add(socket.socket(fileno=int(descriptor)))
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(*sys.argv[1:]))
