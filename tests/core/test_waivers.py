"""Waiver files: what they may say, and what is told to whoever got one wrong."""

from pathlib import Path

import pytest

from conformance.target_file import OperatorError
from conformance.waivers import load

GOOD = """
[[waiver]]
check = "a.check"
kind = "accepted-risk"
owner = "ops"
reason = "clients of 2019"
ticket = "SEC-1"
expires = 2027-01-31T00:00:00+01:00
"""
KNOWN = ("a.check", "b.check")


def written(tmp_path: Path, text: str) -> Path:
    """A waiver file."""
    path = tmp_path / "waivers.toml"
    path.write_text(text)
    return path


def test_a_waiver_says_who_why_by_what_and_until_when(tmp_path: Path) -> None:
    (waiver,) = load(written(tmp_path, GOOD), KNOWN)

    assert (waiver.check, waiver.kind, waiver.owner, waiver.ticket) == (
        "a.check",
        "accepted-risk",
        "ops",
        "SEC-1",
    )
    assert waiver.expires == "2027-01-31T00:00:00+01:00"


def test_a_file_without_waivers_waives_nothing(tmp_path: Path) -> None:
    assert load(written(tmp_path, ""), KNOWN) == ()


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ('"a.check"', '"c.check"', ":3: 'check': there is no check 'c.check'"),
        ('owner = "ops"', 'owner = " "', ":5: 'owner': somebody answers"),
        ('ticket = "SEC-1"', 'ticket = ""', ":7: 'ticket': somebody answers"),
        ("+01:00", "", "Expected `datetime`|zone"),
        ("2027-01-31T00:00:00+01:00", "2027-01-31", "expires"),
        ('"accepted-risk"', '"ignored"', "kind"),
        ('reason = "clients of 2019"', "", "reason"),
        ('owner = "ops"', 'owner = "ops"\nforever = true', "forever"),
        ("[[waiver]]", "[[waivers]]", "waivers"),
        ("[[waiver]]", "[[waiver", "not valid TOML"),
        (GOOD, GOOD + GOOD, ":11: 'check': 'a.check' is waived twice|:3: 'check': 'a.check' is waived twice"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    tmp_path: Path, before: str, after: str, complaint: str
) -> None:
    with pytest.raises(OperatorError, match=complaint):
        load(written(tmp_path, GOOD.replace(before, after)), KNOWN)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="cannot be read"):
        load(tmp_path / "none.toml", KNOWN)
