"""What the supervisor does with its children, seen from outside: real processes, real signals."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

COMMAND = [sys.executable, "-m", "tests.reference_gateway.supervised"]


class Watched:
    """A supervisor and what it says."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def until(self, wanted: str) -> list[dict[str, Any]]:
        """The events up to and including the first of a kind; the process itself bounds the wait."""
        assert self.process.stdout is not None
        seen: list[dict[str, Any]] = []
        for line in self.process.stdout:
            event: dict[str, Any] = {"event": "announced"} if line == "announced\n" else json.loads(line)
            seen.append(event)
            if event["event"] == wanted:
                return seen
        raise AssertionError(f"no {wanted} among {seen}")

    def children(self) -> set[int]:
        """The process ids of its children, from /proc (needs CONFIG_PROC_CHILDREN, as Debian has it)."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return {int(pid) for pid in listed.split()}


@contextmanager
def supervised() -> Iterator[Watched]:
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Watched(process)
        finally:
            process.terminate()


def workers(events: list[dict[str, Any]]) -> list[int]:
    return [event["process"] for event in events if event["event"] == "worker_started"]


def test_service_is_announced_when_all_are_ready_and_a_stop_is_clean() -> None:
    with supervised() as watched:
        started = workers(watched.until("announced"))
        all_of_them = watched.children()
        watched.process.send_signal(signal.SIGTERM)
        watched.until("stopping")
        status = watched.process.wait(20)

    assert len(started) == 2
    assert len(all_of_them) == 4  # a ledger and a dialer as well
    assert set(started) < all_of_them
    assert status == 0


def test_a_worker_that_dies_is_replaced() -> None:
    with supervised() as watched:
        first, second = workers(watched.until("announced"))
        os.kill(first, signal.SIGKILL)
        lost = watched.until("worker_lost")[-1]
        replacement = watched.until("worker_started")[-1]["process"]
        alive = watched.children()

    assert lost["process"] == first
    assert {second, replacement} < alive
    assert first not in alive


def test_workers_do_not_outlive_their_ledger() -> None:
    with supervised() as watched:
        before = workers(watched.until("announced"))
        ledger = min(watched.children())
        os.kill(ledger, signal.SIGKILL)
        watched.until("ledger_lost")
        after = [watched.until("worker_started")[-1]["process"] for _ in before]
        watched.process.terminate()
        watched.until("stopping")

    assert not set(before) & set(after)


def test_a_hang_up_signal_replaces_the_workers_and_nothing_else() -> None:
    with supervised() as watched:
        before = set(workers(watched.until("announced")))
        others = watched.children() - before
        watched.process.send_signal(signal.SIGHUP)
        after = {watched.until("worker_started")[-1]["process"] for _ in before}
        alive = watched.children()

    assert not before & after
    assert others < alive


def test_children_end_when_the_supervisor_is_killed() -> None:
    with supervised() as watched:
        watched.until("announced")
        assert watched.process.stdout is not None
        watched.process.kill()
        # The ledger has the pipe as well: its end is the end of the last of them.
        rest = watched.process.stdout.read()

    assert rest == ""


def test_a_role_that_cannot_start_says_why_and_ends_the_start() -> None:
    ran = subprocess.run([*COMMAND, "refusing"], capture_output=True, text=True, timeout=30, check=False)

    assert ran.returncode == 2
    assert ran.stdout.splitlines()[-1] == "[ledger] path: not a usable file"


def test_a_role_that_ends_at_once_ends_the_start() -> None:
    ran = subprocess.run([*COMMAND, "dying"], capture_output=True, text=True, timeout=30, check=False)

    assert ran.returncode == 2
    assert "ended before it was ready" in ran.stdout


ABSENT = [
    ("reference_gateway.__main__", "asyncio"),
    ("reference_gateway.__main__", "cryptography"),
    ("reference_gateway.__main__", "httptools"),
    ("reference_gateway.__main__", "sqlite3"),
    ("reference_gateway.__main__", "ssl"),
    ("reference_gateway.__main__", "uvicorn"),
    ("reference_gateway.roles.dialer", "httptools"),
    ("reference_gateway.roles.dialer", "sqlite3"),
    ("reference_gateway.roles.dialer", "uvicorn"),
    ("reference_gateway.roles.ledger", "reference_gateway.content.provider_http"),
    ("reference_gateway.roles.ledger", "reference_gateway.content.relay"),
    ("reference_gateway.roles.worker", "reference_gateway.ledger.book"),
    ("reference_gateway.roles.worker", "reference_gateway.ledger.storage"),
    ("reference_gateway.roles.worker", "sqlite3"),
]


@pytest.mark.parametrize(("process", "module"), ABSENT)
def test_no_process_has_in_it_what_only_others_need(process: str, module: str) -> None:
    imported = subprocess.run(
        [sys.executable, "-c", f"import sys, {process}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )

    assert process in imported.stdout.split()
    assert module not in imported.stdout.split()
