"""The composite action: its steps run here as a runner would run them, with the files that a runner gives."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.end_to_end.conftest import SECONDS
from tests.end_to_end.test_pytest_plugin import target as target  # noqa: PLC0414 - a fixture

_ROOT = Path(__file__).parents[2]
_ACTION = _ROOT / ".github" / "actions" / "gateproof" / "action.yml"
_EXPRESSION = re.compile(r"\$\{\{ ([a-z.\-]+) \}\}")


class Runner:
    """What a runner does with a composite action, as far as this one needs it."""

    def __init__(self, folder: Path, inputs: Mapping[str, str]) -> None:
        self.action: dict[str, Any] = yaml.safe_load(_ACTION.read_text())
        defaults = {name: told.get("default", "") for name, told in self.action["inputs"].items()}
        self.values = {f"inputs.{name}": value for name, value in (defaults | dict(inputs)).items()}
        self.folder = folder
        for name in ("output", "summary", "path"):
            (folder / name).touch()

    def step(self, name: str) -> "subprocess.CompletedProcess[str]":
        """Run a step by its id; its outputs can then be used by the next."""
        (step,) = (s for s in self.action["runs"]["steps"] if s["id"] == name)
        assert step["shell"] == "bash"
        told = {key: _EXPRESSION.sub(self._value, value) for key, value in step.get("env", {}).items()}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.folder,
            env={**os.environ, **self._files(), **told},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        for line in (self.folder / "output").read_text().splitlines():
            key, _, value = line.partition("=")
            self.values[f"steps.{name}.outputs.{key}"] = value
        return done

    def _value(self, match: "re.Match[str]") -> str:
        return str(self.values[match[1]])

    def _files(self) -> dict[str, str]:
        return {
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
            "GITHUB_PATH": str(self.folder / "path"),
            "GITHUB_ACTION_PATH": str(_ACTION.parent),
            "RUNNER_TEMP": str(self.folder),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }


@pytest.fixture
def runner(tmp_path: Path, target: Path) -> Runner:
    """A runner whose workspace holds a target file of a server without HSTS, and a waiver of nothing."""
    (tmp_path / "waivers.toml").write_text("")
    text = target.read_text().replace("[limits]", '[claims]\nmade = ["T3"]\n[limits]')
    target.write_text(text)
    return Runner(
        tmp_path, {"target": target.name, "waivers": "waivers.toml", "fail-on": "new\nseverity:info"}
    )


def test_a_broken_promise_is_annotated_summarised_and_fails_the_job(runner: Runner) -> None:
    audited = runner.step("audit")
    rendered = runner.step("render")
    gate = runner.step("gate")

    assert audited.returncode == 0, audited.stderr
    assert runner.values["steps.audit.outputs.exit-code"] == "1", audited.stdout + audited.stderr
    assert rendered.returncode == 0, rendered.stderr
    assert "::error file=target.toml,line=" in rendered.stdout
    assert "::notice title=gateproof::does not conform" in rendered.stdout
    assert "T3" in (runner.folder / "summary").read_text()
    assert Path(runner.values["steps.render.outputs.sarif"]).is_file()
    assert gate.returncode == 1


def test_a_target_file_that_is_wrong_fails_the_job_without_a_run(runner: Runner) -> None:
    (runner.folder / "target.toml").write_text("name = 1")

    audited = runner.step("audit")
    gate = runner.step("gate")

    assert "target.toml:1" in audited.stderr
    assert runner.values["steps.audit.outputs.run"] == ""
    assert gate.returncode == 2


def test_no_input_is_ever_part_of_a_script() -> None:
    steps = yaml.safe_load(_ACTION.read_text())["runs"]["steps"]

    assert steps
    assert not [step["id"] for step in steps if "${{" in step["run"]]


def test_what_is_installed_is_held_by_hashes() -> None:
    (install,) = (s for s in yaml.safe_load(_ACTION.read_text())["runs"]["steps"] if s["id"] == "install")

    assert "--require-hashes" in install["run"]
    assert (_ROOT / "requirements-run.txt").is_file()
