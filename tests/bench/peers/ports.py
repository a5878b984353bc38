"""Ports for servers that cannot choose a free one themselves."""

import socket
import subprocess
import time

_PAUSE_SECONDS = 0.05


def free_port() -> int:
    """A port of 127.0.0.1 that was free just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def await_port(port: int, process: "subprocess.Popen[bytes]", seconds: float) -> None:
    """Return when something listens. Raises RuntimeError when the process ends before, or does not get there."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(_PAUSE_SECONDS)
        else:
            return
    raise RuntimeError(f"{process.args!r} does not listen on port {port} after {seconds:g} s")
