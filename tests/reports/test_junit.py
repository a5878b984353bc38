"""JUnit XML, read back by a reader that CI systems' plugins resemble."""

from xml.etree import ElementTree as ET

import junitparser
import msgspec
import pytest

from conformance.model.results import Results
from reports.junit import render
from tests.reports.sample import sample_results
from tests.reports.sample_checks import BREAKOUT
from tests.reports.test_html import bare
from tests.reports.whole import whole_results


def cases(results: Results) -> dict[str, junitparser.TestCase]:
    suites = junitparser.JUnitXml.fromstring(render(results).encode())
    return {case.name: case for suite in suites for case in suite}


def outcome(results: Results, name: str) -> junitparser.junitparser.Result:
    [result] = cases(results)[name].result
    return result


def test_every_check_is_one_case_of_its_claims_suite() -> None:
    suites = junitparser.JUnitXml.fromstring(render(whole_results()).encode())
    found = {(suite.name.split()[0], case.name) for suite in suites for case in suite}

    assert {(check.claim, check.id) for check in whole_results().checks} <= found


def test_a_broken_check_is_a_failure_that_carries_its_proof() -> None:
    result = outcome(sample_results(), "keys.stored-salted")

    assert isinstance(result, junitparser.Failure)
    assert result.message == "2 of 2 stored verifiers are SHA-256 of the secret without a salt"
    assert "sha256sum" in result.text


def test_an_inconclusive_check_is_an_error_and_never_a_skip() -> None:
    result = outcome(sample_results(), "retention.logs-hold-no-content")

    assert isinstance(result, junitparser.Error)
    assert "permission denied" in result.message
    assert "let the auditing user read the journal" in result.text


def test_what_does_not_apply_is_a_skip_with_its_reason() -> None:
    result = outcome(sample_results(), "access.tenants-apart")

    assert isinstance(result, junitparser.Skipped)
    assert "one role and one tenant" in result.message


def test_what_is_attested_passes_and_says_that_nobody_observed_it() -> None:
    case = cases(sample_results())["documents.soc2-cloud"]

    assert case.result == []
    assert case.system_out.startswith("Attested on paper, not observed")


def test_the_counts_add_up() -> None:
    root = ET.fromstring(render(whole_results()))  # noqa: S314 - our own text
    tags = {"failures": "failure", "errors": "error", "skipped": "skipped"}

    for place in (root, *root.iter("testsuite")):
        assert int(place.get("tests", "0")) == len(list(place.iter("testcase")))
        for count, tag in tags.items():
            assert int(place.get(count, "0")) == len(list(place.iter(tag)))


@pytest.mark.parametrize(
    ("code", "kind"), [(1, junitparser.Failure), (3, junitparser.Error), (4, junitparser.Error)]
)
def test_the_gate_is_a_case_of_its_own_so_that_nothing_is_green_by_emptiness(
    code: int, kind: type[junitparser.junitparser.Result]
) -> None:
    results = bare()
    gate = msgspec.structs.replace(results.gate, exit_code=code)

    assert isinstance(outcome(msgspec.structs.replace(results, gate=gate), "gate"), kind)


def test_a_gate_that_holds_passes() -> None:
    results = sample_results()
    gate = msgspec.structs.replace(results.gate, exit_code=0)

    assert cases(msgspec.structs.replace(results, gate=gate))["gate"].result == []


def test_a_fault_of_the_suite_is_an_error() -> None:
    result = outcome(sample_results(faults=("LogSweep: KeyError",)), "fault 1 of the suite")

    assert isinstance(result, junitparser.Error)
    assert result.message == "LogSweep: KeyError"


@pytest.mark.parametrize(
    "said",
    [
        "nul\x00 esc\x1b[31m",
        "\ud800 half a pair",
        "]]><x/>",
        BREAKOUT,
        "\ufffe\uffff",
        "A" * 1_000_000,
        "a\r\nb",
    ],
    ids=["controls", "surrogate", "cdata", "markup", "noncharacters", "a megabyte", "lines"],
)
def test_whatever_the_target_says_the_file_can_be_read(said: str) -> None:
    results = sample_results()
    checks = tuple(
        msgspec.structs.replace(check, because=said, observed=said, decide=said, reproduction=said)
        for check in results.checks
    )

    text = render(msgspec.structs.replace(results, checks=checks))

    assert len(text) < 500_000
    assert len(ET.fromstring(text)) > 3  # noqa: S314 - our own text
