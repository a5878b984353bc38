"""The summary for a terminal."""

import typing

import msgspec
import pytest

from conformance.model.results import ClaimResult, ClaimVerdict, Results
from reports.summary import lines, verdict_style
from tests.reports.sample import sample_results


def with_claims(*claims: ClaimResult) -> Results:
    return msgspec.structs.replace(sample_results(), claims=claims)


def claim(
    id_: str = "T1", verdict: ClaimVerdict = "pass", because: str = "it was seen", title: str = "A promise"
) -> ClaimResult:
    return ClaimResult(
        id=id_,
        title=title,
        made=True,
        gated=True,
        verdict=verdict,
        because=because,
        level="outside",
        checks=(),
    )


def test_the_summary_reads_as_a_table() -> None:
    assert lines(sample_results(), width=88) == (
        "✗ fail           T1   All communication uses TLS 1…  TLS 1.2 was negotiated on 1 of 4 a…",
        "✓ pass           T2   HTTPS is enforced on all end…  port 80 only redirects",
        "✓ pass           T3   HSTS on the API endpoints pr…  valid on 14 endpoints",
        "✓ pass           K1   API keys are shown once, at…   6 secrets in none of 212 answers",
        "✗ fail           K2   API keys are stored as salte…  2 of 2 verifiers have no salt",
        "✓ pass           S1   Spending limits on keys hold   spend stayed below the limit in 41…",
        "? inconclusive   Z1   Prompts are not stored or lo…  journald: permission denied",
        "✎ attested       I1a  The cloud providers hold SOC…  report; expires 2027-03-31",
        "not assessed: I1b, I1c, P1, P2c (no document declared)",
        "does not conform: 4 of 12 claims; broken: T1, K2; undecided: Z1; 4 not assessed",
    )


def test_claims_that_are_not_made_are_left_out() -> None:
    assert not [line for line in lines(sample_results(), width=100) if " H2 " in line]


@pytest.mark.parametrize("width", [0, 1, 20, 40, 79, 80, 200])
def test_no_line_of_a_claim_is_wider_than_the_terminal(width: int) -> None:
    *rows, _, _ = lines(sample_results(), width)

    assert max(map(len, rows)) <= width


def test_wide_characters_take_two_cells() -> None:
    [row, _] = lines(with_claims(claim(because="暗号化" * 30)), width=60)

    assert row.endswith("…")
    assert 59 <= len(row) + sum(character in "暗号化" for character in row) <= 60


def test_text_of_the_target_moves_no_cursor_and_starts_no_line() -> None:
    [row, _] = lines(with_claims(claim(because="\x1b[2Jgone\r\n\u202eback")), width=120)

    assert row.endswith("<U+001B>[2Jgone <U+202E>back")


def test_reasons_for_not_assessing_are_told_while_they_fit() -> None:
    claims = (
        claim("K2", "not-assessed", "storage not declared"),
        claim("P1", "not-assessed", "no document declared"),
    )

    assert lines(with_claims(*claims), width=100)[0] == (
        "not assessed: K2 (storage not declared); P1 (no document declared)"
    )
    assert lines(with_claims(*claims), width=50)[0] == "not assessed: K2, P1"


def test_an_audit_without_claims_still_ends_with_its_sentence() -> None:
    assert lines(with_claims(), width=80) == (sample_results().gate.sentence,)


def test_every_verdict_has_a_style_of_its_own_meaning() -> None:
    styles = {verdict: verdict_style(verdict) for verdict in typing.get_args(ClaimVerdict)}

    assert styles["pass"] != styles["attested"]
    assert styles["fail"] == "bold red"


def test_a_word_that_is_no_verdict_has_no_style() -> None:
    with pytest.raises(KeyError):
        verdict_style("fine")
