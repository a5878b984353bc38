"""The kill matrix as a file: who writes one part of it leaves the other as it is."""

from pathlib import Path

import msgspec

from conformance.kills import KillMatrix, Trial
from conformance.model.races import Race, Races
from tests.twins.matrix import write_races, write_trials

_TRIAL = Trial(twin="a", host="second", kind="flawed", meant=("x.y",), failed=("x.y",), right=True)
_RACES = Races(
    suite="0.1.0",
    check="x.y",
    profile="quick",
    cores=2,
    windows=(Race(window_ms=5, audits=20, caught=20, at_least=0.86),),
)


def _read(path: Path) -> KillMatrix:
    return msgspec.json.decode(path.read_bytes(), type=KillMatrix)


def test_an_exam_leaves_the_races_and_a_bench_leaves_the_trials(tmp_path: Path) -> None:
    path = tmp_path / "kill_matrix.json"

    write_races(_RACES, path)
    write_trials("0.1.0", (_TRIAL,), path)
    later = msgspec.structs.replace(_RACES, suite="0.2.0")
    write_races(later, path)

    assert _read(path) == KillMatrix(suite="0.1.0", trials=(_TRIAL,), races=later)


def test_an_exam_without_a_bench_says_nothing_of_races(tmp_path: Path) -> None:
    path = tmp_path / "kill_matrix.json"

    write_trials("0.1.0", (_TRIAL,), path)

    assert _read(path).races is None
