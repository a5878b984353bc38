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
    id_: str = "T1", verdict: ClaimVerdict = "pass", because: str = "it was seen", short: str = "a promise"
) -> ClaimResult:
    return ClaimResult(
        id=id_,
        short=short,
        title="A promise that is made",
        made=True,
        gated=True,
        verdict=verdict,
        because=because,
        level="outside",
        checks=(),
    )


def test_the_summary_reads_as_a_table() -> None:
    assert lines(sample_results(), width=80) == (
        "✗ fail           T1   TLS 1.3 only          TLS 1.2 was negotiated on 1 of 4",
        "                                            addresses",
        "✓ pass           T2   HTTPS everywhere      port 80 only redirects",
        "✓ pass           T3   HSTS                  valid on 14 endpoints",
        "✓ pass           K1   keys shown once       6 secrets in none of 212 answers",
        "✗ fail           K2   keys stored hashed    2 of 2 verifiers have no salt",
        "✓ pass           S1   spending limits hold  spend stayed below the limit in 41…",
        "? inconclusive   Z1   content is not kept   journald: permission denied",
        "✎ attested       I1a  cloud SOC 2 Type II   report; expires 2027-03-31",
        "not assessed: I1b, I1c, P1, P2c (no document declared)",
        "does not conform: 4 of 12 claims; broken: T1, K2; undecided: Z1; 4 not assessed",
    )


def test_claims_that_are_not_made_are_left_out() -> None:
    assert not [line for line in lines(sample_results(), width=100) if " H2 " in line]


def test_a_gated_claim_that_is_not_made_is_shown() -> None:
    asked = msgspec.structs.replace(claim("H2"), made=False)

    assert any(" H2 " in line for line in lines(with_claims(asked), width=100))


@pytest.mark.parametrize("width", [20, 40, 79, 80, 200])
def test_a_pass_is_cut_to_the_terminal(width: int) -> None:
    [row, _] = lines(with_claims(claim(because="it was seen again and " * 20)), width)

    assert len(row) <= width


@pytest.mark.parametrize("verdict", ["fail", "inconclusive"])
def test_what_is_broken_or_undecided_is_told_whole(verdict: ClaimVerdict) -> None:
    reason = "it was seen again and " * 20
    *rows, _ = lines(with_claims(claim(verdict=verdict, because=reason)), width=80)

    assert max(map(len, rows)) <= 80
    assert " ".join(" ".join(rows).split()).endswith(" ".join(reason.split()))


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
