"""An interrupt that falls into a callback is not lost."""

import signal
import subprocess
import sys

import pytest

_SCRIPT = """
import signal, time, weakref
from conformance.interrupts import interrupts_kept

class Thing:
    pass

def fall_into(_reference):
    signal.raise_signal(signal.SIGINT)
    return [None for _ in range(9)]

thing = Thing()
reference = weakref.ref(thing, fall_into)
with interrupts_kept():
    try:
        {ends}
        time.sleep(20)
    except KeyboardInterrupt:
        print("interrupted")
"""


@pytest.mark.parametrize("ends", ["del thing", "signal.raise_signal(signal.SIGINT)"])
def test_an_interrupt_reaches_the_program_wherever_it_falls(ends: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT.format(ends=ends)],
        capture_output=True,
        text=True,
        timeout=15,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # a shell may ignore it
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted\n", "")


def test_other_troubles_of_callbacks_are_told_as_ever() -> None:
    script = _SCRIPT.format(ends="del thing").replace("signal.raise_signal(signal.SIGINT)", "1 / 0")

    done = subprocess.run(
        [sys.executable, "-c", script.replace("sleep(20)", "sleep(0)")],
        capture_output=True,
        text=True,
        timeout=15,
        check=False,
    )

    assert done.returncode == 0
    assert "ZeroDivisionError" in done.stderr
