"""`/proc` is read as it is, and what has gone is nothing."""

import os
import socket
from pathlib import Path

from conformance.collectors.places import procfs
from conformance.collectors.places.sock_diag import inet_sockets, unix_sockets
from conformance.collectors.places.sockets import inode_of, parsed, sockets
from tests.collectors.places.puppet import puppet

_NOBODY = 2**22 - 1  # above every process id that Linux gives by default


def test_a_process_is_told_by_its_name_parent_and_program(tmp_path: Path) -> None:
    with puppet(tmp_path) as gateway:
        gateway.do("open('/proc/self/comm', 'w').write('a (b) c')")
        found = procfs.process(gateway.pid)
    assert found is not None
    assert (found.name, found.parent, found.group) == ("a (b) c", os.getpid(), gateway.pid)
    assert found.program.startswith("python")


def test_what_has_gone_is_nothing() -> None:
    assert procfs.process(_NOBODY) is None
    assert procfs.descriptors(_NOBODY) == {}
    assert procfs.mapped(_NOBODY) == ()
    assert procfs.arguments(_NOBODY) == b""
    assert procfs.folder(_NOBODY) == ""
    assert procfs.children(_NOBODY) == ()


def test_a_fork_shares_the_image_and_a_new_program_does_not(tmp_path: Path) -> None:
    with puppet(tmp_path) as gateway:
        gateway.do("import os, time; child = os.fork(); child or time.sleep(600)")
        gateway.do("import subprocess; other = subprocess.Popen(['sleep', '600'])")
        forked, started = sorted(procfs.children(gateway.pid))
        images = [procfs.process(pid).image for pid in (gateway.pid, forked, started)]  # type: ignore[union-attr]
        gateway.do("os.kill(child, 9); os.waitpid(child, 0); other.kill(); other.wait()")
    assert images[0] == images[1] != images[2]
    assert all(images[0])


def test_open_files_are_told_with_how_they_were_opened_and_whether_they_were_deleted(tmp_path: Path) -> None:
    (tmp_path / "read").write_text("x")
    with puppet(tmp_path) as gateway:
        gateway.do(
            "a = open('read'); b = open('written', 'w'); c = open('gone', 'w+'); import os; os.unlink('gone')"
        )
        found = {
            opened.path: opened
            for number, target in procfs.descriptors(gateway.pid).items()
            if target.startswith(str(tmp_path))
            for opened in [procfs.open_file(gateway.pid, number, target)]
        }
    told = {Path(path).name: (opened.writable, opened.deleted) for path, opened in found.items()}
    assert told == {"read": (False, False), "written": (True, False), "gone": (True, True)}


def test_files_that_are_mapped_for_writing_are_told(tmp_path: Path) -> None:
    with puppet(tmp_path) as gateway:
        gateway.do(
            "f = open('mapped', 'w+b'); f.truncate(4096); import mmap; m = mmap.mmap(f.fileno(), 4096); f.close()"
        )
        found = [opened.path for opened in procfs.mapped(gateway.pid)]
    assert found == [str(tmp_path / "mapped")]


def test_sockets_are_the_same_by_netlink_and_in_the_tables() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as loose,
    ):
        loose.bind(("::1", 0))
        with socket.create_connection(server.getsockname()) as near, server.accept()[0] as far:
            wanted = {os.fstat(end.fileno()).st_ino for end in (server, near, far, loose)}
            asked = {s for s in inet_sockets() if s.inode in wanted}
            names = ("tcp", "tcp6", "udp", "udp6")
            read = {
                s
                for name in names
                for s in parsed(Path(f"/proc/self/net/{name}").read_text(), "tcp" if name < "u" else "udp")
                if s.inode in wanted
            }
            port = server.getsockname()[1]
    assert asked == read
    assert len(asked) == 4
    assert {s.peer for s in asked if s.listens} == {None}
    assert ("127.0.0.1", port) in {s.peer for s in asked}


def test_ipv4_in_the_clothes_of_ipv6_is_ipv4() -> None:
    with (
        socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server,
        socket.create_connection(("127.0.0.1", server.getsockname()[1])),
        server.accept()[0] as far,
    ):
        inode = os.fstat(far.fileno()).st_ino
        (found,) = [s for s in sockets(os.getpid()) if s.inode == inode]
    assert found.address == "127.0.0.1"
    assert found.peer is not None
    assert found.peer[0] == "127.0.0.1"


def test_the_other_end_of_a_unix_socket_is_told(tmp_path: Path) -> None:
    path = str(tmp_path / "a socket")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        with socket.socket(socket.AF_UNIX) as near:
            near.connect(path)
            with server.accept()[0] as far:
                near_inode, far_inode = (os.fstat(end.fileno()).st_ino for end in (near, far))
                found = unix_sockets()
    assert found[near_inode].peer == far_inode
    assert found[far_inode].path == path


def test_an_inode_is_read_off_a_descriptor() -> None:
    assert inode_of("socket:[123]") == 123
    assert inode_of("pipe:[123]") is None
