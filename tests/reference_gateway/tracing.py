"""Every system call of the gateway's processes, written down by strace: what was asked, and what was refused."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.reference_gateway.everyway import await_that

_CALL: Final = re.compile(
    r"(?P<name>\w+)\((?P<arguments>.*)\)\s+= (?P<answer>-?\w+)(?: (?P<error>E[A-Z0-9]+))?"
)
#: The errors with which a wall refuses; others are part of any service.
_REFUSALS: Final = frozenset({"EPERM", "EACCES", "ENOSYS"})
_FILTER: Final = "seccomp(SECCOMP_SET_MODE_FILTER"
_LOOP: Final = "epoll_create1("
_WRITING: Final = re.compile(r"\bO_(?:WRONLY|RDWR|CREAT|TMPFILE|TRUNC)\b")


@dataclass(frozen=True, slots=True)
class Call:
    """One system call: `text` is it without its result, `answer` what came of it or the errno's name."""

    name: str
    text: str
    answer: str

    @property
    def refused(self) -> bool:
        """By a wall, and not by circumstances."""
        return self.answer in _REFUSALS or (self.name == "ioctl" and self.answer == "ENOTTY")

    @property
    def opened_for_writing(self) -> bool:
        """Whether this made a file writable."""
        return (
            self.name.startswith("open")
            and not self.answer.startswith("E")
            and bool(_WRITING.search(self.text))
        )

    @property
    def path(self) -> str:
        """The file that it is about."""
        return self.text.split('"')[1]


@dataclass(slots=True)
class Trace:
    """What strace wrote, by process. Where the kernel let nobody be traced, there is nothing."""

    folder: Path
    complaint: str = ""
    processes: dict[int, str] = field(default_factory=dict)

    @contextmanager
    def of(self, pids: Sequence[int]) -> Iterator[None]:
        """Inside, these processes and those that they start are traced."""
        said = self.folder / "strace.stderr"
        command = ["strace", "-ff", "-o", str(self.folder / "trace")]
        for pid in pids:
            command += ["-p", str(pid)]
        with said.open("wb") as errors, subprocess.Popen(command, stderr=errors) as strace:
            await_that(lambda: _settled(said.read_text(), len(pids)) or strace.poll() is not None)
            yield
            strace.send_signal(signal.SIGINT)
        self.complaint = said.read_text()
        self.processes = {
            int(path.suffix[1:]): path.read_text(errors="replace") for path in self.folder.glob("trace.*")
        }

    def calls(self, pid: int) -> list[Call]:
        """All calls of a process, as far as it was traced."""
        return list(_calls(self.processes[pid].splitlines()))

    def in_service(self, pid: int) -> list[Call]:
        """Those of a content worker once it serves: not how it put its walls up and tried them."""
        lines = self.processes[pid].splitlines()
        walls = next((at for at, line in enumerate(lines) if line.startswith(_FILTER)), None)
        if walls is not None:
            lines = lines[walls:]
            lines = lines[next(at for at, line in enumerate(lines) if line.startswith(_LOOP)) :]
        return list(_calls(lines))


def _settled(said: str, wanted: int) -> bool:
    return said.count("attached\n") == wanted


def _calls(lines: Sequence[str]) -> Iterator[Call]:
    for line in lines:
        found = _CALL.match(line)
        if found:
            text = f"{found['name']}({found['arguments']})"
            yield Call(found["name"], text, found["error"] or found["answer"])


def may_trace() -> bool:
    """Whether we are somebody to whom the kernel shows processes that are not dumpable."""
    return os.geteuid() == 0
