"""Process hygiene: what the operating system must not do with the memory of this process."""

import ctypes
import logging
import os
import resource
import sys
import threading
import warnings
from typing import Any, Final

from reference_gateway.events import Emit, Event, Kind

_PR_GET_DUMPABLE: Final = 3
_PR_SET_DUMPABLE: Final = 4


class HygieneError(RuntimeError):
    """The kernel did not grant what zero retention needs."""


def harden() -> None:
    """No core file, no /proc/PID/mem for others of this user, files for the owner only.

    Raises HygieneError when the kernel says otherwise afterwards: asked is not granted.
    """
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    if libc.prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0) != 0 or resource.getrlimit(resource.RLIMIT_CORE) != (0, 0):
        raise HygieneError


def allow_descriptors() -> None:
    """As many as this process may have: the usual soft limit is below what the configuration lets connect."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def silence() -> None:
    """Nothing reaches a log: libraries put URLs, headers and exception texts there, and into warnings."""
    logging.disable(logging.CRITICAL)
    logging.lastResort = None
    warnings.simplefilter("ignore")


def drop_exception_texts(emit: Emit) -> None:
    """Uncaught exceptions, wherever they surface, become one content-free event."""

    def fault(*_: Any) -> None:
        emit(Event(event=Kind.INTERNAL_FAULT))

    sys.excepthook = fault
    sys.unraisablehook = fault
    threading.excepthook = fault
