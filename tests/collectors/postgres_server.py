"""A PostgreSQL server of a test's own: on loopback, on a free port, in a folder of its own, ended by its process id.

It refuses to run as root: then it runs as the user postgres, whom the Debian package makes.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.twins.ground import free_port

PASSWORD = "the password of the test's database"
_USER = "postgres"
_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A server that is running."""

    port: int
    data: Path

    @property
    def url(self) -> str:
        """Where it is, without the password."""
        return f"postgresql://{_USER}@127.0.0.1:{self.port}/postgres"

    def connect(
        self, database: str = "postgres", user: str = _USER, password: str = PASSWORD
    ) -> "psycopg.Connection":
        """A connection with the user's rights, each statement on its own."""
        return psycopg.connect(
            host="127.0.0.1", port=self.port, dbname=database, user=user, password=password, autocommit=True
        )


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Make a database cluster, start a server on it, and end it."""
    # Not below pytest's own folder, which no other user may enter.
    with tempfile.TemporaryDirectory(prefix="gateproof-pg-") as made:
        folder = Path(made)
        server = PostgresServer(free_port(), folder / "data")
        (folder / "password").write_text(PASSWORD)
        as_user = _as_user(folder)
        subprocess.run(
            [
                *as_user, _program("initdb"), "--pgdata", str(server.data), "--auth", "scram-sha-256", "--username", _USER,
                "--pwfile", str(folder / "password"), "--encoding", "UTF8", "--no-locale", "--no-sync",
            ],
            check=True, capture_output=True, cwd=folder,
        )  # fmt: skip
        with (folder / "server.log").open("wb") as log:
            process = subprocess.Popen(
                [
                    *as_user, _program("postgres"), "-D", str(server.data), "-p", str(server.port), "-F",
                    "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}",
                ],
                stdout=log, stderr=log, cwd=folder,
            )  # fmt: skip
        try:
            _await(process, server)
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # "fast shutdown"
            process.wait()


def _as_user(folder: Path) -> list[str]:
    """What comes before a command, so that it runs as somebody who owns the folder and is not root."""
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam(_USER)
    for path in (folder, folder / "password"):
        os.chown(path, user.pw_uid, user.pw_gid)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _program(name: str) -> str:
    """A program of the newest version that is installed: Debian puts them on no path."""
    installed = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3])
    )
    return str(installed[-1]) if installed else shutil.which(name) or name


def _await(process: "subprocess.Popen[bytes]", server: PostgresServer) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            server.connect().close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
