"""From evidence to verdicts: what is not there is never green, and the same evidence gives the same bytes."""

import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from conformance.audit import reassess
from conformance.catalogue import checks
from conformance.evidence.folder import NotARun, RunFolder
from conformance.judge import Gathered, judge, recall, suite_faults, unseen
from conformance.model.evidence import Unobserved
from conformance.model.keys import Rotation
from conformance.model.scale import Fault
from conformance.model.verdict import Inconclusive, Pass, Verdict
from tests.core import made
from tests.core.made import Look, Other

UNSEEN = Unobserved(reason="silence", fault=Fault.NETWORK, decide="ask again")


def _never(**_: Any) -> Verdict:
    raise AssertionError("a check without its evidence is not asked")


def _crash(look: Look) -> Verdict:
    raise LookupError(f"a bug of ours, with {look.facts} facts")


def _groundless(look: Look) -> Verdict:
    return Pass(because="all is well", cites=())


def _blind(look: Look) -> Verdict:
    return Pass(because="all is well", cites=(look,))


def test_evidence_reaches_the_check_by_its_type() -> None:
    entry = made.check(needs={"what": Look}, judge=lambda what: Pass(because=str(what.facts), cites=(what,)))
    (finding,) = judge([entry], {"Look": Look(facts=3)})
    assert finding.verdict == Pass(because="3", cites=(Look(facts=3),))
    assert finding.fault == ""


@pytest.mark.parametrize(
    ("gathered", "because", "decide"),
    [
        ({}, "no Look was recorded", "audit again"),
        ({"Other": Other()}, "no Look was recorded", "audit again"),
        ({"Look": UNSEEN}, "silence", "ask again"),
    ],
)
def test_a_check_without_its_evidence_is_inconclusive_and_never_called(
    gathered: Gathered, because: str, decide: str
) -> None:
    (finding,) = judge([made.check(judge=_never)], gathered)
    assert isinstance(finding.verdict, Inconclusive)
    assert because in finding.verdict.because
    assert decide in finding.verdict.decide
    assert finding.fault == ""


def test_one_missing_piece_of_evidence_is_enough() -> None:
    entry = made.check(needs={"look": Look, "other": Other}, judge=_never)
    (finding,) = judge([entry], {"Look": Look(), "Other": UNSEEN})
    assert isinstance(finding.verdict, Inconclusive)


@pytest.mark.parametrize(
    ("function", "facts", "fault"),
    [(_crash, 3, "LookupError"), (_groundless, 3, "ValueError"), (_blind, 0, "ValueError")],
)
def test_a_check_that_crashes_is_inconclusive_and_our_fault(function: Any, facts: int, fault: str) -> None:
    (finding,) = judge([made.check(judge=function)], {"Look": Look(facts=facts)})
    assert isinstance(finding.verdict, Inconclusive)
    assert finding.fault == f"room.check: {fault}"


def test_a_crashing_check_stops_no_other() -> None:
    entries = [made.check("a", judge=_crash), made.check("b", judge=_blind)]
    assert [f.fault for f in judge(entries, {"Look": Look()})] == ["a: LookupError", ""]


def test_no_check_of_the_catalogue_passes_without_evidence() -> None:
    assert all(isinstance(f.verdict, Inconclusive) and not f.fault for f in judge(checks(), {}))


def test_no_check_of_the_catalogue_passes_on_what_was_not_observed() -> None:
    gathered: Gathered = {kind.__name__: UNSEEN for entry in checks() for kind in entry.needs.values()}
    assert all(isinstance(f.verdict, Inconclusive) and not f.fault for f in judge(checks(), gathered))


def test_what_was_not_seen_is_told_in_order_with_our_own_faults_apart() -> None:
    ours = Unobserved(reason="a bug", fault=Fault.SUITE, decide="tell us")
    gathered: Gathered = {"B": UNSEEN, "C": Look(), "A": ours}
    assert unseen(gathered) == (("A", ours), ("B", UNSEEN))
    assert suite_faults(gathered) == ("A: a bug",)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A finished run that saw one thing and could not see another."""
    folder = RunFolder.create(tmp_path, "abcd1234", datetime(2026, 11, 24, tzinfo=UTC))
    folder.write("Declared", made.declared())
    folder.write("Rotation", Rotation(absent="there is none"))
    folder.write("Revocation", UNSEEN)
    folder.finish(made.record())
    return folder


def test_the_same_evidence_gives_the_same_bytes(run: RunFolder) -> None:
    reassess(run)
    first = (run.path / "results.json").read_bytes()
    reassess(RunFolder(run.path))
    assert (run.path / "results.json").read_bytes() == first


def test_judging_touches_no_network(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("judging opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert reassess(run).gate.exit_code == 3


def test_judging_needs_the_evidence_only(run: RunFolder) -> None:
    reassess(run)
    first = (run.path / "results.json").read_bytes()
    run.forget()
    reassess(run)
    assert (run.path / "results.json").read_bytes() == first


def test_what_a_run_recorded_is_recalled_and_nothing_else(run: RunFolder) -> None:
    assert recall(run) == {
        "Declared": made.declared(),
        "Rotation": Rotation(absent="there is none"),
        "Revocation": UNSEEN,
    }


def test_a_finding_points_to_its_evidence_by_digest(run: RunFolder) -> None:
    results = reassess(run)
    (rotation,) = (c for c in results.checks if c.id == "keys.rotation-replaces-the-secret")
    assert {ref.path: ref.sha256 for ref in rotation.evidence} == {
        "evidence/Declared.json": run.digest("Declared"),
        "evidence/Rotation.json": run.digest("Rotation"),
    }


def test_evidence_that_was_tampered_with_into_another_form_is_refused(run: RunFolder) -> None:
    (run.evidence / "Rotation.json").write_text('{"evidence":"Rotation","old":{}}')
    with pytest.raises(NotARun):
        reassess(run)


def test_a_run_that_does_not_say_what_was_declared_is_refused(run: RunFolder) -> None:
    (run.evidence / "Declared.json").unlink()
    with pytest.raises(NotARun, match="does not say what was declared"):
        reassess(run)
