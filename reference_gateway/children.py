"""How the supervisor's children come to be: forked processes, or threads of its own process.

Forked, not executed: what was imported is shared, and a replacement starts in milliseconds. Each child
keeps the descriptors that it is given and no others.
"""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Collection, Sequence
from typing import Final, Protocol

Body = Callable[[], None]
_DEAF_TO: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STANDARD: Final = 3  # descriptors


class Child(Protocol):
    """Something started; that it ended is seen by the end of its leash."""

    number: int

    def kill(self) -> None:
        """Ends it at once."""

    def reap(self, seconds: float) -> bool:
        """Waits until it has ended; whether it did."""


class Start(Protocol):
    """Starts a child. `given` becomes the child's alone; `shared` stays open here as well."""

    def __call__(
        self, body: Body, given: Sequence[socket.socket], shared: Collection[int], *, mute: bool
    ) -> Child: ...


class _Process:
    def __init__(self, pid: int) -> None:
        self.number = pid
        self._ended = False

    def kill(self) -> None:
        if not self._ended:
            os.kill(self.number, signal.SIGKILL)

    def reap(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not self._ended:
            pid, _ = os.waitpid(self.number, os.WNOHANG)
            self._ended = pid != 0
            if self._ended or time.monotonic() >= deadline:
                break
            time.sleep(0.002)
        return self._ended


def fork(body: Body, given: Sequence[socket.socket], shared: Collection[int], *, mute: bool) -> Child:
    """A child process. `mute`: its standard streams are the null device."""
    pid = os.fork()
    if pid == 0:
        _become(body, {*(end.fileno() for end in given), *shared}, mute=mute)
    for end in given:
        end.close()
    return _Process(pid)


def _become(body: Body, keep: Collection[int], *, mute: bool) -> None:
    """The rest of a child's life. Never returns: the parent's cleanups are not the child's."""
    status = 1
    try:
        for number in _DEAF_TO:
            # A terminal or a service manager signals all processes at once; ends are the supervisor's to order.
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(-1)
        _close_all_but(keep)
        _redirect(range(_STANDARD) if mute else (0,))
        body()
        status = 0
    except BaseException:  # noqa: BLE001, S110 - whatever it was, its text may hold content
        pass
    finally:
        os._exit(status)


def _close_all_but(keep: Collection[int]) -> None:
    low = _STANDARD
    for descriptor in sorted(keep):
        os.closerange(low, descriptor)
        low = max(low, descriptor + 1)
    os.closerange(low, os.sysconf("SC_OPEN_MAX"))


def _redirect(descriptors: Collection[int]) -> None:
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for descriptor in descriptors:
        os.dup2(null, descriptor)
    os.close(null)


class _Thread:
    number = 0

    def __init__(self, body: Body) -> None:
        self._thread = threading.Thread(target=body, daemon=True)
        self._thread.start()

    def kill(self) -> None:
        """Threads cannot be killed; the process is about to end."""

    def reap(self, seconds: float) -> bool:
        self._thread.join(seconds)
        return not self._thread.is_alive()


def thread(body: Body, given: Sequence[socket.socket], shared: Collection[int], *, mute: bool) -> Child:
    """A child in this very process, for measurements and for gateways with planted flaws."""
    del given, shared, mute
    return _Thread(body)
