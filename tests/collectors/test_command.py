"""A command's output is a surface: bounded, without our environment, ended with all that it started."""

import sys
import time
from pathlib import Path

import pytest

from conformance.collectors.reading import accounted
from conformance.target import Surface
from tests.collectors.reads import read


def printing(code: str, **more: object) -> Surface:
    fields = {"kind": "command", "locator": "cluster logs", "command": (sys.executable, "-c", code)}
    return Surface(**(fields | more))  # type: ignore[arg-type]


def test_what_a_command_prints_is_read(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a line")
    surface = Surface(kind="command", locator="cluster logs", command=("cat", "log"))
    assert read(surface, tmp_path) == ({"cluster logs": b"a line"}, {})
    assert accounted(surface, tmp_path).output


def test_more_than_a_pipe_holds_is_read_whole(tmp_path: Path) -> None:
    contents, missed = read(printing("print('x' * 3_000_000)"), tmp_path)
    assert contents["cluster logs"] == b"x" * 3_000_000 + b"\n"
    assert missed == {}


@pytest.mark.parametrize(
    ("surface", "reason"),
    [
        (printing("import sys; print('x'); sys.exit(3)"), "the command ended with status 3"),
        (
            Surface(kind="command", locator="cluster logs", command=("no-such-command",)),
            "the command could not be run: No such file or directory (errno 2)",
        ),
        (printing("print('x' * 10_000)", most_bytes=100), "not read to its end: `most_bytes` of the surface, 100, were reached"),
    ],
)  # fmt: skip
def test_what_a_command_leaves_out_is_a_gap(surface: Surface, reason: str, tmp_path: Path) -> None:
    _, missed = read(surface, tmp_path)
    assert missed == {"cluster logs": reason}


def test_a_command_that_goes_on_is_ended_with_what_it_started(tmp_path: Path) -> None:
    code = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    contents, missed = read(printing(code, most_seconds=3.0), tmp_path)
    child = int(contents["cluster logs"])
    assert missed == {"cluster logs": "the command did not end within `most_seconds`"}
    assert _ends(child)


def _ends(pid: int) -> bool:
    """Whether a process ends soon; a zombie whose parent is gone is for init to collect."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_a_command_is_given_no_variable_that_was_not_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_ADMIN_KEY", "a credential of the audit")
    monkeypatch.setenv("LOG_PROFILE", "named")
    surface = printing("import os; print(sorted(os.environ))", environment=("LOG_PROFILE",))
    contents, _ = read(surface, tmp_path)
    assert b"'LOG_PROFILE'" in contents["cluster logs"]
    assert b"'PATH'" in contents["cluster logs"]
    assert b"GATEWAY_ADMIN_KEY" not in contents["cluster logs"]


def test_a_command_reads_nothing_of_ours(tmp_path: Path) -> None:
    contents, _ = read(printing("import sys; print(len(sys.stdin.read()))"), tmp_path)
    assert contents["cluster logs"] == b"0\n"
    assert list(tmp_path.iterdir()) == []
