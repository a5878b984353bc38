"""Plays scenes in processes of their own, from the outside."""

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from reference_gateway.content.confine import Identity
from reference_gateway.content.confine.kernel import call

_COMMAND: Final = (sys.executable, "-m", "tests.reference_gateway.confine.scenes")
_SECONDS: Final = 30
_LONGEST: Final = 1 << 17

_STATUS: Final = Path("/proc/self/status").read_text()
_CAPABILITIES: Final = int(_STATUS.partition("CapEff:")[2].split()[0], 16)
_NEEDED: Final = 1 << 21 | 1 << 19  # CAP_SYS_ADMIN, CAP_SYS_PTRACE

#: Landlock's on this kernel.
THE_ABI: Final = call("landlock_create_ruleset", None, 0, 1)
ROOT: Final = os.geteuid() == 0
NOBODY: Final = (65534, 65534)
#: Whether this process may read others' filters: seccomp_get_filter() in Linux kernel/seccomp.c.
MAY_DUMP: Final = (
    "Seccomp:\t0\n" in _STATUS
    and _CAPABILITIES & _NEEDED == _NEEDED
    and Path("/proc/self/uid_map").read_text().split() == ["0", "0", "4294967295"]
)
#: Whom content workers may be here: whoever starts them, and for root also somebody else.
IDENTITIES: Final[tuple[Identity | None, ...]] = (None, NOBODY) if ROOT else (None,)


def played(scene: str, **arguments: Any) -> Any:
    """What a scene has to say."""
    with performing(scene, **arguments) as (process, channel, _):
        answer = channel.recv(_LONGEST)
        process.wait(_SECONDS)
    assert answer, f"{scene} ended with {process.returncode}"
    return json.loads(answer)


@dataclass(frozen=True, slots=True)
class Standing:
    """A confined process, or one that is about to be."""

    process: "subprocess.Popen[bytes]"
    channel: socket.socket
    pid: int
    kept: int  # the descriptor that is to stay open
    descriptors: int  # of its folder of descriptors, which it did not guard yet when it was opened
    mappings: int  # of its list of mappings, likewise

    def confined(self) -> dict[str, Any]:
        """Lets it confine itself; what it says of its walls."""
        told: dict[str, Any] = self.asked("go")
        return told

    def asked(self, word: str) -> Any:
        """Has it do something."""
        self.channel.send(word.encode())
        return json.loads(self.channel.recv(_LONGEST))

    def open(self) -> set[int]:
        """Its descriptors."""
        return {int(name) for name in os.listdir(self.descriptors)}  # noqa: PTH208 - by its descriptor

    def maps(self) -> list[tuple[range, str, str]]:
        """Its mappings: where, rights, and the rest of the line."""
        os.lseek(self.mappings, 0, os.SEEK_SET)
        text = b"".join(iter(lambda: os.read(self.mappings, 1 << 16), b"")).decode()
        fields = [line.split(None, 2) for line in text.splitlines()]
        return [(_range(place), rights, rest) for place, rights, rest in fields]

    def read(self, name: str) -> str:
        """Of what everybody may read below /proc/PID."""
        return Path(f"/proc/{self.pid}/{name}").read_text()

    def status(self) -> dict[str, str]:
        """/proc/PID/status."""
        lines = self.read("status").splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def limits(self) -> dict[str, tuple[str, str]]:
        """/proc/PID/limits: soft and hard."""
        lines = self.read("limits").splitlines()[1:]
        return {line[:26].strip(): (line[26:47].strip(), line[47:68].strip()) for line in lines}


@contextlib.contextmanager
def standing(**arguments: Any) -> Iterator[Standing]:
    """A process that waits to be confined."""
    with performing("stand", **arguments) as (process, channel, kept):
        pid = json.loads(channel.recv(_LONGEST))
        descriptors = os.open(f"/proc/{pid}/fd", os.O_RDONLY | os.O_DIRECTORY)
        mappings = os.open(f"/proc/{pid}/maps", os.O_RDONLY)
        try:
            yield Standing(process, channel, pid, kept, descriptors, mappings)
        finally:
            os.close(descriptors)
            os.close(mappings)


@contextlib.contextmanager
def performing(
    scene: str, **arguments: Any
) -> Iterator[tuple["subprocess.Popen[bytes]", socket.socket, int]]:
    """A scene's process, the way to speak with it, and the number that this has there."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(_SECONDS)
    number = theirs.fileno()
    command = [*_COMMAND, str(number), scene, json.dumps(arguments)]
    with ours, subprocess.Popen(command, pass_fds=(number,)) as process:
        theirs.close()
        try:
            yield process, ours, number
        finally:
            ours.close()
            process.kill()


def _range(place: str) -> range:
    first, behind = place.split("-")
    return range(int(first, 16), int(behind, 16))
