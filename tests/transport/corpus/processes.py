"""Servers that are programs of their own: started, waited for, and ended by their process id."""

import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_SECONDS = 20.0


@contextmanager
def serving(command: Sequence[str], log: Path, ports: Sequence[int]) -> Iterator[None]:
    """Run a program until the block is left; it is there once every port takes connections."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=log.parent
        )
    try:
        for port in ports:
            _await(port, process, log)
        yield
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_SECONDS)
        if process.poll() is None:
            process.kill()
            process.wait()


def _await(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _SECONDS
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"{log.name}: nobody listens: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.02)


def free_ports(count: int) -> list[int]:
    """Ports of loopback that are free now, all different."""
    with_sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in with_sockets]
    for one in with_sockets:
        one.close()
    return ports
