"""How fast our own engine audits transport: beside testssl.sh and sslyze, over a network that takes time, and for a fleet."""

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from conformance.evidence.folder import RunFolder
from conformance.probes.clear_text import clear_text
from conformance.probes.hsts import hsts_answers
from conformance.probes.links import links
from conformance.probes.tls.facts import tls_facts
from conformance.probes.tls.opinion import interpreter, second_opinion
from conformance.probes.tls.versions import tls_versions
from conformance.session import Session
from conformance.stage import open_stage
from conformance.target_file import load
from tests.bench.measure import NothingHereError, measurement
from tests.bench.recorded import GATEPROOF
from tests.transport import deployments as d
from tests.transport.corpus.api import KEY, Api, everywhere
from tests.transport.corpus.nginx import ROWS, nginx
from tests.transport.corpus.pki import Pki

_ONE_WAY = 0.025  # seconds
_FLEET = 20
_TIMES = 5
_SSLYZE_SECONDS = 120.0
_TESTSSL_SECONDS = 600.0


async def _own(session: Session) -> None:
    """Every observation of transport but the second opinion."""
    looks = (tls_versions, tls_facts, hsts_answers, clear_text, links)
    await asyncio.gather(*(look(session) for look in looks))


async def _beside(session: Session) -> None:
    await asyncio.gather(_own(session), second_opinion(session))


@contextmanager
def _server() -> Iterator[tuple[Path, Path, int]]:
    """A folder, the authority to trust, and the port of an nginx that conforms."""
    with tempfile.TemporaryDirectory(prefix="gateproof-bench-") as name:
        folder = Path(name)
        pki = Pki(folder)
        bare = Api(everywhere())
        with (
            d.listening(d.http(bare.respond)) as port,
            nginx(folder, pki, port, port, ROWS[:1]) as (deployment,),
        ):
            yield folder, pki.root, deployment.port


def _seconds(
    folder: Path, authority: Path, ports: Sequence[int], *, times: int = _TIMES, beside: bool = False
) -> float:
    """Median seconds for all of transport, at these ports of one host."""
    target_file = folder / f"{len(list(folder.iterdir()))}.toml"
    (folder / "key").write_text(KEY)
    urls = json.dumps([f"https://localhost:{port}" for port in ports])
    target_file.write_text(
        f'name = "bench"\nenvironment = "test"\n[gateway]\nbase_urls = {urls}\ncleartext_ports = []\n'
        f'ca_file = "{authority}"\nresolve = {{ localhost = ["127.0.0.1"] }}\n[credentials]\nkey = {{ file = "key" }}\n'
        "[limits]\nrequests = 100000\nrate = 100000\nconnections = 256\n"
    )
    return asyncio.run(_timed(target_file, folder, times, beside=beside))


async def _timed(target_file: Path, folder: Path, times: int, *, beside: bool) -> float:
    run = RunFolder(folder / f"run-{target_file.stem}")
    run.evidence.mkdir(parents=True)
    run.private.mkdir()
    seconds = []
    async with open_stage(
        load(target_file), target_file=target_file, folder=run, run="bench", profile="quick", seed=1
    ) as stage:
        for _ in range(times):
            began = time.perf_counter()
            await (_beside if beside else _own)(stage.session)
            seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def _sslyze(port: int) -> float:
    """Seconds of sslyze with all that it does by itself."""
    python = interpreter()
    if python is None:
        raise NothingHereError("sslyze is not installed: `make bench` installs it")
    return _command([python, "-m", "sslyze", f"localhost:{port}{{127.0.0.1}}"], _SSLYZE_SECONDS)


def _command(command: list[str], seconds: float) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=False, capture_output=True, stdin=subprocess.DEVNULL, timeout=seconds)
    return time.perf_counter() - began


@measurement(
    "transport.vs_testssl",
    unit="ratio",
    target=0.01,
    better="lower",
    how="all of transport by our own engine, median of 5, to `testssl -p -S -h`, once, on the same nginx",
)
def beside_testssl() -> float:
    """Our time as a share of testssl.sh's."""
    program = shutil.which("testssl")
    if program is None:
        raise NothingHereError("testssl.sh is not installed; on Debian: apt-get install testssl.sh")
    with _server() as (folder, authority, port):
        ours = _seconds(folder, authority, [port])
        theirs = _command(
            [program, "-p", "-S", "-h", "--quiet", "--color", "0", "--ip", "127.0.0.1", f"localhost:{port}"],
            _TESTSSL_SECONDS,
        )
        return ours / theirs


@measurement(
    "transport.vs_sslyze",
    unit="ratio",
    target=0.2,
    better="lower",
    how="all of transport by our own engine to sslyze with all its plugins, medians of 5 and 3, on the same nginx",
)
def beside_sslyze() -> float:
    """Our time as a share of sslyze's."""
    with _server() as (folder, authority, port):
        ours = _seconds(folder, authority, [port])
        return ours / statistics.median(_sslyze(port) for _ in range(3))


@measurement(
    "transport.with_sslyze",
    unit="ratio",
    target=1.3,
    better="lower",
    how="all of transport with sslyze as second engine beside it, to sslyze with all its plugins alone, medians of 3",
)
def with_sslyze() -> float:
    """What the second opinion costs on top of itself."""
    with _server() as (folder, authority, port):
        alone = statistics.median(_sslyze(port) for _ in range(3))
        return _seconds(folder, authority, [port], times=3, beside=True) / alone


@contextmanager
def _far(ports: Sequence[int]) -> Iterator[list[int]]:
    """The same ports behind a network of 50 ms there and back, in a process of its own."""
    command = [sys.executable, "-m", "tests.transport.relay", str(_ONE_WAY), *map(str, ports)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield [int(port) for port in process.stdout.readline().split()]
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


@measurement(
    "transport.audit_at_50ms_s",
    unit="s",
    target=3.0,
    better="lower",
    how="all of transport at one endpoint, 50 ms away, median of 3",
)
def far_audit_seconds() -> float:
    """One endpoint where latency dominates."""
    with _server() as (folder, authority, port), _far([port]) as near:
        return _seconds(folder, authority, near, times=3)


@measurement(
    "transport.fleet20_ratio",
    unit="ratio",
    target=2.0,
    better="lower",
    how=f"all of transport at {_FLEET} endpoints to one, each 50 ms away, medians of 3",
)
def fleet_ratio() -> float:
    """What twenty endpoints cost more than one."""
    with _server() as (folder, authority, port), _far([port] * _FLEET) as near:
        one = _seconds(folder, authority, near[:1], times=3)
        return _seconds(folder, authority, near, times=3) / one


@measurement(
    "transport.connections",
    unit="connections",
    target=60,
    better="lower",
    how="TCP connections to one endpoint for all of transport, counted by a relay before nginx",
)
def connections() -> float:
    """How often we come."""
    from tests.transport.relay import Network, through

    network = Network()
    with _server() as (folder, authority, port), ExitStack() as stack:
        near = stack.enter_context(through(network, port))
        _seconds(folder, authority, [near], times=1)
        return network.connections


@measurement(
    "transport.memory_mb",
    unit="MB",
    target=60,
    better="lower",
    how="resident memory over the bare interpreter's after all of transport at one endpoint",
)
def memory() -> float:
    """The whole command's peak, less that of an interpreter that does nothing."""
    bare = _peak_kb([sys.executable, "-c", "pass"])
    with _server() as (folder, authority, port):
        target_file = folder / "memory.toml"
        target_file.write_text(
            f'name = "bench"\nenvironment = "test"\n[gateway]\nbase_urls = ["https://localhost:{port}"]\n'
            f'cleartext_ports = []\nca_file = "{authority}"\nresolve = {{ localhost = ["127.0.0.1"] }}\n'
        )
        audit = ["audit", str(target_file), "--out", str(folder / "runs")]
        checks = ["--check", "transport.*"]
        return (_peak_kb([*GATEPROOF, *audit, *checks]) - bare) / 1000


# A child's peak counts from before it is a program of its own: so a small one starts it, and tells.
_TELL = (
    "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL);"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)


def _peak_kb(command: list[str]) -> int:
    told = subprocess.run(
        [sys.executable, "-c", _TELL, *command],
        check=True,
        capture_output=True,
        env={**os.environ, "GATEPROOF_SSLYZE": "none"},
    )
    return int(told.stdout)
