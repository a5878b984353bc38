"""SARIF: valid by its schema, and by what GitHub asks beyond it."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from conformance.model.results import Results
from reports.sarif import render
from tests.reports.sample import sample_results
from tests.reports.sample_checks import MARKUP
from tests.reports.test_html import bare
from tests.reports.whole import many_findings, whole_results

_DATA = Path(__file__).parents[1] / "data"
_SCHEMA = _DATA / "sarif-schema-2.1.0.json"


def log_of(results: Results) -> Any:
    return json.loads(render(results))


def run_of(results: Results) -> Any:
    [run] = log_of(results)["runs"]
    return run


def saying(text: str) -> Any:
    """The message of a finding in which the target said this."""
    [first, *_] = [check for check in sample_results().checks if check.verdict == "fail"]
    told = msgspec.structs.replace(first, because=text, expected="", observed="")
    [result] = run_of(msgspec.structs.replace(sample_results(), checks=(told,)))["results"]
    return result["message"]["text"]


def test_the_schema_is_the_one_whose_source_is_written_down() -> None:
    digest = hashlib.sha256(_SCHEMA.read_bytes()).hexdigest()

    assert digest in (_DATA / "SOURCES.md").read_text()


@pytest.mark.parametrize("name", ["sample", "whole", "bare", "many"])
def test_the_log_is_valid_by_the_schema(name: str) -> None:
    results = {
        "sample": sample_results(interrupted=True, faults=("LogSweep: KeyError",)),
        "whole": whole_results(),
        "bare": bare(),
        "many": many_findings(40, 40),
    }[name]
    schema = json.loads(_SCHEMA.read_text(encoding="utf-8"))

    jsonschema.Draft4Validator(schema).validate(log_of(results))


def test_every_result_has_one_place_in_a_file_with_a_whole_region() -> None:
    for result in run_of(whole_results())["results"]:
        [location] = result["locations"]
        place = location["physicalLocation"]

        assert re.fullmatch(r"[\w%.-]+(?:/[\w%.-]+)*", place["artifactLocation"]["uri"])
        assert set(place["region"]) == {"startLine", "startColumn", "endLine", "endColumn"}
        assert min(place["region"].values()) >= 1


def test_the_place_is_the_line_of_the_target_file_that_names_the_target() -> None:
    results = sample_results()
    placed = msgspec.structs.replace(results.run, target_file="audit/staging gate.toml", target_line=12)

    [first, *_] = run_of(msgspec.structs.replace(results, run=placed))["results"]

    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "audit/staging%20gate.toml", "uriBaseId": "%SRCROOT%"}
    assert place["region"]["startLine"] == 12


@pytest.mark.parametrize(
    "path", ["/etc/staging.toml", "../../staging.toml", "./staging.toml", "staging.toml"]
)
def test_no_place_lies_outside_the_repository(path: str) -> None:
    results = sample_results()
    run = msgspec.structs.replace(results.run, target_file=path)

    [first, *_] = run_of(msgspec.structs.replace(results, run=run))["results"]

    uri = first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri in {"staging.toml", "etc/staging.toml"}


def test_every_rule_has_what_github_requires_within_its_limits() -> None:
    run = run_of(whole_results())
    rules = run["tool"]["driver"]["rules"]

    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        for text in (rule["shortDescription"], rule["fullDescription"], rule["help"]):
            assert 0 < len(text["text"]) <= 1_024
        assert len(rule["properties"]["tags"]) <= 10
        assert 0 < float(rule["properties"]["security-severity"]) <= 10


def test_every_result_names_its_rule_by_id_and_index() -> None:
    run = run_of(whole_results())
    rules = run["tool"]["driver"]["rules"]

    assert run["results"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])


def test_a_fingerprint_survives_another_observation_and_tells_checks_and_targets_apart() -> None:
    results = whole_results()
    elsewhere = msgspec.structs.replace(
        results, target=msgspec.structs.replace(results.target, name="production")
    )
    again = msgspec.structs.replace(
        results, checks=tuple(msgspec.structs.replace(check, observed="other") for check in results.checks)
    )
    prints = [
        [result["partialFingerprints"]["primaryLocationLineHash"] for result in run_of(one)["results"]]
        for one in (results, again, elsewhere)
    ]

    assert prints[0] == prints[1]
    assert len({*prints[0], *prints[2]}) == 2 * len(prints[0])


def test_only_failures_are_results_and_an_audit_without_any_closes_old_alerts() -> None:
    failed = {check.id for check in whole_results().checks if check.verdict == "fail"}

    assert {result["ruleId"] for result in run_of(whole_results())["results"]} == failed
    assert run_of(bare())["results"] == []


def test_what_could_not_be_seen_is_notified_and_a_fault_is_no_success() -> None:
    [invocation] = run_of(sample_results(faults=("LogSweep: KeyError",)))["invocations"]

    told = [note["message"]["text"] for note in invocation["toolExecutionNotifications"]]
    assert "LogSweep: KeyError" in told
    assert any("journald answered" in text for text in told)
    assert invocation["executionSuccessful"] is False
    assert invocation["exitCode"] == 4


def test_every_control_that_a_rule_names_stands_in_its_taxonomy() -> None:
    run = run_of(whole_results())
    taxonomies = run["taxonomies"]
    named = [r["target"] for rule in run["tool"]["driver"]["rules"] for r in rule["relationships"]]

    assert named
    for target in named:
        taxonomy = taxonomies[target["toolComponent"]["index"]]
        assert taxonomy["name"] == target["toolComponent"]["name"]
        assert {"id": target["id"]} in taxonomy["taxa"]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("[click](https://evil.example)", r"\[click\](https://evil.example)"),
        ("{0} and {1}", "{{0}} and {{1}}"),
        ("a\x1b[31m", r"a<U+001B>\[31m"),
        ("\u202egnp", "<U+202E>gnp"),
        (MARKUP, MARKUP),
    ],
)
def test_what_the_target_says_is_no_link_and_no_placeholder(said: str, shown: str) -> None:
    assert saying(said).startswith(shown)


def test_two_hundred_findings_stay_far_below_the_size_that_github_takes() -> None:
    assert len(render(many_findings(200, 2_000))) < 5_000_000
