"""What the reference gateway adds to a request: processor time, and time on the way."""

import os
import socket
import ssl
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx

from conformance.commands.demo import standing
from conformance.target import Target
from conformance.target_file import load
from tests.bench.measure import measurement
from tests.bench.recorded import GATEPROOF

_REQUESTS, _AT_ONCE, _WARM_UP, _ROUNDS = 300, 8, 20, 3
_BODY = {"model": "demo-model", "messages": [{"role": "user", "content": "Good morning."}], "max_tokens": 16}
_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class _Figures:
    cpu_us: float  # of the gateway's process, per request
    ratio: float  # median latency through the gateway by that to the witness


@measurement(
    "gateway.requests_cpu_us",
    unit="µs",
    target=2000,
    better="lower",
    how=f"CPU of the gateway's process per chat call, {_REQUESTS} in turn and {_REQUESTS} by {_AT_ONCE} at once, over TLS",
)
def cpu_per_request() -> float:
    """User and system time by /proc, over whole requests with settled bills."""
    return _figures().cpu_us


@measurement(
    "gateway.overhead_vs_direct",
    unit="times",
    target=8,
    better="lower",
    how=f"median latency of a call through the gateway by that straight to the witness, median of {_ROUNDS} rounds in turn",
)
def overhead() -> float:
    """Same client, same witness, same body; kept connections."""
    return _figures().ratio


@cache
def _figures() -> _Figures:
    with (
        tempfile.TemporaryDirectory(prefix="gateproof-bench-") as folder,
        standing(Path(folder)) as (
            target_file,
            process,
        ),
    ):
        target = load(target_file)
        with (
            _witness(target, target_file.parent),
            _client(target_file.parent / "gateway" / "ca.pem") as through,
            _client(target_file.parent / "witness" / "ca.pem") as direct,
        ):
            chat = f"{target.origin()}/v1/chat/completions"
            through.headers["authorization"] = f"Bearer {_new_key(target, target_file.parent, through)}"
            straight = f"https://{_listen(target)}/v1/chat/completions"
            _latencies(through, chat, _WARM_UP)
            _latencies(direct, straight, _WARM_UP)
            return _Figures(
                cpu_us=_cpu_us(process.pid, through, chat),
                ratio=statistics.median(
                    statistics.median(_latencies(through, chat, 100))
                    / statistics.median(_latencies(direct, straight, 100))
                    for _ in range(_ROUNDS)
                ),
            )


def _cpu_us(process: int, client: httpx.Client, url: str) -> float:
    before = _cpu_seconds(process)
    _latencies(client, url, _REQUESTS)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda _: _call(client, url), range(_REQUESTS)))
    return (_cpu_seconds(process) - before) / (2 * _REQUESTS) * 1e6


def _cpu_seconds(process: int) -> float:
    """utime and stime of a process: fields 14 and 15 of /proc/PID/stat, proc(5), counted behind the command's name."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS


def _latencies(client: httpx.Client, url: str, times: int) -> list[float]:
    return [_call(client, url) for _ in range(times)]


def _call(client: httpx.Client, url: str) -> float:
    began = time.perf_counter()
    client.post(url, json=_BODY).raise_for_status()
    return time.perf_counter() - began


def _client(authority: Path) -> httpx.Client:
    trust = ssl.create_default_context(cafile=str(authority))
    return httpx.Client(verify=trust, trust_env=False, timeout=30)


def _new_key(target: Target, folder: Path, client: httpx.Client) -> str:
    token = (folder / "gateway" / "admin.token").read_text().strip()
    made = client.post(
        f"{target.origin()}/api/v1/keys", json={"name": "bench"}, headers={"authorization": f"Bearer {token}"}
    )
    key: str = made.raise_for_status().json()["key"]
    return key


def _listen(target: Target) -> str:
    assert target.witness is not None
    return target.witness.listen


@contextmanager
def _witness(target: Target, folder: Path) -> Iterator[None]:
    """The witness as a process of its own, so that it takes nothing from the client's."""
    assert target.witness is not None
    command = [
        *GATEPROOF, "witness", "--listen", target.witness.listen,
        "--certificate", str(folder / target.witness.certificate), "--private-key", str(folder / target.witness.private_key),
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        _await(target.witness.listen, process)
        yield
    finally:
        process.terminate()
        process.wait()


def _await(listen: str, process: "subprocess.Popen[bytes]") -> None:
    host, _, port = listen.rpartition(":")
    while process.poll() is None:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError("the witness did not start")
