"""Restarts: a gateway goes while requests are in flight, and comes back; or its commands do not do what they are for."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from conformance.commands.plan import _print_inside
from conformance.model.campaign import Restarts
from conformance.model.evidence import CannotObserve
from conformance.model.scale import Fault
from conformance.probes.retention import control, restarts
from conformance.target import Control, Limits, Target
from conformance.target_file import load
from conformance.witness.canaries import Counted
from conformance.witness.server import Witness
from tests.probes.conftest import Opened, run, target
from tests.probes.retention.conftest import play, staged, standing
from tests.probes.servers import answering, listening

_ROOT = Path(__file__).parents[3]
_OFFICE = """
import os, signal, subprocess, sys, time

folder, what = sys.argv[1:]
pid_file = folder + "/pid"


def end(how):
    pid = int(open(pid_file).read())
    os.kill(pid, how)
    while os.path.exists(f"/proc/{pid}") and open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.02)


if what in ("stop", "kill"):
    end(signal.SIGTERM if what == "stop" else signal.SIGKILL)
else:
    arguments = [sys.executable, "-m", "tests.twins.second", "as-it-is", folder + "/gateway/config.json"]
    log = open(folder + "/gateway/output.log", "ab")
    started = subprocess.Popen(arguments, cwd=%r, stdout=log, stderr=log, start_new_session=True)
    open(pid_file, "w").write(str(started.pid))
"""


def _with_control(target_file: Path, port: int, pid: int) -> Path:
    """Commands that start and stop the second gateway, which listens where it listened before."""
    folder = target_file.parent
    config = folder / "gateway" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "port": port}))
    (folder / "office.py").write_text(_OFFICE % str(_ROOT))
    (folder / "pid").write_text(str(pid))
    commands = {
        what: [sys.executable, str(folder / "office.py"), str(folder), what]
        for what in ("start", "stop", "kill")
    }
    lines = "".join(f"{name} = {json.dumps(command)}\n" for name, command in commands.items())
    target_file.write_text(f"{target_file.read_text()}\n[control]\n{lines}")
    return folder / "pid"


@pytest.fixture
def restarted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Restarts:
    """The second gateway, stopped and killed once each."""
    monkeypatch.setattr(restarts, "_ROUNDS", 1)

    async def scene(target_file: Path) -> Restarts:
        async with staged(target_file, sample=3) as stage:
            return await restarts.restarts(stage.session)

    with standing("second", tmp_path) as (ground, target_file):
        told = json.loads(ground.log.read_text().splitlines()[0])
        pid_file = _with_control(target_file, told["port"], _listener(ground.log))
        try:
            return play(lambda: scene(target_file))
        finally:
            os.kill(int(pid_file.read_text()), signal.SIGKILL)


def _listener(log: Path) -> int:
    """The process that writes to a log."""
    for folder in Path("/proc").glob("[0-9]*/fd/1"):
        if folder.resolve() == log.resolve():
            return int(folder.parts[2])
    raise AssertionError("nobody writes there")


def test_requests_are_in_flight_when_the_gateway_goes_and_it_comes_back(restarted: Restarts) -> None:
    assert restarted.restarts == 2
    assert [(path.path, path.kind, path.sent, path.counted) for path in restarted.paths] == [
        ("stopped under way", "aborted", 6, 6),
        ("killed under way", "aborted", 6, 6),
    ]
    assert {cell.field for cell in restarted.cells} == {"user", "system", "assistant"}
    assert all(cell.proven == cell.sent == 6 for cell in restarted.cells)


def _tried(opened: Opened, commands: Control) -> CannotObserve:
    """What comes of commands on a gateway that is the witness itself."""

    async def scene() -> CannotObserve:
        async with Witness(host="127.0.0.1", port=0, tls=None, canaries=Counted()) as witness:
            where = target(witness.port, limits=Limits(requests=1000, rate=1e5, timeout=5, connections=24))
            there = _controlled(where, commands)
            async with opened(there, witness=witness, own_key="sk-own") as session:
                with pytest.raises(CannotObserve) as trouble:
                    await restarts.restarts(session)
                return trouble.value

    return play(scene)


def _controlled(where: Target, commands: Control) -> Target:
    return Target(
        name=where.name,
        environment=where.environment,
        gateway=where.gateway,
        models=where.models,
        limits=where.limits,
        control=commands,
    )


def test_commands_that_stop_nothing_are_the_operators(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restarts, "_ROUNDS", 1)

    trouble = _tried(opened, Control(restart=("true",)))

    assert trouble.unobserved.fault is Fault.OPERATOR
    assert "nothing showed that the gateway went" in trouble.unobserved.reason


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("false",), "ended with status 1"),
        (("/no/such/command",), "could not be run"),
        (("sleep", "60"), "did not end"),
    ],
    ids=["fails", "missing", "hangs"],
)
def test_a_command_that_does_not_work_is_the_operators(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], said: str
) -> None:
    monkeypatch.setattr(control, "COMMAND_SECONDS", 0.3)

    async def scene() -> CannotObserve:
        async with opened(target(1)) as session:
            with pytest.raises(CannotObserve) as trouble:
                await control.finish(session, command)
            return trouble.value

    found = run(scene).unobserved
    assert found.fault is Fault.OPERATOR
    assert said in found.reason


def test_a_gateway_that_does_not_come_back_is_the_targets(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "RETURN_SECONDS", 0.2)

    async def scene() -> CannotObserve:
        async with listening(answering(status="503 Not yet")) as port, opened(target(port)) as session:
            with pytest.raises(CannotObserve) as trouble:
                await control.back(session, "sk-own")
            return trouble.value

    found = run(scene).unobserved
    assert found.fault is Fault.TARGET
    assert "did not serve again" in found.reason


def test_a_start_that_fails_is_the_operators(opened: Opened) -> None:
    async def scene() -> CannotObserve:
        async with listening(answering(status="503 Not yet")) as port, opened(target(port)) as session:
            await control.start(session, ("false",))
            with pytest.raises(CannotObserve) as trouble:
                await control.back(session, "sk-own")
            return trouble.value

    found = run(scene).unobserved
    assert found.fault is Fault.OPERATOR
    assert "ended with status 1" in found.reason


@pytest.mark.parametrize(
    ("commands", "names"),
    [
        (Control(), ()),
        (Control(start=("a",)), ()),
        (Control(stop=("a",)), ()),
        (Control(restart=("a",)), ("restarted under way",)),
        (Control(start=("a",), kill=("b",)), ("killed under way",)),
        (
            Control(start=("a",), stop=("b",), kill=("c",), restart=("d",)),
            ("restarted under way", "stopped under way", "killed under way"),
        ),
    ],
    ids=["none", "only start", "only stop", "restart", "kill", "all"],
)
def test_the_ways_are_those_that_bring_it_back(commands: Control, names: tuple[str, ...]) -> None:
    assert tuple(way.name for way in control.ways(commands)) == names
    assert commands.restarts() is bool(names)


def test_the_plan_says_by_what_the_gateway_is_made_to_go(capsys: pytest.CaptureFixture[str]) -> None:
    _print_inside(_controlled(target(1), Control(start=("up",), stop=("down", "--now"), kill=("down", "-9"))))

    assert "is made to go, with requests under way, by running down\n" in capsys.readouterr().out


def test_a_target_file_may_declare_them(tmp_path: Path) -> None:
    path = tmp_path / "target.toml"
    path.write_text(
        'name = "t"\nenvironment = "test"\n[gateway]\nbase_urls = ["https://127.0.0.1:1"]\n'
        '[control]\nstart = ["up"]\nstop = ["down"]\n'
    )

    assert "restart" in load(path).access()
