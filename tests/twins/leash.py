"""A twin ends with whoever started it, also where that was killed and could not say so."""

import os
import signal
import threading
import time

_EVERY_SECONDS = 1.0


def follow_parent() -> None:
    """From now on this process ends within a second of its parent's end."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_EVERY_SECONDS)
        os._exit(0)

    # Signals are the host's business: a thread that takes none must be born that way.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    threading.Thread(target=watch, name="leash", daemon=True).start()
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
