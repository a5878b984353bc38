"""`gateproof report`, and the commands that a report tells its reader to run, on a run folder on disk."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from conformance.audit import reassess
from conformance.cli import main
from conformance.evidence.folder import RunFolder
from conformance.model.results import encode
from reports.contents import VERIFICATION
from reports.formats import FORMATS
from tests.core.made import declared, record
from tests.reports.whole import whole_results


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run that declared its target, looked at nothing and was judged."""
    folder = RunFolder.create(tmp_path, "abcd1234", datetime(2026, 11, 24, tzinfo=UTC))
    folder.write("Declared", declared())
    folder.finish(record())
    reassess(folder)
    return folder


def shell(command: str, folder: RunFolder) -> subprocess.CompletedProcess[str]:
    """A command as a reader would paste it, with `gateproof` on the path."""
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder.path,
        env={"PATH": path, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_report_is_html_unless_something_else_is_asked_for(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(run.path)]) == 0

    assert capsys.readouterr().out == f"{run.path / 'report.html'}\n"
    assert (run.path / "report.html").read_text().startswith("<!doctype html>")


def test_all_formats_are_written_beside_the_evidence(run: RunFolder) -> None:
    assert main(["report", str(run.path), "--format", "all"]) == 0

    assert {entry.file for entry in FORMATS.values()} <= {path.name for path in run.path.iterdir()}


def test_several_formats_may_be_asked_for(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    main(["report", str(run.path), "--format", "junit", "--format", "badge", "--format", "junit"])

    assert [Path(line).name for line in capsys.readouterr().out.splitlines()] == ["junit.xml", "badge.json"]


@pytest.mark.parametrize("name", FORMATS)
def test_the_command_line_knows_every_format(name: str, run: RunFolder) -> None:
    assert main(["report", str(run.path), "--format", name]) == 0


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_results_give_the_same_bytes_in_every_format(name: str) -> None:
    again = msgspec.json.decode(encode(whole_results()), type=type(whole_results()))

    assert FORMATS[name].render(again) == FORMATS[name].render(whole_results())


def test_sarif_points_at_the_target_file_where_it_stands_in_the_repository(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "audit" / "staging.toml"
    place.parent.mkdir()
    place.write_text('# the staging gateway\n\nname = "staging"\n')
    document = {
        "file": "audit/staging.toml",
        "target": {"name": "x", "environment": "test", "gateway": {"base_urls": ["https://gateway.example"]}},
    }
    run.keep_private("target.json", json.dumps(document).encode())
    monkeypatch.chdir(tmp_path)
    _with_a_finding(run)

    main(["report", str(run.path), "--format", "sarif"])

    log = json.loads((run.path / "results.sarif").read_text())
    place_told = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place_told["artifactLocation"]["uri"] == "audit/staging.toml"
    assert place_told["region"]["startLine"] == 3


def _with_a_finding(run: RunFolder) -> None:
    (run.path / "results.json").write_bytes(encode(whole_results()))


def test_a_folder_without_results_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(tmp_path)]) == 2

    assert "holds no results.json" in capsys.readouterr().err


def test_the_first_command_finds_evidence_that_was_changed_after_it_was_judged(run: RunFolder) -> None:
    command = VERIFICATION[0][1]
    _cite_everything(run)
    assert shell(command, run).returncode == 0

    (run.evidence / "Declared.json").write_text("{}")

    changed = shell(command, run)
    assert changed.returncode != 0
    assert "evidence/Declared.json: FAILED" in changed.stdout


def _cite_everything(run: RunFolder) -> None:
    """Results in which one check cites the declaration, as checks do that read it."""
    results = reassess(run)
    digest = run.digest("Declared")
    assert digest
    cites = (
        msgspec.structs.replace(
            whole_results().checks[0].evidence[0], path="evidence/Declared.json", sha256=digest
        ),
    )
    checks = (msgspec.structs.replace(results.checks[0], evidence=cites),)
    (run.path / "results.json").write_bytes(encode(msgspec.structs.replace(results, checks=checks)))


def test_the_second_command_judges_the_same_evidence_the_same(run: RunFolder) -> None:
    same = shell(VERIFICATION[1][1], run)

    assert same.stdout.endswith("the same\n"), same.stderr


def test_the_second_command_notices_verdicts_that_the_evidence_does_not_give(run: RunFolder) -> None:
    told = (run.path / "results.json").read_text()
    (run.path / "results.json").write_text(told.replace('"inconclusive"', '"pass"'))

    assert "the same" not in shell(VERIFICATION[1][1], run).stdout
