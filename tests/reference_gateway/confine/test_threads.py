"""No thread exists where a worker is confined: what it imports starts none, and a loop that is closed leaves none."""

import subprocess
import sys
from typing import Final

import pytest

_COUNT: Final = "import os; print(*os.listdir('/proc/self/task'), os.getpid())"
_LOOP: Final = """
import asyncio, uvloop
with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(asyncio.sleep(0.01))
"""


def tasks(before: str) -> tuple[list[str], str]:
    """The threads of a process that has run these lines, and its own number."""
    ran = subprocess.run(
        [sys.executable, "-c", before + "\n" + _COUNT],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    *threads, process = ran.stdout.split()
    return threads, process


@pytest.mark.parametrize(
    "module", ["uvloop", "uvicorn", "httptools", "ssl", "reference_gateway.roles.worker"]
)
def test_an_import_starts_no_thread(module: str) -> None:
    threads, process = tasks(f"import {module}")

    assert threads == [process]


def test_an_event_loop_that_is_closed_leaves_no_thread() -> None:
    threads, process = tasks(_LOOP)

    assert threads == [process]


def test_a_thread_would_be_seen() -> None:
    threads, process = tasks(
        "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()"
    )

    assert len(threads) == 2
    assert process in threads
