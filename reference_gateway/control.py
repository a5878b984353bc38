"""The leash between the supervisor and each of its processes: a handful of one-letter words.

A packet socket, so that words stay whole; its end is how either side learns that the other is gone.
"""

import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    # Only that: the supervisor has no event loop, and asyncio would take a third of its memory.
    import asyncio

READY: Final = b"R"
LAME: Final = b"L"  # a worker without its ledger or dialer: it refuses calls and wants to be replaced
FAILED: Final = b"F"  # and why, for the operator; before READY only
ADD: Final = b"A"  # comes with one descriptor: a channel to a new worker
STOP: Final = b"S"
MAX_WORD: Final = 2048


def leash() -> tuple[socket.socket, socket.socket]:
    """The supervisor's end and the child's."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


class Leash:
    """The child's end. All calls after `attach` are on the event loop that was given to it."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._end = end
        self._add: Callable[[socket.socket], None] = socket.socket.close
        self._stop: Callable[[], None] = lambda: None
        self._loop: asyncio.AbstractEventLoop | None = None

    def fileno(self) -> int:
        """The descriptor, to be kept through confinement."""
        return self._end.fileno()

    def attach(
        self,
        loop: "asyncio.AbstractEventLoop",
        stop: Callable[[], None],
        add: Callable[[socket.socket], None] | None = None,
    ) -> None:
        """Calls `stop` when told to, or when the supervisor is gone; `add` with each new channel."""
        self._stop = stop
        self._add = add or self._add
        self._loop = loop
        loop.add_reader(self._end, self._readable)

    def detach(self) -> None:
        """Hears no more; the loop is about to end."""
        if self._loop is not None:
            self._loop.remove_reader(self._end)

    def ready(self) -> None:
        """Service begins."""
        self._say(READY)

    def lame(self) -> None:
        """Service has become impossible."""
        self._say(LAME)

    def failed(self, line: str) -> None:
        """Service cannot begin. For the start only: afterwards no text leaves a child this way."""
        self._say(FAILED + line.encode()[: MAX_WORD - 1])

    def close(self) -> None:
        """Lets the supervisor know that this child is gone."""
        self._end.close()

    def _say(self, word: bytes) -> None:
        try:
            self._end.send(word)
        except OSError:
            return  # the supervisor is gone; the reader will notice

    def _readable(self) -> None:
        try:
            word, descriptors, _, _ = socket.recv_fds(self._end, MAX_WORD, 1)
        except BlockingIOError:
            return
        except OSError:
            word, descriptors = b"", []
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
            self._add(socket.socket(fileno=descriptor))
        if word in (b"", STOP):
            if not word:
                self.detach()
            self._stop()
