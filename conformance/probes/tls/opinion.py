"""A second opinion on TLS versions by sslyze: another engine, in its own process and environment.

Its licence (AGPL) and its pinned dependencies keep it out of ours. Its word counts only where an attempt
completed: it calls a timeout "rejected", so it can contradict a refusal but never prove one.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from pathlib import Path
from time import monotonic

import msgspec

from conformance.catalogue import Cost, Phase, observes
from conformance.model.evidence import CannotObserve
from conformance.model.scale import Disruption, Fault, Level
from conformance.model.transport import EngineAnswer, Place, SecondOpinion, Version
from conformance.probes.tls.census import stands
from conformance.session import Session
from conformance.target import Target

_VARIABLE = "GATEPROOF_SSLYZE"
_SECONDS = 60.0
_CONNECTIONS = 550  # it opens one per suite and version, also to a server that refuses the version
_ADMITTED = 10
_SCANS = {
    Version.SSL2: ("--sslv2", "ssl_2_0_cipher_suites"),
    Version.SSL3: ("--sslv3", "ssl_3_0_cipher_suites"),
    Version.TLS10: ("--tlsv1", "tls_1_0_cipher_suites"),
    Version.TLS11: ("--tlsv1_1", "tls_1_1_cipher_suites"),
    Version.TLS12: ("--tlsv1_2", "tls_1_2_cipher_suites"),
    Version.TLS13: ("--tlsv1_3", "tls_1_3_cipher_suites"),
}


def _cost(target: Target, sample: int) -> Cost:
    return Cost(requests=_CONNECTIONS if interpreter() else 0, seconds=_SECONDS if interpreter() else 0.0)


@observes(phase=Phase.OUTSIDE, level=Level.OUTSIDE, disruption=Disruption.ACTIVE_SAFE, cost=_cost)
async def second_opinion(session: Session) -> SecondOpinion:
    """What sslyze says of the first address."""
    python = interpreter()
    if python is None:
        return SecondOpinion(
            available=False, reason=f"sslyze is not installed; {_VARIABLE} may name its Python"
        )
    found, _ = await stands(session.target)
    if not found:
        raise CannotObserve(
            "no host of the target has an address",
            fault=Fault.OPERATOR,
            decide="correct the hosts under `gateway`, or name the addresses in `gateway.resolve`",
        )
    for _ in range(_CONNECTIONS // _ADMITTED):  # in small parts, so that other observations get their turn
        await session.meter.admit(requests=_ADMITTED)
    return await ask_sslyze(python, found[0].places(())[0], _SECONDS)


def interpreter() -> str | None:
    """The Python of sslyze's own environment: as the environment says, else the environment beside ours."""
    named = os.environ.get(_VARIABLE)
    beside = Path(f"{sys.prefix}-sslyze") / "bin" / "python"
    return shutil.which(named) if named else (str(beside) if beside.exists() else None)


async def ask_sslyze(python: str, place: Place, seconds: float) -> SecondOpinion:
    """Run it once against one place. Whatever goes wrong on its side makes an opinion in which nothing
    completed.
    """
    began = monotonic()
    output, trouble = await _run([python, "-m", "sslyze", *_arguments(place)], seconds)
    engine, answers, error = read_report(output)
    return SecondOpinion(
        available=True,
        reason=trouble or error,
        engine=engine,
        place=place,
        answers=answers,
        ms=int((monotonic() - began) * 1000),
    )


def read_report(output: bytes) -> tuple[str, tuple[EngineAnswer, ...], str]:
    """Engine name, its word on each version, and its trouble, from what it wrote. Pure."""
    try:
        report = msgspec.json.decode(output[max(0, output.find(b"{")) :], type=_Report)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "sslyze", (), "it wrote no report"
    engine = f"sslyze {report.sslyze_version}".strip()
    scans = report.server_scan_results[0].scan_result if report.server_scan_results else None
    if scans is None:
        return engine, (), "it could not connect"
    answers = tuple(_answer(version, scans.get(name)) for version, (_, name) in _SCANS.items())
    return engine, answers, ""


class _Result(msgspec.Struct):
    accepted_cipher_suites: list[msgspec.Raw] = []
    rejected_cipher_suites: list[msgspec.Raw] = []


class _Scan(msgspec.Struct):
    status: str = ""
    error_reason: str | None = None
    result: _Result | None = None


class _Server(msgspec.Struct):
    scan_result: dict[str, _Scan | None] | None = None


class _Report(msgspec.Struct):
    sslyze_version: str = ""
    server_scan_results: list[_Server] = []


def _answer(version: Version, scan: _Scan | None) -> EngineAnswer:
    if scan is None or scan.status != "COMPLETED" or scan.result is None:
        error = (scan.error_reason or scan.status) if scan else "not scanned"
        return EngineAnswer(version=version, completed=False, error=error[:200])
    return EngineAnswer(
        version=version,
        completed=True,
        accepted=len(scan.result.accepted_cipher_suites),
        rejected=len(scan.result.rejected_cipher_suites),
    )


def _arguments(place: Place) -> list[str]:
    address = f"[{place.address}]" if ":" in place.address else place.address
    host = f"[{place.host}]" if ":" in place.host else place.host
    flags = [flag for flag, _ in _SCANS.values()]
    name = ["--sni", place.sni] if place.sni else []
    return ["--json_out=-", "--mozilla_config", "disable", *flags, *name, f"{host}:{place.port}{{{address}}}"]


async def _run(command: list[str], seconds: float) -> tuple[bytes, str]:
    """Standard output, and what went wrong; the whole process group ends with us."""
    # A bare environment: nothing of ours, credentials least of all, is for another program.
    environment = {"PATH": os.defpath, "LANG": "C.UTF-8"}
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            env=environment,
        )
    except OSError as trouble:
        return b"", f"it could not be started: {trouble.strerror}"
    try:
        async with asyncio.timeout(seconds):
            output, _ = await process.communicate()
    except TimeoutError:
        return b"", f"it was stopped after {seconds:g} s"
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return output, "" if process.returncode == 0 else f"it ended with code {process.returncode}"
