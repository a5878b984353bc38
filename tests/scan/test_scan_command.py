"""`gateproof scan`: archived surfaces, with nothing but the private half of a run."""

import base64
import gzip
import hashlib
import json
import os
from pathlib import Path

import msgspec
import pytest

from conformance.canary.mint import Mint
from conformance.cli import main
from conformance.commands.scan_journal import Journal
from conformance.model.archive import ArchiveScan, PromptSent
from conformance.model.storage import CanaryId
from tests.scan import compressors
from tests.scan.searching import KEY

LINE = "a line of a log that has nothing to do with it\n"


class Run:
    """A run's private half, and a place for surfaces."""

    def __init__(self, folder: Path) -> None:
        self.mint = Mint(KEY)
        self.texts = [self.mint.text(self.mint.atom("success", f"field {n}")) for n in range(4)]
        self.folder = folder / "2026-01-01T000000Z-abcd1234"
        self.private = self.folder / "private"
        self.private.mkdir(parents=True)
        (self.private / "run.key").write_bytes(KEY)
        (self.private / "issued.json").write_bytes(msgspec.json.encode(tuple(self.mint.issued.values())))
        self.surface = folder / "surface"
        self.surface.mkdir()

    def scan(self, *more: str, path: Path | None = None) -> int:
        return main(["scan", str(path or self.surface), "--run", str(self.folder), *more])

    def scanned(self, capsys: pytest.CaptureFixture[str]) -> tuple[int, ArchiveScan]:
        code = self.scan("--json")
        return code, msgspec.json.decode(capsys.readouterr().out.encode(), type=ArchiveScan)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_what_was_found_is_told_without_what_stands_around_it(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = base64.b64encode(gzip.compress(f"secret words {run.texts[2]}".encode())).decode()
    (run.surface / "a.log").write_text(f"{LINE}secret words {run.texts[1]}\n")
    (run.surface / "b.log").write_text(f"{LINE}{packed}\n")

    code = run.scan()
    told = capsys.readouterr().out.splitlines()

    assert code == 1
    assert told[0] == (
        f"run abcd1234, request 1, field field 1, path success, copy 0: {run.surface}/a.log at byte {len(LINE) + 13}, as raw"
    )
    assert told[3].endswith(f"{run.surface}/b.log at byte {len(LINE)}, as raw in gzip in base64")
    assert told[-1] == "content of run abcd1234 was found: 6 sightings in 2 files"
    assert not any(words in "\n".join(told) for words in ("secret words", LINE.strip(), run.mint.marker))


def test_nothing_found_where_everything_was_looked_at_is_a_zero(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    (run.surface / "a.log").write_text(LINE * 100)
    (run.surface / "b.log.gz").write_bytes(gzip.compress(LINE.encode() * 100))
    (run.surface / "foreign").write_text(Mint(b"the key of another run").atom("success", "user"))

    code, scan = run.scanned(capsys)

    assert (code, scan.sightings_total, scan.undecided()) == (0, 0, ())
    assert scan.coverage.items == 3
    assert all(artefact.adds_up() for artefact in scan.coverage.artefacts)
    assert scan.engine.patterns > 500


def test_what_the_audit_planted_itself_is_no_content(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    (run.surface / "a.log").write_text(f"{LINE}{run.mint.control(7)}\n")

    code, scan = run.scanned(capsys)

    assert (code, scan.sightings_total, scan.controls) == (0, 0, 1)
    assert run.scan() == 0
    assert "1 controls that the audit planted were found" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (os.urandom(100_000), "opaque"),
        (compressors.seven_zip_start() + LINE.encode() * 30, "no decoder"),
        (b"", "not one byte"),
    ],
    ids=["noise", "an archive", "nothing"],
)
def test_nothing_found_where_not_everything_was_looked_at_is_a_three(
    run: Run, capsys: pytest.CaptureFixture[str], content: bytes, why: str
) -> None:
    (run.surface / "a").write_bytes(content)

    code = run.scan()
    told = capsys.readouterr()

    assert code == 3
    assert why in told.err
    assert told.out.splitlines()[-1].endswith("not everything could be looked at")


def test_a_quick_look_decides_no_absence_but_finds_what_lies_in_clear(run: Run) -> None:
    (run.surface / "a").write_text(LINE)
    clean = run.scan("--quick", "--quiet")
    (run.surface / "a").write_text(run.texts[0])

    assert (clean, run.scan("--quick", "--quiet")) == (3, 1)


def test_a_name_that_holds_a_canary_is_a_sighting_and_is_not_repeated(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    atom = run.texts[3].split()[0]
    (run.surface / f"upload-{atom.lower()}.txt").write_text(LINE)

    code = run.scan()

    assert code == 1
    assert atom.lower() not in capsys.readouterr().out


def test_control_characters_of_a_name_do_not_reach_the_terminal(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    (run.surface / "a\x1b[2Jb").write_text(run.texts[0])

    run.scan()

    assert "\x1b" not in capsys.readouterr().out


def test_an_interrupted_scan_goes_on_where_it_was(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        (run.surface / name).write_text(LINE + run.texts[ord(name) - ord("a")])
    whole = Journal.add

    def interrupted(journal: Journal, item: object) -> None:
        whole(journal, item)  # type: ignore[arg-type]
        if item.sightings[0].item.endswith("b"):  # type: ignore[attr-defined]
            raise KeyboardInterrupt

    monkeypatch.setattr(Journal, "add", interrupted)  # the user's signal, at a known place
    assert run.scan() == 3
    monkeypatch.undo()
    (run.surface / "a").write_text(LINE + LINE)  # what has changed is scanned again
    capsys.readouterr()

    code, scan = run.scanned(capsys)

    assert (code, scan.resumed) == (1, 1)
    assert {Path(sighting.item).name for sighting in scan.sightings} == {"b", "c"}
    assert list(run.private.glob("scan-*")) == []
    assert run.scanned(capsys)[1].resumed == 0


def test_digests_are_searched_for_where_the_run_kept_its_prompts(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    canary = CanaryId(sequence=2, path="success", field="field 2", copy=0)
    kept = (PromptSent(canary=canary, text=run.texts[2]),)
    (run.private / "prompts.json").write_bytes(msgspec.json.encode(kept))

    (run.surface / "cache").write_text(f"key {hashlib.sha256(run.texts[2].encode()).hexdigest()}")

    code, scan = run.scanned(capsys)

    assert (code, scan.prompts) == (1, 1)
    assert [sighting.form for sighting in scan.sightings] == ["sha256 of the prompt, hex"]


def test_links_and_special_files_are_told_and_not_opened(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    (run.surface / "a").write_text(LINE)
    (run.surface / "link").symlink_to(run.private)
    os.mkfifo(run.surface / "pipe")

    code, scan = run.scanned(capsys)

    assert code == 0
    assert {Path(gap.item).name: gap.reason for gap in scan.coverage.gaps} == {
        "link": "a symbolic link, not followed",
        "pipe": "a special file, not opened",
    }


def test_the_run_itself_is_left_out(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    (run.surface / "a").write_text(LINE)
    (run.folder / "report.html").write_text(run.texts[0])

    assert run.scan(path=run.folder.parent) == 0


def test_what_is_missing_is_an_error_of_usage(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.scan(path=tmp_path / "nothing") == 2
    (run.private / "run.key").unlink()
    assert run.scan() == 2
    assert "forgotten" in capsys.readouterr().err


def test_a_fault_of_ours_is_a_four(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    (run.private / "run.key").write_bytes(b"short")

    assert run.scan() == 4
    assert "fault of the suite" in capsys.readouterr().err


def test_the_json_is_one_document(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    (run.surface / "a").write_text(run.texts[0])

    run.scan("--json")

    assert json.loads(capsys.readouterr().out)["run"] == "abcd1234"
