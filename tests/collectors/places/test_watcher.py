"""What processes have open and whom they talk to is noted at each look, and kept when it is gone."""

import os
import time
from pathlib import Path

import pytest

from conformance.collectors.places.declaration import Declaration, declaration
from conformance.collectors.places.members import Members
from conformance.collectors.places.others import peers, ways_out
from conformance.collectors.places.reach import Reach
from conformance.collectors.places.sockets import sockets
from conformance.collectors.places.used import Found, Used
from conformance.collectors.places.watcher import Watcher
from conformance.collectors.streams import Item
from conformance.model.discovery import UsedPlace
from conformance.target import Surface, Target
from tests.collectors.places.puppet import puppet
from tests.collectors.places.stage import target_of, watching
from tests.twins.ground import free_port

_SECONDS = 20.0


def found(watcher: Watcher, target: Target, base: Path) -> dict[str, Found]:
    """What lies below a folder, by its name there."""
    used = Used(watcher, declaration(target, base), Reach(watcher.began, frozenset()))
    places = [f for f in used.places() if f.place.path.startswith(str(base))]
    return {f.place.path.removeprefix(f"{base}/"): f for f in places}


def place(watcher: Watcher, target: Target, base: Path, name: str) -> UsedPlace:
    return found(watcher, target, base)[name].place


def content(one: Found) -> bytes:
    return b"".join(b"".join(item.open()) for item in one.items if isinstance(item, Item))


def test_a_file_that_is_written_to_and_not_declared_is_found_and_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    with puppet(tmp_path) as gateway, watching(target := target_of(gateway.pid), tmp_path) as watcher:
        gateway.do("f = open('state/history', 'a'); f.write('a prompt'); f.flush()")
        watcher.look()
        one = found(watcher, target, tmp_path)["state/history"]
    assert one.place.written
    assert one.place.declared == ""
    assert one.place.how == "open for writing"
    assert one.place.by.startswith("python")
    assert content(one) == b"a prompt"


def test_a_declared_file_is_accounted_for_and_not_read_again(tmp_path: Path) -> None:
    surface = Surface(kind="files", locator="state/*.log")
    (tmp_path / "state").mkdir()
    with (
        puppet(tmp_path) as gateway,
        watching(target := target_of(gateway.pid, surfaces=(surface,)), tmp_path) as watcher,
    ):
        gateway.do("f = open('state/a.log', 'a'); f.write('a line'); f.flush()")
        watcher.look()
        one = found(watcher, target, tmp_path)["state/a.log"]
    assert (one.place.declared, one.place.written, one.items) == ("state/*.log", True, ())


def test_what_was_open_and_not_written_to_is_no_place_written_to(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("from before")
    time.sleep(0.06)  # longer than the clock of file systems lags behind
    with puppet(tmp_path) as gateway:
        gateway.do("f = open('old', 'a')")
        with watching(target := target_of(gateway.pid), tmp_path) as watcher:
            assert not place(watcher, target, tmp_path, "old").written


def test_a_file_that_is_only_read_is_no_place(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("from before")
    time.sleep(0.06)
    with puppet(tmp_path) as gateway:
        gateway.do("f = open('old')")
        with watching(target := target_of(gateway.pid), tmp_path) as watcher:
            assert found(watcher, target, tmp_path) == {}


def test_a_deleted_file_is_read_also_when_it_was_closed(tmp_path: Path) -> None:
    with puppet(tmp_path) as gateway, watching(target := target_of(gateway.pid), tmp_path) as watcher:
        gateway.do("import os; f = open('spool', 'w+'); os.unlink('spool')")
        watcher.look()
        gateway.do("f.write('a large prompt'); f.close()")
        watcher.look()
        one = found(watcher, target, tmp_path)["spool (deleted)"]
        kept = content(one)
    assert (one.place.kind, one.place.written) == ("deleted file", True)
    assert kept == b"a large prompt"


def test_a_deleted_file_of_a_declared_folder_is_read_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    surface = Surface(kind="files", locator="spool")
    with (
        puppet(tmp_path) as gateway,
        watching(target := target_of(gateway.pid, surfaces=(surface,)), tmp_path) as watcher,
    ):
        gateway.do("import os; f = open('spool/x', 'w+'); os.unlink('spool/x'); f.write('kept'); f.flush()")
        watcher.look()
        one = found(watcher, target, tmp_path)["spool/x (deleted)"]
        kept = content(one)
    assert one.place.declared == "spool"
    assert kept == b"kept"


def test_a_file_that_is_mapped_is_found(tmp_path: Path) -> None:
    with puppet(tmp_path) as gateway:
        gateway.do("f = open('m', 'w+b'); f.truncate(4096); import mmap; m = mmap.mmap(f.fileno(), 4096)")
        gateway.do("import os; os.closerange(3, 20)")
        with watching(target := target_of(gateway.pid), tmp_path) as watcher:
            assert place(watcher, target, tmp_path, "m").kind == "mapped file"


def test_a_file_that_is_open_for_a_moment_only_is_found_in_the_folder_of_another(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    surface = Surface(kind="files", locator="state/a.log")
    with (
        puppet(tmp_path) as gateway,
        watching(target := target_of(gateway.pid, surfaces=(surface,)), tmp_path) as watcher,
    ):
        gateway.do("from pathlib import Path; Path('state/kept.json').write_text('a prompt')")
        one = found(watcher, target, tmp_path)["state/kept.json"]
    assert one.place.how == "it changed in a folder of the gateway's"
    assert (one.place.written, one.nearby) == (True, False)
    assert content(one) == b"a prompt"


def test_a_file_in_the_working_folder_may_be_anybodys_and_is_read(tmp_path: Path) -> None:
    with puppet(tmp_path) as gateway, watching(target := target_of(gateway.pid), tmp_path) as watcher:
        gateway.do("from pathlib import Path; Path('kept.json').write_text('a prompt')")
        one = found(watcher, target, tmp_path)["kept.json"]
    assert one.nearby
    assert content(one) == b"a prompt"


def test_byte_code_that_python_writes_is_by_custom(tmp_path: Path) -> None:
    (tmp_path / "__pycache__").mkdir()
    with puppet(tmp_path) as gateway, watching(target := target_of(gateway.pid), tmp_path) as watcher:
        gateway.do("f = open('__pycache__/m.cpython-311.pyc.139', 'w'); f.write('x'); f.flush()")
        watcher.look()
        assert place(watcher, target, tmp_path, "__pycache__/m.cpython-311.pyc.139").declared


def test_arguments_and_environment_of_the_gateway_and_its_children_are_read(tmp_path: Path) -> None:
    with puppet(tmp_path, arguments=("an argument",)) as gateway:
        target = target_of(gateway.pid)
        with watching(target, tmp_path) as watcher:
            gateway.do(
                "import subprocess; c = subprocess.Popen(['sleep', '600'], env={'NOTE': 'in-a-child'})"
            )
            for _ in range(50):  # one list of children may miss some, says proc(5)
                watcher.look()
            used = Used(watcher, declaration(target, tmp_path), Reach(watcher.began, frozenset()))
            texts = b"\n".join(b"".join(item.open()) for item in used.texts() if isinstance(item, Item))
            gateway.do("c.kill(); c.wait()")
    assert b"an argument" in texts
    assert b"sleep\x00600" in texts
    assert b"NOTE=in-a-child" in texts


def test_peers_are_noted_with_who_they_are_and_stay_when_they_are_gone(tmp_path: Path) -> None:
    witness, other = free_port(), free_port()
    with puppet(tmp_path) as elsewhere, puppet(tmp_path) as gateway:
        elsewhere.do(
            f"import socket; a, b = [socket.create_server(('127.0.0.1', p)) for p in ({witness}, {other})]"
        )
        target = target_of(gateway.pid, witness=witness)
        with watching(target, tmp_path) as watcher:
            gateway.do(f"import socket; c = socket.create_connection(('127.0.0.1', {witness}))")
            gateway.do(f"d = socket.create_connection(('127.0.0.1', {other}))")
            watcher.look()
            gateway.do("d.close()")
            watcher.look()
            told = peers(watcher, declaration(target, tmp_path), sockets(os.getpid()))
    assert [(p.address, p.declared, p.looks) for p in told] == [
        (f"127.0.0.1:{other}", "", 1),
        (f"127.0.0.1:{witness}", "the witness", 2),
    ]
    assert told[0].who.startswith("python")


def test_processes_of_the_gateway_that_call_one_another_are_no_peers(tmp_path: Path) -> None:
    port = free_port()
    with puppet(tmp_path) as gateway:
        gateway.do(f"import socket; s = socket.create_server(('127.0.0.1', {port}))")
        gateway.do(f"c = socket.create_connection(('127.0.0.1', {port}))")
        target = target_of(gateway.pid)
        with watching(target, tmp_path) as watcher:
            watcher.peers["tcp", "203.0.113.9", port] += 1  # elsewhere, on a port of the same number
            told = peers(watcher, declaration(target, tmp_path), sockets(os.getpid()))
    assert [peer.address for peer in told] == [f"203.0.113.9:{port}"]


def test_who_calls_the_gateway_is_no_peer_of_its(tmp_path: Path) -> None:
    port = free_port()
    with puppet(tmp_path) as client, puppet(tmp_path) as gateway:
        gateway.do(f"import socket; s = socket.create_server(('127.0.0.1', {port}))")
        client.do(f"import socket; c = socket.create_connection(('127.0.0.1', {port}))")
        gateway.do("f, _ = s.accept()")
        with watching(target_of(gateway.pid), tmp_path) as watcher:
            assert dict(watcher.peers) == {}


def test_a_socket_of_udp_without_a_peer_is_loose_and_one_with_a_peer_is_not(tmp_path: Path) -> None:
    with puppet(tmp_path) as gateway:
        gateway.do("import socket; a = socket.socket(type=socket.SOCK_DGRAM); a.bind(('127.0.0.1', 0))")
        gateway.do("b = socket.socket(type=socket.SOCK_DGRAM); b.connect(('127.0.0.1', 8125))")
        with watching(target_of(gateway.pid), tmp_path) as watcher:
            assert len(watcher.loose) == 1
            assert list(watcher.peers) == [("udp", "127.0.0.1", 8125)]


def test_pipes_and_unix_sockets_to_others_are_ways_out(tmp_path: Path) -> None:
    with puppet(tmp_path) as listener, puppet(tmp_path) as gateway:
        listener.do("import socket; s = socket.socket(socket.AF_UNIX); s.bind('sink'); s.listen()")
        gateway.do("import socket; c = socket.socket(socket.AF_UNIX); c.connect('sink')")
        listener.do("f, _ = s.accept()")
        gateway.do(
            "import subprocess; p = subprocess.Popen(['cat'], stdin=subprocess.PIPE, start_new_session=True)"
        )
        target = target_of(gateway.pid)
        with watching(target, tmp_path) as watcher:
            outputs, called = ways_out(watcher, declaration(target, tmp_path))
        gateway.do("p.stdin.close(); p.wait()")
    assert [(peer.transport, peer.address, peer.declared) for peer in called] == [("unix", "sink", "")]
    # The puppet and its child print to this test, which started them; what the one writes to the other is their own.
    assert {(output.what, output.by, output.accounted) for output in outputs} == {
        ("pipe", "python", "whoever runs this audit"),
        ("pipe", "cat", "whoever runs this audit"),
    }


def test_what_may_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_pid: int) -> dict[int, str]:
        raise PermissionError

    monkeypatch.setattr("conformance.collectors.places.procfs.descriptors", refuse)
    with puppet(tmp_path) as gateway, watching(target_of(gateway.pid), tmp_path) as watcher:
        assert watcher.trouble == "what its processes have open may not be read"


def test_a_watcher_looks_by_itself_until_it_is_ended(tmp_path: Path) -> None:
    with puppet(tmp_path) as gateway:
        target = target_of(gateway.pid)
        watcher = Watcher(target, tmp_path, Members(target, tmp_path))
        watcher.begin()
        deadline = time.monotonic() + _SECONDS
        while watcher.looks < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        watcher.end()
        looks = watcher.looks
        watcher.close()
    assert looks >= 4
    assert watcher.looks == looks


@pytest.mark.parametrize(
    ("address", "port", "by"),
    [
        ("10.1.2.3", 443, "processes.peers"),
        ("10.1.2.3", 444, ""),
        ("192.168.7.7", 1, "processes.peers"),
        ("fd00::7", 5, "processes.peers"),
        ("127.0.0.1", 9443, "the witness"),
        ("127.0.0.1", 9444, ""),
        ("/run/sink.sock", 0, "processes.peers"),
        ("/run/other.sock", 0, ""),
        ("@abstract", 0, ""),
        ("127.0.0.1", 6379, "surface redis://localhost"),
    ],
)
def test_peers_are_declared_by_address_network_and_path(
    address: str, port: int, by: str, tmp_path: Path
) -> None:
    declared: Declaration = declaration(
        target_of(
            peers=("10.1.2.3:443", "192.168.0.0/16:*", "[fd00::/8]:5", "/run/sink.sock"),
            witness=9443,
            surfaces=(Surface(kind="redis", locator="redis://localhost"),),
        ),
        tmp_path,
    )
    assert declared.peer(address, port) == by
