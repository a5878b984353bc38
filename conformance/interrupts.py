"""Interrupts that are never lost."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_AGAIN = 0.01  # seconds


@contextmanager
def interrupts_kept() -> Iterator[None]:
    """While this holds, an interrupt that was raised where nothing can be raised comes again a moment later.

    Python calls finalizers and callbacks of weak references between any two instructions. What they raise is printed and
    dropped (`sys.unraisablehook`), also a KeyboardInterrupt that only happened to meet one.
    """
    usual = sys.unraisablehook

    def keep(what: "sys.UnraisableHookArgs") -> None:
        if isinstance(what.exc_value, KeyboardInterrupt):
            main = threading.main_thread().ident or 0
            threading.Timer(_AGAIN, signal.pthread_kill, (main, signal.SIGINT)).start()
        else:
            usual(what)

    sys.unraisablehook = keep
    try:
        yield
    finally:
        sys.unraisablehook = usual
