"""Whose processes are the gateway's: declared ones, those behind its ports, and their relatives; never ours."""

import os
from pathlib import Path

import pytest

from conformance.collectors.places.members import Members
from conformance.collectors.places.sockets import sockets
from conformance.target import Target
from tests.collectors.places.puppet import puppet
from tests.collectors.places.stage import target_of
from tests.twins.ground import free_port


def members(target: Target, base: Path) -> Members:
    found = Members(target, base)
    found.look(sockets(os.getpid()))
    return found


def test_processes_are_found_by_id_file_and_name(tmp_path: Path) -> None:
    with puppet(tmp_path) as first, puppet(tmp_path) as second, puppet(tmp_path) as third:
        (tmp_path / "pid").write_text(f"{second.pid}\n")
        third.do("open('/proc/self/comm', 'w').write('odd-gateway')")
        target = target_of(first.pid, pid_files=("pid", "absent"), names=("odd-gateway",))
        found = members(target, tmp_path).found
    assert set(found) == {first.pid, second.pid, third.pid}
    assert found[first.pid].why == "declared by its id"
    assert found[third.pid].why == "declared by its name"


def test_whoever_listens_on_the_gateways_port_of_loopback_is_found(tmp_path: Path) -> None:
    port = free_port()
    with puppet(tmp_path) as gateway:
        gateway.do(f"import socket; s = socket.create_server(('127.0.0.1', {port}))")
        here = members(target_of(url=f"https://localhost:{port}"), tmp_path).found
        elsewhere = members(target_of(url=f"https://gateway.example:{port}"), tmp_path).found
        declared = members(target_of(url="https://gateway.example", ports=(port,)), tmp_path).found
    assert set(here) == {gateway.pid} == set(declared)
    assert elsewhere == {}


def test_whoever_calls_the_witness_is_found(tmp_path: Path) -> None:
    port = free_port()
    with puppet(tmp_path) as witness, puppet(tmp_path) as gateway:
        witness.do(f"import socket; s = socket.create_server(('127.0.0.1', {port}))")
        gateway.do(f"import socket; c = socket.create_connection(('127.0.0.1', {port}))")
        found = members(target_of(witness=port), tmp_path).found
    assert {pid: member.why for pid, member in found.items()} == {
        gateway.pid: "holds a connection to the witness"
    }


def test_children_forks_and_the_process_group_belong_to_it(tmp_path: Path) -> None:
    with puppet(tmp_path) as gateway:
        gateway.do("import os, subprocess, time; child = os.fork(); child or time.sleep(600)")
        gateway.do("apart = os.fork(); apart or (os.setsid(), time.sleep(600))")
        gateway.do("other = subprocess.Popen(['sleep', '600'])")
        inner = Members(target_of(gateway.pid), tmp_path)
        inner.look(())
        gateway.do("later = subprocess.Popen(['sleep', '600'])")
        before = len(inner.found)
        inner.follow(threads=True)
        gateway.do("[os.kill(p, 9) for p in (child, apart)]; [p.kill() for p in (other, later)]")
        gateway.do("[os.waitpid(p, 0) for p in (child, apart)]; [p.wait() for p in (other, later)]")
    assert (before, len(inner.found)) == (4, 5)


def test_a_worker_leads_to_the_master_that_it_was_forked_from(tmp_path: Path) -> None:
    with puppet(tmp_path) as master:
        master.do("import os, time; worker = os.fork(); worker or (os.setsid(), time.sleep(600))")
        master.do("open('worker', 'w').write(str(worker))")
        worker = int((tmp_path / "worker").read_text())
        found = members(target_of(worker), tmp_path).found
        master.do("os.kill(worker, 9); os.waitpid(worker, 0)")
    assert set(found) == {master.pid, worker}


@pytest.mark.parametrize("ending", ["exit", "wait"], ids=["the script ended", "the script goes on"])
def test_what_a_script_started_beside_the_gateway_is_not_the_gateways(tmp_path: Path, ending: str) -> None:
    script = f"sleep 600 & echo $! >gateway; sleep 600 & echo $! >other; {ending}"
    with puppet(tmp_path) as starter:
        starter.do("import os, signal, subprocess")
        starter.do(f"s = subprocess.Popen(['bash', '-c', {script!r}], process_group=0)")
        starter.do(f"{ending == 'exit'} and s.wait()")
        starter.do("while not os.path.exists('other') or not open('other').read().strip(): pass")
        gateway, other = (int((tmp_path / name).read_text()) for name in ("gateway", "other"))
        both = f"({gateway}, {other})"  # until it runs its program, a child is one more of the script
        starter.do(f"while any('sleep' not in open(f'/proc/{{p}}/comm').read() for p in {both}): pass")
        found = members(target_of(gateway), tmp_path).found
        starter.do(f"[os.kill(p, signal.SIGKILL) for p in {both}]; s.wait()")
    assert set(found) == {gateway}


def test_a_daemon_is_found_by_its_group_though_its_first_process_is_gone(tmp_path: Path) -> None:
    daemon = "sleep 600 & echo $! >gateway; exec sleep 600 & echo $! >other"
    with puppet(tmp_path) as starter:
        starter.do("import os, signal, subprocess")
        starter.do(f"subprocess.run(['bash', '-c', {daemon!r}], start_new_session=True)")
        starter.do("while not os.path.exists('other') or not open('other').read().strip(): pass")
        gateway, other = (int((tmp_path / name).read_text()) for name in ("gateway", "other"))
        found = members(target_of(gateway), tmp_path).found
        starter.do(f"[os.kill(p, signal.SIGKILL) for p in ({gateway}, {other})]")
    assert set(found) == {gateway, other}


def test_the_audit_and_whoever_started_it_are_never_the_gateway(tmp_path: Path) -> None:
    assert members(target_of(os.getpid(), os.getppid()), tmp_path).found == {}
