"""The gateway as it ships, behind its walls, seen from outside while everything happens to it."""

import errno
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pytest

from tests.reference_gateway.everyway import Campaign
from tests.reference_gateway.gateway import RunningGateway, write_config, write_tls
from tests.reference_gateway.leaks import ways, writings
from tests.reference_gateway.leaks.finished import Finished, every_way
from tests.reference_gateway.tracing import Call, Trace, may_trace

# Refused to every worker that serves, and expected: none has a word of the caller's in it.
EXPECTED = {
    # libuv wants a descriptor in reserve for when there are no others left, with each stream anew.
    'openat(AT_FDCWD, "/dev/null", O_RDONLY|O_CLOEXEC)',
    'openat(AT_FDCWD, "/", O_RDONLY|O_CLOEXEC)',
}
# libuv asks for a ring when a loop begins, and does without where the kernel has none.
PROBE = "io_uring_setup("
# `openat` apart, of which all are among the refused.
OTHERS = frozenset(
    {"open", "openat2", "creat", "socket", "connect", "bind", "execve", "clone", "clone3", "fork"}
)


@dataclass(slots=True)
class Outside:
    """What `/proc` said of each content worker before anything was asked of it."""

    status: dict[int, str] = field(default_factory=dict)
    limits: dict[int, str] = field(default_factory=dict)
    descriptors: dict[int, list[str]] = field(default_factory=dict)
    maps: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """A finished campaign, and what was seen of it from outside."""

    finished: Finished
    trace: Trace
    outside: Outside
    first: set[int]


def look(campaign: Campaign, outside: Outside) -> None:
    for pid in campaign.workers():
        process = Path(f"/proc/{pid}")
        outside.status[pid] = (process / "status").read_text()
        outside.limits[pid] = (process / "limits").read_text()
        if may_trace():
            outside.maps[pid] = (process / "maps").read_text()
            outside.descriptors[pid] = [str(one.readlink()) for one in (process / "fd").iterdir()]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("confined")
    trace = Trace(tmp_path_factory.mktemp("trace"))
    outside, first = Outside(), set[int]()

    @contextmanager
    def around(campaign: Campaign) -> Iterator[None]:
        first.update(campaign.workers())
        look(campaign, outside)
        with trace.of(writings.processes(campaign.gateway)):
            yield

    return Seen(every_way(folder, around=around), trace, outside, first)


def test_every_way_was_gone_to_its_end(seen: Seen) -> None:
    assert seen.finished.campaign.outcomes == ways.expected(ways.QUICK, ways.SLOW, ways.LAST)
    assert seen.finished.status == 0


def test_callers_who_left_were_heard_before_they_did(seen: Seen) -> None:
    """Every request whose head came is an event, whatever became of it; no way but these asks for embeddings."""
    asked = [name for name, _, _ in (*ways.QUICK, *ways.SLOW) if name.startswith("embeddings, ")]
    events = [event for event in seen.finished.campaign.events("request") if event["route"] == "embeddings"]

    assert len(asked) > 40
    assert len(events) == len([name for name in asked if not name.endswith("in the head")])


def test_streams_end_well_unless_their_worker_is_killed(seen: Seen) -> None:
    ends = {name: seen.finished.campaign.answers[name].endswith(b"0\r\n\r\n") for name, _, _ in ways.LAST}

    assert ends == {name: not name.startswith("workers killed") for name in ends}


def test_nothing_that_was_written_holds_content_or_a_secret(seen: Seen) -> None:
    assert seen.finished.sightings() == []


def test_standard_error_is_empty_and_standard_output_a_closed_vocabulary(seen: Seen) -> None:
    line = re.compile(rb'\{("[a-z_]+":([0-9]+|"[a-z_]+"|"[0-9a-f]{32}"),?)+\}')
    told = seen.finished.written["stdout"].splitlines()

    assert seen.finished.written["stderr"] == b""
    assert len(told) > len(ways.QUICK)
    assert [one for one in told if not line.fullmatch(one)] == []


def test_health_says_that_the_walls_stand(seen: Seen) -> None:
    health = json.loads(seen.finished.written["content /health"])

    assert health == {"status": "ok", "confinement": "enforced"}
    assert seen.finished.campaign.events("unconfined") == []


# --- what /proc says --------------------------------------------------------------------------------------


def test_every_worker_has_a_filter_and_no_way_to_a_privilege(seen: Seen) -> None:
    for status in seen.outside.status.values():
        facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert (facts["Seccomp"], facts["NoNewPrivs"], facts["Threads"]) == ("2", "1", "1")
        assert {int(facts[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {0}
    assert len(seen.outside.status) == 2


def test_no_worker_can_make_a_file_grow_or_leave_a_core(seen: Seen) -> None:
    for limits in seen.outside.limits.values():
        values = {line[:26].strip(): line[26:].split()[:2] for line in limits.splitlines()}
        assert values["Max file size"] == values["Max core file size"] == ["0", "0"]


def test_every_worker_has_sockets_and_what_waits_for_them_and_the_null_device(seen: Seen) -> None:
    links = {
        pid: sorted(re.sub(r"\d+", "", link) for link in links)
        for pid, links in seen.outside.descriptors.items()
    }

    assert len(links) == (2 if may_trace() else 0)
    for kinds in links.values():
        assert kinds.count("/dev/null") == 3
        assert kinds.count("socket:[]") == 4 + 2  # leash, listener, ledger, dialer; the loop's own pair
        assert set(kinds) == {
            "/dev/null",
            "socket:[]",
            "anon_inode:[eventpoll]",
            "anon_inode:[eventfd]",
            "pipe:[]",
        }


def test_no_worker_shares_memory_for_writing_or_can_write_code(seen: Seen) -> None:
    for maps in seen.outside.maps.values():
        rights = {line.split()[1] for line in maps.splitlines()}
        assert {"rw-p", "r-xp"} <= rights
        assert not any(("w" in one and "s" in one) or ("w" in one and "x" in one) for one in rights)


# --- what strace says -------------------------------------------------------------------------------------


def test_whoever_may_not_look_is_refused_by_the_kernel(seen: Seen) -> None:
    assert ("Operation not permitted" in seen.trace.complaint) is not may_trace()
    assert bool(seen.trace.processes) is may_trace()


def served(seen: Seen) -> list[Call]:
    """All calls of all content workers, those that came later included, while they served."""
    workers = {event["process"] for event in seen.finished.campaign.events("worker_started")}
    return [call for pid in workers & seen.trace.processes.keys() for call in seen.trace.in_service(pid)]


def test_no_system_call_of_a_worker_is_refused_unexpectedly(seen: Seen) -> None:
    refused = {call.text for call in served(seen) if call.refused and not call.text.startswith(PROBE)}

    assert refused == (EXPECTED if may_trace() else set())


def test_no_worker_asks_for_a_file_or_a_way_out(seen: Seen) -> None:
    counts = Counter(call.name for call in served(seen))

    assert (counts["accept4"] > 300 and counts["sendto"] + counts["write"] > 1000) is may_trace()
    assert counts.keys() & OTHERS == set()


def test_all_workers_were_watched(seen: Seen) -> None:
    started = {event["process"] for event in seen.finished.campaign.events("worker_started")}

    assert len(started) == 2 * (len(ways.LAST) - 1)  # none is replaced for a revoked key, or after a stop
    assert (started <= seen.trace.processes.keys()) is may_trace()


def test_no_process_opens_a_file_for_writing_but_the_ledger(seen: Seen) -> None:
    """So what was searched is all that there is. Standard output was open before."""
    opened = {
        call.path for pid in seen.trace.processes for call in seen.trace.calls(pid) if call.opened_for_writing
    }

    ledger = str(seen.finished.campaign.gateway.folder / "ledger.sqlite3")
    assert ({"/dev/null", ledger, f"{ledger}-wal"} <= opened) is may_trace()
    assert opened <= {"/dev/null", *(ledger + end for end in ("", "-wal", "-shm", ".lock"))}


# --- without walls ----------------------------------------------------------------------------------------


# Others stand in confine/test_refusals.py; here is what becomes of the whole gateway there.
KERNELS = {
    "without Landlock": ("landlock_create_ruleset", errno.ENOSYS),
    "in a container that forbids filters": ("seccomp", errno.EPERM),
}


def on(kernel: str, *arguments: object) -> list[str]:
    """The command that starts the gateway on such a kernel."""
    name, error = KERNELS[kernel]
    module = "tests.reference_gateway.deprived"
    return [sys.executable, "-m", module, name, str(error), *map(str, arguments)]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    write_tls(tmp_path)
    return write_config(tmp_path, "https://127.0.0.1:1/v1", ["m"])


@pytest.mark.parametrize("kernel", KERNELS)
def test_where_walls_cannot_be_raised_the_gateway_refuses_to_start(config: Path, kernel: str) -> None:
    ran = subprocess.run(on(kernel, config), capture_output=True, text=True, timeout=30, check=False)

    assert (ran.returncode, ran.stdout) == (2, "")
    assert len(ran.stderr.splitlines()) == 1
    assert ran.stderr.startswith("reference_gateway: configuration: content workers cannot be confined: ")
    assert "; or serve without this protection: --unconfined" in ran.stderr


@pytest.mark.parametrize("kernel", KERNELS)
def test_there_it_starts_when_told_to_and_says_so(config: Path, kernel: str) -> None:
    with subprocess.Popen(on(kernel, config, "--unconfined"), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        events = [json.loads(line) for line in lines_until(process.stdout, b"listening")]
        gateway = RunningGateway(process, events[-1]["port"], events[-1]["admin_port"], config.parent)
        with gateway.client() as client:
            health = client.get("/health").json()
        status = gateway.stop()

    assert events[0] == {"event": "unconfined"}
    assert health == {"status": "ok", "confinement": "none: started with --unconfined"}
    assert status == 0


def lines_until(stream: IO[bytes], word: bytes) -> Iterator[bytes]:
    """All up to the first that has the word in it."""
    for line in stream:
        yield line
        if word in line:
            return
