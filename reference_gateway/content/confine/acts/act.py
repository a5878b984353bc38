"""What an act of the self-test is: something forbidden, tried in earnest, that does no harm where it works."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from errno import EPERM

from reference_gateway.content.confine.kernel import call


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the acts are tried upon.

    With the defaults nothing is lost even where no wall stands: names that do not exist, the null device, a
    port that nobody serves. A test prepares things that do exist, so that an act that is not refused works.
    """

    folder: bytes = b"/tmp"
    file: bytes = b"/dev/null"
    program: bytes = (
        b"/dev/null"  # may be executed, but is no program: nothing is started where no wall stands
    )
    spare: bytes = b"/tmp/gateproof-none"  # an existing file here is renamed and removed
    tcp_port: int = 9  # on 127.0.0.1
    unix_path: bytes = b"/dev/log"
    abstract: bytes = b"gateproof-none"  # without its leading zero
    parent: int = field(default_factory=os.getppid)

    @property
    def new(self) -> bytes:
        """A path where nothing is."""
        return self.folder + b"/gateproof-%d" % os.getpid()

    @property
    def queue(self) -> bytes:
        """The name of a POSIX message queue that nobody has."""
        return b"gateproof-%d" % os.getpid()


@dataclass(frozen=True, slots=True)
class ByLandlock:
    """How Landlock alone answers an act, and the ABI from which on it does."""

    error: int
    since: int


@dataclass(frozen=True, slots=True)
class Act:
    """`attempt` answers as `kernel.call` does. `by_filter` is the errno of the first wall, `by_landlock`
    that of the second, or None where that wall leaves the act open."""

    name: str
    attempt: Callable[[Ground], int]
    by_filter: int = EPERM
    by_landlock: ByLandlock | None = None


def undone(answer: int, name: str, *arguments: int | bytes) -> int:
    """`answer`; if the act worked, calls what takes it back first."""
    if answer >= 0:
        call(name, *arguments)
    return answer


def closed(answer: int) -> int:
    """`answer`; if it is a descriptor, closes it."""
    return undone(answer, "close", answer)
