"""A Redis server of a test's own: on loopback, on a free port, in a folder of its own, ended by its process id."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from tests.twins.ground import free_port

PASSWORD = "the password of the test's cache"
_START_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class RedisServer:
    """A server that is running."""

    port: int
    folder: Path

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self.port}"

    def client(self, database: int = 0) -> "redis.Redis":
        """A client with all rights."""
        return redis.Redis(port=self.port, db=database, password=PASSWORD)


@contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    """Start a server, and end it."""
    server = RedisServer(free_port(), folder)
    arguments = [
        "--port",
        str(server.port),
        "--bind",
        "127.0.0.1",
        "--dir",
        str(folder),
        "--requirepass",
        PASSWORD,
    ]
    settings = ["--save", "", "--appendonly", "yes", "--slowlog-log-slower-than", "0"]
    with (folder / "redis.log").open("wb") as log:
        process = subprocess.Popen(["redis-server", *arguments, *settings], stdout=log, stderr=log)
    try:
        _await(process, server)
        yield server
    finally:
        process.terminate()
        process.wait()


def _await(process: "subprocess.Popen[bytes]", server: RedisServer) -> None:
    deadline = time.monotonic() + _START_SECONDS
    with server.client() as client:
        while True:
            try:
                client.ping()
            except redis.ConnectionError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return
