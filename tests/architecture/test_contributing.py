"""The walk-through in CONTRIBUTING.md works: its blocks are written into a copy of the repository, and run there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.markdown import named
from tests.architecture.repository import ROOT, files

_PAGE = ROOT / "CONTRIBUTING.md"
_ID = "surface.errors-name-no-version"
_ASKED = f"""
from conformance.catalogue import checks, observations
from tests.twins.registry import entries
check = next(c for c in checks() if c.id == "{_ID}")
assert check.title == "Error answers do not name the version of the software behind them", check.title
assert set(check.needs.values()) <= {{o.yields for o in observations()}}
assert any(check.id in twin.fails for twin in entries())
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository, with the walk-through followed: new files written, the twin added to its module."""
    place = tmp_path_factory.mktemp("copy")
    for path in files():
        if path.suffix in {".py", ".toml", ".json", ".sql", ".css", ".js", ".j2"}:
            (place / path.parent).mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, place / path)
    for name, block in named(_PAGE, "python"):
        (place / name).parent.mkdir(exist_ok=True)
        with (place / name).open("a") as file:
            file.write(f"\n\n{block}" if (ROOT / name).exists() else block)
    return place


def test_the_walk_through_goes_from_evidence_to_twin() -> None:
    rooms = [Path(path).parent.as_posix() for path, _ in named(_PAGE, "python")]

    assert rooms == [
        "conformance/model",
        "conformance/probes",
        "conformance/checks",
        "tests/surface",
        "tests/twins",
    ]


def test_its_table_test_passes(copy: Path) -> None:
    done = _python(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/surface")

    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout


def test_its_check_its_observation_and_its_twin_are_found(copy: Path) -> None:
    done = _python(copy, "-c", _ASKED)

    assert done.returncode == 0, done.stderr


def test_it_is_formatted_and_clean(copy: Path) -> None:
    written = [path for path, _ in named(_PAGE, "python") if not (ROOT / path).exists()]

    for command in (("check", "--quiet"), ("format", "--check", "--quiet")):
        done = _python(copy, "-m", "ruff", *command, *written)
        assert done.returncode == 0, done.stdout


def _python(place: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
