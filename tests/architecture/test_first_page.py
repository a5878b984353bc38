"""The pages that people read first say what is so: commands, options, exit codes, claims, and files that exist."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from conformance.catalogue import checks
from conformance.cli import _EXITS, _parser
from tests.architecture.markdown import fenced, rows, spans
from tests.architecture.repository import ROOT, files

README = ROOT / "README.md"
_PAGES = (
    "README.md", "TARGET.md", "ARCHITECTURE.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md",
    "reference_gateway/README.md",
)  # fmt: skip
_TOLD = {
    Path("tests/surface/test_errors.py"),
    Path("conformance/model/errors.py"),
    Path("conformance/probes/errors.py"),
    Path("conformance/checks/surface.py"),
}
_LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


def test_the_first_page_is_short() -> None:
    assert len(README.read_text().splitlines()) <= 200


@pytest.mark.parametrize("page", _PAGES)
def test_every_command_on_a_page_is_one_that_the_parser_takes(page: str) -> None:
    shown = [line for block in fenced(ROOT / page, "sh") for line in block.splitlines()]
    asked = [c for text in (*shown, *spans(ROOT / page)) if (c := _arguments(text, "gateproof"))]

    for arguments in asked:
        if len(arguments) > 1 or arguments[0] not in _commands():  # a lone command in running text is a name
            _parser().parse_args(arguments)  # raises SystemExit on what it does not know


@pytest.mark.parametrize("page", _PAGES)
def test_every_make_target_on_a_page_exists(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    shown = [line for block in fenced(ROOT / page, "sh") for line in block.splitlines()]
    asked = {c[0] for text in (*shown, *spans(ROOT / page)) if (c := _arguments(text, "make"))}

    assert asked <= targets


def test_the_first_page_shows_an_audit_and_every_step_after_it() -> None:
    asked = {
        c[0]
        for block in fenced(README, "sh")
        for line in block.splitlines()
        if (c := _arguments(line, "gateproof"))
    }

    assert {"plan", "audit", "judge", "report", "cleanup", "forget"} <= asked


def test_the_exit_codes_are_those_of_the_command() -> None:
    told = dict(re.findall(r"^  (\d)  (.+)$", _EXITS, re.MULTILINE))

    assert {row[0]: row[1] for row in rows(README, "## Exit codes")} == told


def test_every_claim_that_has_checks_stands_in_the_table() -> None:
    listed = [row[0] for row in rows(README, "## What is checked")]

    assert listed == sorted(listed, key=_order)
    assert set(listed) == {check.claim for check in checks() if check.deciding}


def test_every_dependency_is_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = [*project["project"]["dependencies"], *project["dependency-groups"]["sslyze"]]
    names = {re.split(r"[>=<\[]", requirement)[0] for requirement in asked}
    explained = {name for row in rows(README, "## Dependencies") for name in re.findall(r"[\w-]+", row[0])}

    assert names == explained - {"optional"}


@pytest.mark.parametrize("page", _PAGES)
def test_links_lead_to_files_of_the_repository(page: str) -> None:
    linked = {Path(link) for link in _LINK.findall((ROOT / page).read_text()) if "://" not in link}

    assert linked <= set(files())


@pytest.mark.parametrize("page", _PAGES)
def test_paths_on_a_page_are_paths_of_the_repository(page: str) -> None:
    rooms = ("conformance/", "reference_gateway", "reports/", "tests/")
    named = {Path(span) for span in spans(ROOT / page) if span.startswith(rooms) and " " not in span}
    there = {path for file in files() for path in (file, *file.parents)}

    assert named <= there | _TOLD


def test_the_licence_is_apache_2_and_whole() -> None:
    text = (ROOT / "LICENSE").read_text()

    assert text.split()[:6] == ["Apache", "License", "Version", "2.0,", "January", "2004"]
    assert "END OF TERMS AND CONDITIONS" in text
    assert text.rstrip().endswith("limitations under the License.")


def _commands() -> frozenset[str]:
    return frozenset(re.findall(r"^    ([a-z]+) ", _parser().format_help(), re.MULTILINE))


def _arguments(text: str, command: str) -> list[str]:
    """The arguments of a command line that calls `command`, placeholders such as `<run>` made plain; else nothing."""
    words = (
        shlex.split(re.sub(r"<(\w+)>", r"\1", text), comments=True) if text.startswith(f"{command} ") else []
    )
    return words[1:]


def _order(claim: str) -> tuple[int, str]:
    return ("TKSZH".index(claim[0]), claim)
