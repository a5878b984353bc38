"""Light walls for the processes that hold no content, so that a flaw in one of them reaches less.

By Landlock alone: these processes open files and connect as a part of their work, and need other system calls
than a content worker. What they cannot do: write any file but the ledger's, start a program, open a port,
reach abstract sockets or signal others; and the ledger connects to nobody. What they have open stays open.
"""

from pathlib import Path
from typing import Final

from reference_gateway.content.confine.landlock import BIND_TCP, EVERY, READING, restrict
from reference_gateway.content.confine.privileges import gain_nothing
from reference_gateway.content.confine.walls import assert_single_thread

_ALL_BUT_READING: Final = EVERY ^ READING
_RESOLVE_UNIX: Final = 1 << 16
# For files and nothing else: to open them for writing, to make, to remove and to truncate them.
_KEEPING_FILES: Final = 1 << 1 | 1 << 5 | 1 << 8 | 1 << 14


def fence_ledger(folder: Path) -> None:
    """For good: of all files only those in `folder` can be written, and no TCP connection can be made.

    To be called before the process has a second thread. Raises NotConfinedError, and OSError when the folder
    cannot be opened.
    """
    _prepare()
    restrict(files=_ALL_BUT_READING, beneath={str(folder): _KEEPING_FILES})


def fence_dialer() -> None:
    """For good: no file can be written. Names can be resolved and connections made, as is its work.

    To be called before the process has a second thread, so before the first name is resolved. Raises
    NotConfinedError.
    """
    _prepare()
    # Of the network only TCP ports: resolvers bind UDP sockets and connect to local daemons.
    restrict(files=_ALL_BUT_READING ^ _RESOLVE_UNIX, network=BIND_TCP)


def _prepare() -> None:
    assert_single_thread()
    gain_nothing()
