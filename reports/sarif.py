"""SARIF 2.1.0 by GitHub's rules: every result has a place in a file, a fingerprint that survives edits, and a rule with help."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from conformance.model.results import CheckResult, ClaimResult, Results, SeverityName
from reports import controls
from reports.hostile import cut, one_line, visible
from reports.sections import Sections

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: dict[SeverityName, str] = {
    "critical": "error",
    "high": "error",
    "medium": "warning",
    "low": "note",
    "info": "note",
}
# GitHub's bands: above 9.0 critical, from 7.0 high, from 4.0 medium, below low.
_SCORES: dict[SeverityName, str] = {
    "critical": "9.5",
    "high": "8.0",
    "medium": "5.5",
    "low": "2.5",
    "info": "0.1",
}
_MOST = 900  # GitHub takes 1,024 characters of a rule's texts, and escaping adds some
_MOST_TAGS = 10
_TAG_FRAMEWORKS = ("nist80053", "owasp-api", "asvs")

_Json = dict[str, Any]


def render(results: Results) -> str:
    """The findings as a SARIF log. Passes are no results: a run without findings has none, and closes old alerts."""
    findings = Sections.of(results).findings
    claims = {claim.id: claim for claim in results.claims}
    taxonomies = _taxonomies(results, findings)
    order = {taxonomy["name"]: index for index, taxonomy in enumerate(taxonomies)}
    run = {
        "tool": {
            "driver": {
                "name": "Gateproof",
                "version": results.run.suite,
                "rules": [_rule(check, claims.get(check.claim), order) for check in findings],
                "supportedTaxonomies": [{"name": name, "index": index} for name, index in order.items()],
            }
        },
        "automationDetails": {"id": f"gateproof/{one_line(results.target.name)}/"},
        "columnKind": "utf16CodeUnits",
        "invocations": [_invocation(results)],
        "taxonomies": taxonomies,
        "results": [_result(number, check, results) for number, check in enumerate(findings)],
    }
    return (
        json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1, ensure_ascii=False)
        + "\n"
    )


def _rule(check: CheckResult, claim: ClaimResult | None, order: Mapping[str, int]) -> _Json:
    groups = claim.controls if claim else ()
    named = [f"{g.framework}/{id_}" for g in groups if g.framework in _TAG_FRAMEWORKS for id_ in g.ids]
    help_text = f"{check.why}\n\nHow to fix it: {check.fix or 'see the finding'}"
    return {
        "id": check.id,
        "name": "".join(part.capitalize() for part in check.id.replace(".", "-").split("-")),
        "shortDescription": {"text": _message(check.title)},
        "fullDescription": {"text": _message(check.why or check.title)},
        "help": {"text": _message(help_text)},
        "defaultConfiguration": {"level": _LEVELS[check.severity]},
        "properties": {
            "security-severity": _SCORES[check.severity],
            "precision": "very-high",
            "tags": ["security", f"claim/{check.claim}", *named][:_MOST_TAGS],
        },
        "relationships": [
            {
                "target": {"id": id_, "toolComponent": {"name": g.framework, "index": order[g.framework]}},
                "kinds": ["relevant"],
            }
            for g in groups
            if g.framework in order
            for id_ in g.ids
        ],
    }


def _result(number: int, check: CheckResult, results: Results) -> _Json:
    said = f"{check.because}. Expected: {cut(check.expected, 300)}. Observed: {cut(check.observed, 300)}"
    return {
        "ruleId": check.id,
        "ruleIndex": number,
        "kind": "fail",
        "level": _LEVELS[check.severity],
        "message": {"text": _message(said)},
        "locations": [_location(results)],
        "partialFingerprints": {"primaryLocationLineHash": f"{_fingerprint(check, results)}:1"},
        "properties": {
            "claim": check.claim,
            "deciding": check.deciding,
            "accessLevel": check.level,
            "evidence": [f"{reference.path} sha256:{reference.sha256}" for reference in check.evidence],
        },
    }


def _location(results: Results) -> _Json:
    """The line of the target file that names the target, and the addresses that were audited."""
    line = results.run.target_line
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(results.run.target_file), "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": line, "startColumn": 1, "endLine": line, "endColumn": 2},
        },
        "logicalLocations": [
            {"fullyQualifiedName": visible(cut(url, 200)), "kind": "resource"}
            for url in results.target.base_urls
        ],
    }


def _uri(path: str) -> str:
    """A path as a relative reference (RFC 3986, 4.2); GitHub drops results that lie outside the repository."""
    parts = [part for part in path.replace("\\", "/").split("/") if part not in {"", ".", ".."}]
    return quote("/".join(parts) or "target.toml")


def _fingerprint(check: CheckResult, results: Results) -> str:
    """The same for the same check on the same target, whatever else was edited or observed."""
    return hashlib.sha256(f"{check.id}\n{results.target.name}".encode("utf-8", "replace")).hexdigest()[:16]


def _invocation(results: Results) -> _Json:
    faults = [{"level": "error", "message": {"text": _message(fault)}} for fault in results.run.faults]
    unseen = [
        {
            "level": "warning",
            "message": {"text": _message(f"not seen: {gap.what}: {gap.reason}; {gap.decide}")},
        }
        for gap in results.unseen
    ]
    return {
        "executionSuccessful": not faults and not results.run.interrupted,
        "exitCode": results.gate.exit_code,
        "exitCodeDescription": _message(results.gate.sentence),
        "startTimeUtc": _utc(results.run.started),
        "endTimeUtc": _utc(results.run.finished),
        "toolExecutionNotifications": [*faults, *unseen],
    }


def _utc(rfc3339: str) -> str:
    return rfc3339.replace("+00:00", "Z")


def _taxonomies(results: Results, findings: Sequence[CheckResult]) -> list[_Json]:
    """The controls that the rules refer to, framework by framework."""
    broken = {check.claim for check in findings}
    groups = [g for claim, own in controls.of_claims(results).items() if claim in broken for g in own]
    return [
        {
            "name": framework.id,
            "fullName": framework.name,
            "version": framework.edition,
            "taxa": [{"id": id_} for id_ in ids],
        }
        for framework in results.frameworks
        if (ids := sorted({id_ for g in groups if g.framework == framework.id for id_ in g.ids}))
    ]


def _message(text: str) -> str:
    """Plain text in which nothing is a link or a placeholder (SARIF 2.1.0, 3.11.5 and 3.11.6)."""
    plain = visible(cut(text, _MOST)).replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return plain.replace("{", "{{").replace("}", "}}")
