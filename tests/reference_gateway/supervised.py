"""A supervisor over roles that do nothing but live: `python -m …supervised [FAULT]`; events go to standard output.

`announced` is printed once all are ready.
"""

import asyncio
import socket
import sys
from collections.abc import Callable
from functools import partial

from reference_gateway import children
from reference_gateway.config import ConfigError
from reference_gateway.control import Leash
from reference_gateway.events import descriptor_emitter
from reference_gateway.supervisor import Roles, Supervisor, bound


def live(leash: Leash, add: Callable[[socket.socket], None] | None = None) -> None:
    """Ready at once, until told to stop."""

    async def main() -> None:
        stopped = asyncio.Event()
        leash.attach(asyncio.get_running_loop(), stopped.set, add)
        leash.ready()
        await stopped.wait()
        leash.detach()

    asyncio.run(main())
    leash.close()


def kept(leash: Leash) -> None:
    """A ledger or dialer: holds the channels that it is given."""
    channels: list[socket.socket] = []
    live(leash, channels.append)


def dependent(leash: Leash, ledger: socket.socket, dialer: socket.socket) -> None:
    """A worker: lame as soon as either channel ends."""

    async def main() -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        leash.attach(loop, stopped.set)
        for channel in (ledger, dialer):
            loop.add_reader(channel, partial(lose, channel))
        leash.ready()
        await stopped.wait()

    def lose(channel: socket.socket) -> None:
        asyncio.get_running_loop().remove_reader(channel)
        leash.lame()

    asyncio.run(main())
    leash.close()


def refusing(leash: Leash, *_: socket.socket) -> None:
    """A role that cannot start, for a reason that the operator can mend."""
    leash.failed("[ledger] path: not a usable file")


def dying(_leash: Leash, *_: socket.socket) -> None:
    """A role that ends before it is ready."""


FAULTS = {"refusing": refusing, "dying": dying}


def main(fault: str = "") -> int:
    """Runs until told to stop; 2 when it could not start."""
    broken = FAULTS.get(fault)
    content, admin = bound("127.0.0.1", 0, "[listen]"), bound("127.0.0.1", 0, "[admin]")
    roles = Roles(ledger=kept, dialer=kept, worker=broken or dependent)
    supervisor = Supervisor(
        roles,
        children.fork,
        descriptor_emitter(1),
        content=content,
        admin=admin,
        workers=2,
        stop_seconds=5,
    )
    try:
        supervisor.run(lambda: print("announced", flush=True))
    except ConfigError as complaint:
        print(complaint)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
