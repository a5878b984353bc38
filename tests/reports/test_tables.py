"""Tables for spreadsheets: complete, and inert whatever the target said."""

import csv
import io

import msgspec
import pytest

from conformance.model.results import Results
from reports.tables import action_plan, control_table, inert
from tests.reports.sample import sample_results
from tests.reports.test_html import bare
from tests.reports.whole import many_findings, whole_results


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def plan(results: Results) -> list[dict[str, str]]:
    return rows(action_plan(results))


def test_the_plan_holds_what_is_broken_worst_first_and_then_what_is_open() -> None:
    done = plan(sample_results())

    assert [(row["priority"], row["verdict"], row["check"]) for row in done] == [
        ("1", "fail", "keys.stored-salted"),
        ("2", "fail", "transport.only-tls13"),
        ("3", "fail", "transport.versions-agree"),
        ("4", "fail", "disclosure.errors-are-bare"),
        ("5", "inconclusive", "retention.logs-hold-no-content"),
    ]


def test_a_row_says_what_to_do_and_leaves_room_for_who_does_it() -> None:
    [first, *_, last] = plan(whole_results())

    assert first["what to do"].startswith("Store SHA-256 over a random salt")
    assert "nist80053 IA-5(1) IA-5(6) (supports)" in first["controls"]
    assert first["evidence"] == "evidence/StoredVerifiers.json"
    assert len(first["sha256"]) == 64
    assert first["owner"] == first["due"] == first["ticket"] == first["done"] == ""
    assert last["what to do"] == "let the auditing user read the journal of the gateway's units"


def test_a_plan_of_nothing_is_a_header() -> None:
    assert plan(bare()) == []
    assert action_plan(bare()).startswith("priority,severity,verdict,")


def test_lines_end_as_rfc_4180_has_them() -> None:
    assert action_plan(bare()).endswith("ticket,done\r\n")


@pytest.mark.parametrize(
    "said",
    ["=HYPERLINK(1)", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "  =1", "\n=1", "|calc", "%0A"],
)
def test_no_cell_is_a_formula(said: str) -> None:
    cell = inert(said)

    assert cell.startswith("'")


def test_a_return_before_a_formula_is_shown_and_the_cell_begins_with_it() -> None:
    assert inert("\r=1") == "<U+000D>=1"


def test_a_plain_cell_stays_as_it_is() -> None:
    assert inert("TLS 1.2 was negotiated") == "TLS 1.2 was negotiated"


def test_what_the_target_says_opens_no_further_cell_and_no_row() -> None:
    results = sample_results()
    said = '","x"\r\n=1,"\x00\u202e'
    checks = tuple(msgspec.structs.replace(check, because=said, observed=said) for check in results.checks)

    done = plan(msgspec.structs.replace(results, checks=checks))

    assert len(done) == 5
    assert {row["finding"] for row in done} == {'","x"<U+000D>\n=1,"<U+0000><U+202E>'}


def test_every_control_of_every_check_has_a_row() -> None:
    results = whole_results()
    found = {
        (row["framework"], row["control"], row["check"], row["verdict"])
        for row in rows(control_table(results))
    }

    assert ("NIST SP 800-53", "SC-8(1)", "transport.only-tls13", "fail") in found
    assert ("GDPR", "32(1)(a)", "transport.https-only", "pass") in found
    assert {check for *_, check, _ in found} == {check.id for check in results.checks}


def test_many_findings_give_as_many_rows() -> None:
    assert len(plan(many_findings(200, 200))) == 201
