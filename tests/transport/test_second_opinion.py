"""The second engine: what its report means, and what happens where there is none."""

import asyncio
import sys
from pathlib import Path

import msgspec
import pytest

from conformance.checks.transport.engines import engines_do_not_contradict
from conformance.model.transport import (
    Attempt,
    EngineAnswer,
    Outcome,
    Place,
    PlaceTrial,
    SecondOpinion,
    TlsVersions,
    Version,
)
from conformance.model.verdict import Inconclusive, NotApplicable, Pass
from conformance.probes.tls.opinion import ask_sslyze, interpreter, read_report

PLACE = Place(host="localhost", address="127.0.0.1", port=443, sni="localhost", kind="right")


def _versions(*chosen: Version) -> TlsVersions:
    attempts = tuple(
        Attempt(offered=version, outcome=Outcome.SERVER_HELLO, version=version, complete=True)
        for version in chosen
    )
    return TlsVersions(seed=1, vantage="", trials=(PlaceTrial(place=PLACE, attempts=attempts, hellos={}),))


def _opinion(*answers: EngineAnswer) -> SecondOpinion:
    return SecondOpinion(available=True, engine="sslyze", place=PLACE, answers=answers)


def _completed(version: Version, accepted: int) -> EngineAnswer:
    return EngineAnswer(version=version, completed=True, accepted=accepted)


FAILED = EngineAnswer(version=Version.TLS12, completed=False, error="CONNECTIVITY_ISSUE")


@pytest.mark.parametrize(
    ("opinion", "verdict"),
    [
        (SecondOpinion(available=False, reason="not installed"), NotApplicable),
        (_opinion(_completed(Version.TLS12, 0), _completed(Version.TLS13, 3)), Pass),
        (_opinion(_completed(Version.TLS12, 2), _completed(Version.TLS13, 3)), Inconclusive),
        (_opinion(FAILED, _completed(Version.TLS13, 3)), Pass),
        (_opinion(FAILED), NotApplicable),
        (_opinion(), NotApplicable),
    ],
)
def test_only_a_finished_handshake_contradicts(opinion: SecondOpinion, verdict: type) -> None:
    assert isinstance(engines_do_not_contradict(_versions(Version.TLS13), opinion), verdict)


def test_what_both_engines_saw_is_no_contradiction() -> None:
    opinion = _opinion(_completed(Version.TLS12, 2), _completed(Version.TLS13, 3))

    assert isinstance(engines_do_not_contradict(_versions(Version.TLS12, Version.TLS13), opinion), Pass)


def test_a_report_is_read_version_by_version() -> None:
    result: dict[str, list[object]] = {"accepted_cipher_suites": [{}], "rejected_cipher_suites": [{}, {}]}
    scans = {
        "tls_1_2_cipher_suites": {"status": "COMPLETED", "result": result},
        "tls_1_1_cipher_suites": {"status": "ERROR", "error_reason": "BUG_IN_SSLYZE", "result": None},
    }
    report = {"sslyze_version": "6.3.1", "server_scan_results": [{"scan_result": scans}]}

    engine, answers, trouble = read_report(b"a banner\n" + msgspec.json.encode(report))

    assert (engine, trouble) == ("sslyze 6.3.1", "")
    assert [(a.version, a.accepted, a.rejected) for a in answers if a.completed] == [(Version.TLS12, 1, 2)]
    assert {a.error for a in answers if not a.completed} == {"BUG_IN_SSLYZE", "not scanned"}


@pytest.mark.parametrize("output", [b"", b"Traceback", b"{", b"{}", b'{"server_scan_results": 5}', b"\xff{"])
def test_a_broken_report_says_nothing(output: bytes) -> None:
    _, answers, trouble = read_report(output)

    assert not answers
    assert trouble


def _program(folder: Path, body: str) -> str:
    program = folder / "python"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    return str(program)


def test_an_engine_that_hangs_is_stopped_with_its_children(tmp_path: Path) -> None:
    hanging = _program(tmp_path, "sleep 60 & sleep 60")

    opinion = asyncio.run(ask_sslyze(hanging, PLACE, 0.3))

    assert opinion.available
    assert "stopped" in opinion.reason
    assert opinion.seen() == 0


def test_an_engine_that_fails_says_so(tmp_path: Path) -> None:
    assert "code 3" in asyncio.run(ask_sslyze(_program(tmp_path, "exit 3"), PLACE, 5)).reason
    assert "could not be started" in asyncio.run(ask_sslyze(str(tmp_path / "absent"), PLACE, 5)).reason


def test_the_engine_gets_nothing_of_our_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_CREDENTIAL", "sk-secret")

    asyncio.run(ask_sslyze(_program(tmp_path, f"env > {tmp_path}/seen"), PLACE, 5))

    assert "sk-secret" not in (tmp_path / "seen").read_text()


def test_the_environment_may_name_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEPROOF_SSLYZE", sys.executable)

    assert interpreter() == sys.executable


def test_an_engine_that_is_not_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEPROOF_SSLYZE", "/nowhere/python")

    assert interpreter() is None
