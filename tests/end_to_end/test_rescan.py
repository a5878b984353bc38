"""`gateproof rescan`: what a run sent is looked for again, and what was written late is found."""

import hashlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from conformance.canary.mint import Issued, Mint
from conformance.cli import main
from conformance.evidence.folder import RunFolder
from conformance.model.archive import PromptSent
from conformance.model.campaign import Campaign, PathRun
from conformance.model.coverage import Coverage
from conformance.model.run import RunRecord
from conformance.model.storage import ScannedSurface, Sighting, SurfaceControl, SurfaceScan
from conformance.selection import Selection
from conformance.stage import declare
from conformance.target_file import as_document, load
from tests.end_to_end.conftest import SECONDS, Command, House, only_run

KEY = b"a run key of the test"
ID = "key_7hT2kQ9pLm1"
_TARGET = """\
name = "looked at again"
environment = "{environment}"
[gateway]
base_urls = ["https://127.0.0.1:1"]
cleartext_ports = []
[gate]
require = ["Z1"]
[[surfaces]]
kind = "files"
locator = "gateway.log"
{more}
"""
_PLANT = """\
[control]
plant = ["sh", "-c", {script}, "sh", "{{locator}}", "{{text}}"]
"""
WRITER = _PLANT.format(script='\'echo "control $2" >> "$1"\'')


class Run:
    """A run that ended well, over one log that holds the id of a key; nobody listens where its gateway was."""

    def __init__(self, folder: Path) -> None:
        self.mint = Mint(KEY)
        self.texts = [self.mint.text(self.mint.atom("success", "user")) for _ in range(3)]
        self.base = folder
        self.log = folder / "gateway.log"
        self.log.write_text(f"started for {ID}\n")
        self.folder = RunFolder(folder / "runs" / "2026-01-01T000000Z-abcd1234")
        self.again = folder / "again"

    def made(self, more: str = "", environment: str = "test") -> "Run":
        """Written down, with a target that says more."""
        path = self.base / "target.toml"
        path.write_text(_TARGET.format(more=more, environment=environment))
        target = load(path)
        self.folder.evidence.mkdir(parents=True)
        self.folder.private.mkdir()
        self.folder.write("Declared", declare(target))
        self.folder.write("Campaign", CAMPAIGN)
        self.folder.finish(RECORD)
        self._keep("run.key", KEY)
        self._keep("issued.json", msgspec.json.encode(tuple(self.mint.issued.values())))
        self._keep("values.json", msgspec.json.encode((ID,)))
        document = {"file": str(path), "target": as_document(target)}
        self._keep("target.json", msgspec.json.encode(document))
        return self

    def write_late(self, text: str) -> None:
        """What a writer with a delay does once nobody looks any more."""
        with self.log.open("a") as log:
            log.write(f"later: {text}\n")

    def look(self, *more: str | Path) -> tuple[int, dict[str, Any]]:
        """Look again: the exit code, and the results."""
        before = set(self.again.glob("*"))
        code = main(["rescan", str(self.folder.path), "--out", str(self.again), *map(str, more)])
        (new,) = set(self.again.glob("*")) - before
        return code, json.loads((new / "results.json").read_text())

    def digests(self) -> dict[str, str]:
        """What the earlier run consists of."""
        files = sorted(path for path in self.folder.path.rglob("*") if path.is_file())
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    def _keep(self, name: str, content: bytes) -> None:
        self.folder.keep_private(name, content)


CAMPAIGN = Campaign(
    sample=60,
    paths=(PathRun(path="success", kind="forwarded", sent=60, counted=60, told=("200",), seconds=1.0),),
    cells=(),
    keys=2,
    answers=60,
)
RECORD = RunRecord(
    run="abcd1234",
    suite="1",
    started="2026-01-01T00:00:00+00:00",
    finished="2026-01-01T00:01:00+00:00",
    profile="quick",
    sample=60,
    seed=1,
    selection=Selection(checks_like=("retention.surfaces-hold-no-content",)).text(),
    require=("Z1",),
    target_file="target.toml",
    interrupted=False,
    requests=60,
    spent=0,
    timings=(),
    leftovers=(),
    faults=(),
)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def _check(results: dict[str, Any]) -> dict[str, Any]:
    (check,) = results["checks"]
    found: dict[str, Any] = check
    return found


def test_a_writer_with_a_delay_is_caught_by_the_rescan_alone(run: Run) -> None:
    run.made()
    earlier = run.digests()

    _, clean = run.look()
    run.write_late(run.texts[1])
    code, kept = run.look()

    assert _check(clean)["verdict"] == "pass"
    assert (code, _check(kept)["verdict"]) == (1, "fail")
    assert (
        "run abcd1234, request 1, field user, path success, copy 0: gateway.log at byte"
        in _check(kept)["observed"]
    )
    assert kept["retention"]["cells"] == [[0, 0, 0, 0, [1]]]
    assert (clean["retention"]["bounds"], kept["retention"]["bounds"]) == (
        [[0, 0, 0, 0.0488]],
        [[0, 0, 1, None]],
    )
    assert kept["run"]["rescan_of"] == "abcd1234"
    assert kept["run"]["started"] > RECORD.finished
    assert run.digests() == earlier


def test_the_digest_of_a_prompt_is_found_again_too(run: Run) -> None:
    run.made()
    canary = run.mint.read(run.texts[0].split()[0])
    assert canary is not None
    run.folder.keep_private(
        "prompts.json", msgspec.json.encode((PromptSent(canary=canary, text=run.texts[0]),))
    )
    run.write_late(hashlib.sha256(run.texts[0].encode()).hexdigest())

    code, results = run.look("--quiet")

    assert code == 1
    assert "as sha256 of the prompt, hex" in _check(results)["observed"]


def test_controls_are_planted_anew_and_those_of_an_earlier_look_are_no_content(run: Run) -> None:
    run.made(WRITER)

    _, first = run.look()
    _, second = run.look()

    assert [_check(results)["verdict"] for results in (first, second)] == ["pass", "pass"]
    assert [r["retention"]["surfaces"][0]["planted_found"] for r in (first, second)] == [6, 6]
    assert run.log.read_text().count("control") == 12


def test_a_control_that_an_earlier_look_left_is_not_taken_for_this_ones(run: Run) -> None:
    run.made(WRITER)
    run.look()
    moved = run.base / "target.toml"
    moved.write_text(_TARGET.format(more=_PLANT.format(script="'true'"), environment="test"))

    code, results = run.look("--target", moved)

    assert (code, _check(results)["verdict"]) == (3, "inconclusive")
    assert "none of the 3 canaries that `control.plant` wrote last was found" in _check(results)["because"]


def test_nothing_is_planted_in_production(run: Run) -> None:
    run.made(WRITER, environment="production")

    run.look()

    assert "control" not in run.log.read_text()


def test_surfaces_that_cannot_be_read_any_more_decide_nothing_and_are_the_operators(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    run.made()
    run.log.unlink()

    code, results = run.look()

    assert (code, _check(results)["verdict"]) == (3, "inconclusive")
    assert (
        "not seen (operator): not one of the declared surfaces could be read: gateway.log"
        in capsys.readouterr().err
    )


def test_what_was_found_then_is_not_forgotten_when_it_is_gone(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    run.made()
    run.folder.write("SurfaceScan", _scan(_surface("gateway.log", sightings=1)))

    run.look()

    assert (
        "another look for run abcd1234, of 2026-01-01T00:00:00+00:00, which found content"
        in capsys.readouterr().err
    )


def test_what_a_stream_showed_while_content_passed_stands(run: Run) -> None:
    follow = '[[surfaces]]\nkind = "command"\nlocator = "logs"\ncommand = ["false"]\nfollow = true\n'
    run.made(follow)
    run.folder.write("SurfaceScan", _scan(_surface("gateway.log"), _surface("logs")))

    _, results = run.look()

    assert _check(results)["verdict"] == "pass"
    assert [surface["locator"] for surface in results["retention"]["surfaces"]] == ["gateway.log", "logs"]


def test_a_rescan_can_be_looked_at_again(run: Run) -> None:
    run.made()
    run.look()
    first = only_run(run.again)
    run.write_late(run.texts[2])

    code = main(["rescan", str(first), "--out", str(run.base / "third"), "--quiet"])

    assert code == 1
    assert (
        json.loads((only_run(run.base / "third") / "results.json").read_text())["run"]["rescan_of"]
        == "abcd1234"
    )


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (("evidence", "run.json"), "is not a finished run"),
        (("private", "run.key"), "it was forgotten"),
        (("private", "issued.json"), "sent no content"),
        (("private", "target.json"), "does not say which target"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[-1],
)
def test_a_run_without_what_is_needed_is_an_error_of_usage(
    run: Run, lost: tuple[str, str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run.made().folder.path.joinpath(*lost).unlink()

    code = main(["rescan", str(run.folder.path), "--out", str(run.again)])

    assert code == 2
    assert said in capsys.readouterr().err
    assert not run.again.exists()


def test_what_is_no_run_and_what_cannot_be_written_are_errors_of_usage(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    run.made()

    missing = main(["rescan", str(run.base / "nowhere")])
    unwritable = main(["rescan", str(run.folder.path), "--out", str(run.log)])

    assert (missing, unwritable) == (2, 2)
    assert "cannot write below" in capsys.readouterr().err


def test_evidence_of_another_version_is_told_and_nothing_is_left_behind(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    run.made()
    (run.folder.evidence / "Campaign.json").write_text('{"evidence": "Campaign", "paths": 7}')

    code = main(["rescan", str(run.folder.path), "--out", str(run.again)])

    assert code == 2
    assert "is not evidence of this version" in capsys.readouterr().err
    assert list(run.again.iterdir()) == []


def test_an_interrupted_rescan_keeps_what_it_found_and_calls_the_rest_a_gap(run: Run) -> None:
    endless = '["sh", "-c", "touch begun; while echo x; do sleep 0.02; done"]'
    run.made(f'[[surfaces]]\nkind = "command"\nlocator = "logs"\ncommand = {endless}\n')
    run.write_late(run.texts[0])
    command = [
        sys.executable,
        "-m",
        "conformance.cli",
        "rescan",
        str(run.folder.path),
        "--out",
        str(run.again),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + SECONDS
    while not (run.base / "begun").exists():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)

    output, errors = process.communicate(timeout=SECONDS)

    results = json.loads((only_run(run.again) / "results.json").read_text())
    scan = json.loads((only_run(run.again) / "evidence" / "SurfaceScan.json").read_text())
    assert process.returncode == 1, output + errors
    assert results["run"]["interrupted"]
    assert _check(results)["verdict"] == "fail"
    assert "the scan was interrupted" in scan["surfaces"][1]["coverage"]["gaps"][0]["reason"]


def test_a_run_of_a_real_gateway_is_looked_at_again(house: House, gateproof: Command, tmp_path: Path) -> None:
    audited = gateproof("audit", house.target, "--out", tmp_path / "runs", "--sample", "1", "--claim", "Z1")
    run = only_run(tmp_path / "runs")

    clean = gateproof("rescan", run, "--out", tmp_path / "clean")
    (house.target.parent / "gateway" / "gateway.log.1").write_text(_written_again(run))
    kept = gateproof("rescan", run, "--out", tmp_path / "kept")

    assert audited.returncode == 0, audited.stdout + audited.stderr
    assert clean.returncode == 0, clean.stdout + clean.stderr
    assert kept.returncode == 1, kept.stdout + kept.stderr
    assert "broken: Z1" in kept.stdout


def _written_again(run: Path) -> str:
    """A canary of a prompt, as the mint of that run wrote it."""
    issued = msgspec.json.decode((run / "private" / "issued.json").read_bytes(), type=tuple[Issued, ...])
    mint = Mint((run / "private" / "run.key").read_bytes())
    atoms = {one.field: mint.atom(one.path, one.field) for one in issued}
    return f"{atoms['user']}\n"


def _scan(*surfaces: ScannedSurface) -> SurfaceScan:
    return SurfaceScan(surfaces=surfaces, searched=3, forms=49)


def _surface(locator: str, sightings: int = 0) -> ScannedSurface:
    seen = Sighting(surface=locator, item=locator, offset=0, length=27, form="raw")
    return ScannedSurface(
        locator=locator,
        kind="files",
        role="log",
        encryption="none",
        coverage=Coverage(items=1, bytes_raw=10),
        sightings=(seen,) * sightings,
        sightings_total=sightings,
        controls=(SurfaceControl(kind="value of this run", decisive=True, detail="found"),),
    )
