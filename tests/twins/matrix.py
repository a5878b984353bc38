"""The kill matrix as a file: an exam writes its trials and a bench its races, and neither touches what the other wrote."""

from pathlib import Path

import msgspec

from conformance.kills import KillMatrix, Trial
from conformance.model.races import Races

MATRIX = Path(__file__).parents[2] / "conformance" / "kill_matrix.json"


def write_trials(suite: str, trials: tuple[Trial, ...], path: Path = MATRIX) -> None:
    """Write the trials of an exam that was held with this version of the suite."""
    _write(msgspec.structs.replace(_there(path), suite=suite, trials=trials), path)


def write_races(races: Races, path: Path = MATRIX) -> None:
    """Write how surely races are seen."""
    _write(msgspec.structs.replace(_there(path), races=races), path)


def _there(path: Path) -> KillMatrix:
    return msgspec.json.decode(path.read_bytes(), type=KillMatrix) if path.exists() else KillMatrix()


def _write(matrix: KillMatrix, path: Path) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(matrix), indent=1) + b"\n")
