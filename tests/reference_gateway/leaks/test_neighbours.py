"""Memory, as far as an operating system keeps it from others. What it cannot promise, README says."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.reference_gateway.gateway import write_config, write_tls
from tests.reference_gateway.leaks.neighbour import PEEKS
from tests.reference_gateway.leaks.rows import covers

ROOT = Path(__file__).parents[3]
Seen = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("neighbours")
    write_tls(folder)
    config = write_config(folder, "https://127.0.0.1:1/v1", ["m"])
    command = [sys.executable, "-m", "tests.reference_gateway.leaks.neighbour", str(config)]
    told: Seen = json.loads(subprocess.check_output(command, timeout=60))
    return told


def test_a_process_that_does_nothing_about_it_is_an_open_book(seen: Seen) -> None:
    assert seen["control"] == dict.fromkeys(PEEKS, "seen")


@covers(21)
@pytest.mark.parametrize("peek", PEEKS)
def test_no_process_of_the_gateway_shows_itself_to_its_neighbours(seen: Seen, peek: str) -> None:
    answers = [answers[peek] for name, answers in seen.items() if name != "control"]

    assert len(answers) == 5  # supervisor, ledger, dialer, two workers
    assert set(answers) <= {"EPERM", "EACCES"}


def dumped(preparation: str, folder: Path) -> bool:
    """Whether the kernel says that it wrote the memory of a process that aborted."""
    limit = "import resource as r; r.setrlimit(r.RLIMIT_CORE, (r.getrlimit(r.RLIMIT_CORE)[1],) * 2)"
    code = f"import os; os.chdir({str(folder)!r}); {limit}; {preparation}; os.abort()"
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", code], os.environ)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status)
    return os.WCOREDUMP(status)


@covers(20)
def test_an_abort_writes_no_memory_down(tmp_path: Path) -> None:
    hard_limit = resource.getrlimit(resource.RLIMIT_CORE)[1]

    control = dumped("pass", tmp_path)
    ours = dumped("from reference_gateway.process import harden; harden()", tmp_path)

    assert control is (hard_limit != 0)
    assert not ours


@covers(21, 22)
def test_what_memory_cannot_promise_is_written_down() -> None:
    readme = (ROOT / "reference_gateway" / "README.md").read_text()

    remains = readme.partition("## What remains")[2]
    assert "| memory |" in remains
    assert "not reused yet" in remains
    assert "root and the hypervisor can read it" in remains
    assert "| swap" in remains
