"""A confined process as others see it, who need not believe a word of it."""

import hashlib
import os
import signal
import socket
import ssl
from pathlib import Path
from typing import Final

import pytest

from reference_gateway.content.confine import Identity, filter_digest
from reference_gateway.content.confine.bpf import filter_program
from reference_gateway.content.confine.kernel import HERE
from tests.reference_gateway.confine.dump import dumped_filters
from tests.reference_gateway.confine.stage import (
    IDENTITIES,
    MAY_DUMP,
    NOBODY,
    ROOT,
    Standing,
    performing,
    played,
    standing,
)
from tests.reference_gateway.gateway import write_tls

each_identity = pytest.mark.parametrize("identity", IDENTITIES, ids=str)

_NULL: Final = os.makedev(1, 3)
_NONE: Final = "0" * 16
_READ_IMPLIES_EXEC: Final = 0x0400000
# Without privileges it cannot be traced or, by a root without all of them, not read.
_WHAT_AN_OUTSIDER_SEES: Final[dict[bool, list[object]]] = {
    True: [[filter_program(HERE.name)]] if HERE else [],
    False: ["EPERM", []],
}


def own_status() -> dict[str, str]:
    lines = Path("/proc/self/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


@each_identity
def test_it_has_a_filter_and_no_privilege_and_no_way_to_one(identity: Identity | None) -> None:
    with standing(identity=identity) as process:
        process.confined()
        status = process.status()

    assert (status["Seccomp"], status["NoNewPrivs"], status["Threads"]) == ("2", "1", "1")
    assert int(status["Seccomp_filters"]) == int(own_status()["Seccomp_filters"]) + 1
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {_NONE}
    # Emptying it takes a capability, which only root has.
    assert status["CapBnd"] == (_NONE if ROOT else own_status()["CapBnd"])


@pytest.mark.parametrize("identity", [one for one in IDENTITIES if one] or [None], ids=str)
def test_it_is_the_dedicated_user_in_every_respect(identity: Identity | None) -> None:
    with standing(identity=identity) as process:
        walls = process.confined()
        status = process.status()

    uid, gid = identity or (os.getuid(), os.getgid())
    assert set(status["Uid"].split()) == {str(uid)}
    assert set(status["Gid"].split()) == {str(gid)}
    assert status["Groups"].split() == ([] if identity else own_status()["Groups"].split())
    assert walls["identity"] == [uid, gid]


@each_identity
def test_its_files_cannot_grow_and_it_leaves_no_core(identity: Identity | None) -> None:
    with standing(identity=identity) as process:
        process.confined()
        limits = process.limits()

    assert (limits["Max file size"], limits["Max core file size"]) == (("0", "0"), ("0", "0"))


@pytest.mark.parametrize("streams", ["open", "closed"])
def test_it_has_the_descriptors_that_it_was_given_and_the_null_device(streams: str) -> None:
    with standing(streams=streams) as process:
        before = process.open()
        process.confined()
        after = process.open()
        devices = process.asked("streams")
        links = link_targets(process)

    # Among those before, one above the limit that holds now.
    assert max(before) == 700
    assert after == {0, 1, 2, process.kept}
    assert devices == [_NULL] * 3
    assert links in (["/dev/null"] * 3, ["EACCES"] * 3)
    assert ROOT is ("/dev/null" in links)


def link_targets(process: Standing) -> list[str]:
    """Of its standard streams, where whoever looks may see that."""
    try:
        return [os.readlink(str(stream), dir_fd=process.descriptors) for stream in range(3)]
    except PermissionError:
        return ["EACCES"] * 3


def test_it_shares_no_memory_for_writing_and_has_none_to_write_code_to() -> None:
    with standing() as process:
        process.confined()
        rights = {rights for _, rights, _ in process.maps()}

    assert rights <= {"r--p", "rw-p", "r-xp", "---p", "--xp", "r--s"}
    assert {"rw-p", "r-xp"} <= rights


@pytest.mark.parametrize("personality", [0, _READ_IMPLIES_EXEC])
def test_what_it_maps_for_reading_is_no_code(personality: int) -> None:
    with standing(personality=personality) as process:
        process.confined()
        page = process.asked("page")
        rights = {rights for place, rights, _ in process.maps() if page in place}

    assert rights == {"r--p"}


@each_identity
def test_nothing_can_be_read_that_it_writes_over_its_arguments(identity: Identity | None) -> None:
    with standing(identity=identity) as process:
        before = process.read("cmdline")
        hidden = process.confined()["arguments_hidden"]
        after, name = process.read("cmdline"), process.read("comm")

    assert "stand" in before
    assert (after == "") is hidden
    assert name == "content-worker\n"


@each_identity
def test_its_memory_is_locked_where_that_is_allowed(identity: Identity | None) -> None:
    with standing(identity=identity) as process:
        locked = process.confined()["memory_locked"]
        size = int(process.status()["VmLck"].split()[0])
        limit = process.limits()["Max locked memory"]

    assert (size > 0) is locked
    assert (limit == ("unlimited", "unlimited")) is locked


@each_identity
def test_its_neighbours_of_the_same_user_see_that_it_is_confined_and_no_more(
    identity: Identity | None,
) -> None:
    with standing(identity=identity) as process:
        process.confined()
        learnt = played("neighbour", pid=process.pid, identity=identity)

    assert {learnt[name] for name in ("mem", "maps", "environ")} == {"EACCES"}
    assert learnt["ptrace"] == "EPERM"
    assert {learnt[name] for name in ("status", "limits")} == {"read"}


def test_root_reads_exactly_the_published_filter_out_of_it_and_others_cannot_look() -> None:
    assert HERE is not None
    with standing(identity=NOBODY if ROOT else None) as process:
        said = process.confined()["filter_digest"]
        dumped = dumped_filters(process.pid)

    assert said == filter_digest(HERE.name) == hashlib.sha256(filter_program(HERE.name)).hexdigest()
    assert dumped in _WHAT_AN_OUTSIDER_SEES[MAY_DUMP]


def test_the_kernel_refuses_every_call_that_the_published_filter_refuses() -> None:
    with standing() as process:
        process.confined()
        refusals = process.asked("refusals")

    assert len(refusals) > 1800
    assert [one for one in refusals if one[1] != one[2]] == []


def test_it_ends_with_its_parent() -> None:
    with standing(as_child=True) as process:
        process.confined()
        parent = process.process
        assert process.pid != parent.pid
        parent.kill()
        last = process.channel.recv(1)

    assert last == b""


def test_an_event_loop_made_behind_the_walls_serves_tls(tmp_path: Path) -> None:
    write_tls(tmp_path)
    trust = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    with performing("serve", folder=str(tmp_path)) as (process, channel, _):
        port = int(channel.recv(64))
        answers = [spoken(port, trust, f"line {number}\n".encode()) for number in range(3)]
        channel.send(b".")
        ended = channel.recv(64)
        process.wait(30)

    assert answers == [b"line 0\n", b"line 1\n", b"line 2\n"]
    assert (ended, process.returncode) == (b'"ended"', 0)


def spoken(port: int, trust: ssl.SSLContext, line: bytes) -> bytes:
    """What a server of lines answers."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=20) as plain,
        trust.wrap_socket(plain, server_hostname="localhost") as tls,
    ):
        tls.sendall(line)
        return b"".join(iter(lambda: tls.recv(1024), b""))


# Where there is no other ABI it is a call like others, and refused.
_AFTER_A_FOREIGN_CALL: Final = {"x86_64": (b"", -signal.SIGSYS), "aarch64": (b"-1", -signal.SIGKILL)}


def test_a_call_of_another_abi_kills_it() -> None:
    assert HERE is not None
    with standing() as process:
        process.confined()
        process.channel.send(b"foreign")
        last = process.channel.recv(64)

    # Killed by the test at the latest.
    assert (last, process.process.returncode) == _AFTER_A_FOREIGN_CALL[HERE.name]
