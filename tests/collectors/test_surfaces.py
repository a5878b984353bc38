"""A surface is scanned for every canary, and its control says whether the scan can see."""

import asyncio
import gzip
import hashlib
import threading
from pathlib import Path

import msgspec
import pytest

from conformance.checks.retention import surfaces_hold_no_content
from conformance.collectors.surfaces import look_at_surfaces, measure, surfaces_scanned
from conformance.model.archive import PromptSent
from conformance.model.campaign import Campaign, CellRun, PathRun
from conformance.model.evidence import Unobserved
from conformance.model.scale import Fault
from conformance.model.storage import ScannedSurface, SurfaceScan
from conformance.model.verdict import Fail, Inconclusive, Pass
from conformance.session import Session
from tests.collectors.auditing import files, session_over

WRITER = ("sh", "-c", 'echo "control $2" >> "$1"', "sh", "{locator}", "{text}")
NOT_TRIED = Unobserved(reason="no command was declared", fault=Fault.OPERATOR, decide="declare one")

CAMPAIGN = Campaign(
    sample=60,
    paths=(PathRun(path="success", kind="forwarded", sent=60, counted=60, told=("200",), seconds=1.0),),
    cells=(CellRun(path="success", field="user", sent=60, proven=60),),
    keys=2,
    answers=60,
)


def _scanned(session: Session) -> SurfaceScan:
    async def look() -> SurfaceScan:
        return await surfaces_scanned(session)

    return asyncio.run(look())


def _one(scan: SurfaceScan) -> ScannedSurface:
    (surface,) = scan.surfaces
    return surface


def test_content_in_a_log_fails_and_the_finding_repeats_none_of_it(tmp_path: Path) -> None:
    with session_over(tmp_path, files("gateway.log")) as session:
        text = session.mint.text(session.mint.atom("success", "user"))
        (tmp_path / "gateway.log").write_bytes(b"start\n" + gzip.compress(text.encode()))
        scan = _scanned(session)
    verdict = surfaces_hold_no_content(scan, CAMPAIGN, NOT_TRIED)
    assert isinstance(verdict, Fail)
    assert _one(scan).canaries == 1
    assert (
        "request 0, field user, path success, copy 0: gateway.log at byte 6, as raw in gzip"
        in verdict.observed
    )
    assert text[:20] not in repr(scan)


def test_a_planted_control_that_is_found_allows_a_pass(tmp_path: Path) -> None:
    with session_over(tmp_path, files("gateway.log"), plant=WRITER) as session:
        (tmp_path / "gateway.log").write_text("GET /v1/models 200\n")
        session.mint.atom("success", "user")
        scan = _scanned(session)
    assert [control.kind for control in _one(scan).controls] == ["planted"]
    assert _one(scan).sightings == ()
    assert isinstance(surfaces_hold_no_content(scan, CAMPAIGN, NOT_TRIED), Pass)


def test_nothing_is_planted_in_production(tmp_path: Path) -> None:
    with session_over(tmp_path, files("gateway.log"), plant=WRITER, environment="production") as session:
        (tmp_path / "gateway.log").write_text("GET /v1/models 200\n")
        scan = _scanned(session)
    assert (tmp_path / "gateway.log").read_text() == "GET /v1/models 200\n"
    assert _one(scan).controls == ()


def test_a_plant_command_that_fails_is_named_and_proves_nothing(tmp_path: Path) -> None:
    with session_over(tmp_path, files("gateway.log"), plant=("false",)) as session:
        (tmp_path / "gateway.log").write_text("x\n")
        scan = _scanned(session)
    assert _one(scan).controls == ()
    assert [gap.reason for gap in _one(scan).coverage.gaps] == ["the plant command ended with status 1"]


def test_a_public_value_of_the_run_is_a_control(tmp_path: Path) -> None:
    with session_over(tmp_path, files("keys.json", role="account")) as session:
        session.mint.atom("success", "user")
        session.expected_values.append("key_7hT2kQ9pLm1")
        (tmp_path / "keys.json").write_text('{"id": "key_7hT2kQ9pLm1"}')
        scan = _scanned(session)
    assert [control.kind for control in _one(scan).controls] == ["value of this run"]
    assert isinstance(surfaces_hold_no_content(scan, CAMPAIGN, NOT_TRIED), Pass)


@pytest.mark.parametrize(("shown", "proven"), [(("3f9a1c07", "b2e8d415"), True), (("3f9a1c07",), False)])
def test_identifiers_cut_short_prove_the_sight_from_two_on(
    shown: tuple[str, ...], proven: bool, tmp_path: Path
) -> None:
    with session_over(tmp_path, files("gateway.log")) as session:
        session.expected_values += ["3f9a1c07" + "5d" * 12, "b2e8d415" + "7c" * 12]
        session.mint.atom("success", "user")
        (tmp_path / "gateway.log").write_text("".join(f"200 {begin} 12ms\n" for begin in shown))
        scan = _scanned(session)
    assert _one(scan).proven() is proven


def test_growth_alone_shows_life_and_not_sight(tmp_path: Path) -> None:
    with session_over(tmp_path, files("gateway.log")) as session:
        (tmp_path / "gateway.log").write_text("x\n")
        session.before["gateway.log"] = measure(files("gateway.log"), tmp_path)
        session.mint.atom("success", "user")
        (tmp_path / "gateway.log").write_text("x\n" * 100)
        scan = _scanned(session)
    verdict = surfaces_hold_no_content(scan, CAMPAIGN, NOT_TRIED)
    assert [(control.kind, control.decisive) for control in _one(scan).controls] == [("growth", False)]
    assert isinstance(verdict, Inconclusive)
    assert "unproven" in verdict.because


def test_a_surface_that_could_not_be_read_allows_no_pass(tmp_path: Path) -> None:
    with session_over(tmp_path, files("log"), files("nowhere"), plant=WRITER) as session:
        (tmp_path / "log").write_text("x\n")
        session.mint.atom("success", "user")
        (tmp_path / "nowhere").mkdir()
        (tmp_path / "nowhere" / "out").symlink_to("/etc/hostname")
        scan = _scanned(session)
    verdict = surfaces_hold_no_content(scan, CAMPAIGN, NOT_TRIED)
    assert isinstance(verdict, Inconclusive)
    assert "out of the surface" in verdict.because


def test_without_canaries_nothing_is_concluded(tmp_path: Path) -> None:
    with session_over(tmp_path, files("gateway.log")) as session:
        (tmp_path / "gateway.log").write_text("x\n")
        scan = _scanned(session)
    assert isinstance(surfaces_hold_no_content(scan, CAMPAIGN, NOT_TRIED), Inconclusive)


def test_an_item_named_after_content_is_found_and_not_named(tmp_path: Path) -> None:
    with session_over(tmp_path, files("spool")) as session:
        atom = session.mint.atom("upload", "file name")
        (tmp_path / "spool").mkdir()
        (tmp_path / "spool" / f"please read {atom}.txt").write_text("nothing")
        scan = _scanned(session)
    assert _one(scan).canaries == 1
    assert atom not in repr(scan)


def test_the_folder_of_the_run_is_never_scanned(tmp_path: Path) -> None:
    with session_over(tmp_path, files(".")) as session:
        atom = session.mint.atom("success", "user")
        (session.run_folder / "private").write_text(atom)
        (tmp_path / "gateway.log").write_text("x\n")
        scan = _scanned(session)
    assert _one(scan).sightings == ()


def test_every_field_and_path_is_counted_though_the_list_is_cut(tmp_path: Path) -> None:
    with session_over(tmp_path, files("gateway.log")) as session:
        kept = [session.mint.atom("success", "user") for _ in range(250)]
        kept += [session.mint.atom("stream", "header") for _ in range(30)]
        (tmp_path / "gateway.log").write_text("\n".join([*kept, *kept]))
        surface = _one(_scanned(session))
    assert len(surface.sightings) == 200
    assert (surface.canaries, surface.sightings_total) == (280, 560)
    assert [(cell.path, cell.field, cell.canaries) for cell in surface.cells] == [
        ("stream", "header", 30),
        ("success", "user", 250),
    ]
    assert {s.canary.field for s in surface.sightings if s.canary} == {"user"}


def test_the_digest_of_a_prompt_is_searched_for(tmp_path: Path) -> None:
    with session_over(tmp_path, files("cache")) as session:
        text = session.mint.text(session.mint.atom("success", "user"))
        canary = session.mint.read(text[:27])
        assert canary is not None
        session.prompts = (PromptSent(canary=canary, text=text),)
        (tmp_path / "cache").write_text(hashlib.sha256(text.encode()).hexdigest())
        scan = _scanned(session)
    assert scan.prompts == 1
    assert [s.form for s in _one(scan).sightings] == ["sha256 of the prompt, hex"]


def test_bytes_that_are_there_and_were_not_read_are_counted(tmp_path: Path) -> None:
    short = msgspec.structs.replace(files("gateway.log"), most_bytes=100)
    with session_over(tmp_path, short) as session:
        session.mint.atom("success", "user")
        (tmp_path / "gateway.log").write_text(f"{session.mint.atom('stream', 'user')}\n".ljust(1000))
        surface = _one(_scanned(session))
    coverage = surface.coverage
    assert (coverage.bytes_raw, coverage.bytes_unread, surface.canaries) == (100, 900, 1)
    assert all(artefact.adds_up() for artefact in coverage.artefacts)


def test_a_scan_that_is_halted_says_what_it_left(tmp_path: Path) -> None:
    halt = threading.Event()
    with session_over(tmp_path, files("a"), files("b")) as session:
        session.mint.atom("success", "user")
        (tmp_path / "a").write_text("x\n")
        (tmp_path / "b").write_text("x\n")

        def told(surface: str, event: str) -> None:
            if (surface, event) == ("a", "ends"):
                halt.set()

        first, second = asyncio.run(look_at_surfaces(session, told, halt)).surfaces
    assert (first.coverage.deciding_gaps(), first.coverage.bytes_raw) == ((), 2)
    assert [gap.reason for gap in second.coverage.deciding_gaps()] == [
        "what is left was not looked at: the scan was interrupted"
    ]
