"""`gateproof gateway` is the reference gateway's own command, under a name that is on the path."""

import subprocess
import sys
from pathlib import Path

COMMAND = [str(Path(sys.executable).with_name("gateproof")), "gateway"]


def asked(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=30, check=False)


def test_a_first_configuration_is_written_where_it_is_wanted(tmp_path: Path) -> None:
    folder = tmp_path / "gateway"

    ran = asked("--init", str(folder), "--provider-url", "https://provider.example/v1")

    assert (ran.returncode, ran.stdout.strip()) == (0, str(folder / "gateway.toml"))
    assert (folder / "server.pem").exists()


def test_help_and_faults_are_the_gateways_own(tmp_path: Path) -> None:
    helped, alone, missing = asked("--help"), asked(), asked(str(tmp_path / "none.toml"))

    assert "--init DIR" in helped.stdout
    assert alone.stdout == helped.stdout
    assert (missing.returncode, "cannot be read" in missing.stderr) == (2, True)
