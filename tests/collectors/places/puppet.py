"""A process that does what a test tells it, line by line: it stands for a gateway whose places are looked at."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LOOP = """
import sys
for line in sys.stdin:
    try:
        exec(line.strip())
        print("done", flush=True)
    except Exception as trouble:
        print(repr(trouble), flush=True)
"""


class Puppet:
    """The process, with its input and output."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.pid = process.pid

    def do(self, line: str) -> None:
        """Let it run one line of Python, and wait until it has."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().strip()
        assert answer == "done", answer


@contextmanager
def puppet(folder: Path, *, arguments: tuple[str, ...] = (), name: str = "") -> Iterator[Puppet]:
    """Start a puppet in a folder and a process group of its own; it is ended by its process id."""
    process = subprocess.Popen(
        [name or sys.executable, "-c", _LOOP, *arguments],
        executable=sys.executable,
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield Puppet(process)
    finally:
        process.terminate()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()
