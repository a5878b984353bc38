"""What random sequences may take, as the target file says it."""

from pathlib import Path

import pytest

from conformance.target_file import OperatorError, load
from conformance.target_parts import Sequences
from tests.core.test_target_file import LEAST


def _with(folder: Path, lines: str) -> Path:
    path = folder / "target.toml"
    path.write_text(f"{LEAST}\n[limits.sequences]\n{lines}\n")
    return path


def test_what_is_not_said_is_as_usual(tmp_path: Path) -> None:
    assert load(_with(tmp_path, "seconds = 20")).limits.sequences == Sequences(seconds=20.0)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('money = "5,00"', "'limits.sequences.money': '5,00' is not a decimal amount"),
        ("money = 5.0", "'limits.sequences.money': Expected `str`, got `float`"),
        ("seconds = inf", "'limits.sequences.seconds': a limit is a finite number"),
        ("requests = 3", "'limits.sequences.requests': Expected `int` >= 100"),
        ("sequences = 3", "unknown key 'limits.sequences.sequences'"),
    ],
)
def test_what_cannot_be_meant_is_told_with_its_line(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(OperatorError, match=":8: ") as caught:
        load(_with(tmp_path, line))

    assert said in str(caught.value)
