"""The command as a process, and a reference gateway to run it against."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from conformance.commands.demo import standing

SECONDS = 120

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True, slots=True)
class House:
    """A running reference gateway: the target file that describes it, and its process."""

    target: Path
    process: "subprocess.Popen[bytes]"


@pytest.fixture
def gateproof() -> Command:
    """Run the command to its end and return what it printed."""

    def run(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "conformance.cli", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)

    return run


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A reference gateway of its own for one test."""
    with standing(tmp_path / "house") as (target, process):
        yield House(target, process)


def only_run(runs: Path) -> Path:
    """The one run folder below a folder."""
    folders = list(runs.iterdir())
    assert len(folders) == 1
    return folders[0]
