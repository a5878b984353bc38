"""What is printed at the end of an audit."""

from pathlib import Path

import pytest

from conformance.commands.outcome import _left_behind
from conformance.evidence.folder import RunFolder


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("a",), "these keys may still be alive: a; run:"),
        (("a", "b", "c"), "these keys may still be alive: a, b, c; run:"),
        (("a", "b", "c", "d", "e"), "these keys may still be alive: a, b, c and 2 more; run:"),
    ],
)
def test_keys_left_behind_are_told_in_one_line_with_what_to_do(
    names: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    line = _left_behind(names, RunFolder(tmp_path))

    assert said in line
    assert line.endswith(f"gateproof cleanup {tmp_path}")
