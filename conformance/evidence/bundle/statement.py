"""The statement: what is said of which files, as an in-toto Statement v1 with the predicate `test-result` v0.1. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from conformance.evidence.bundle.manifest import NAME, Tampered
from conformance.model.results import Results

_TYPE = "https://in-toto.io/Statement/v1"
_PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"
# Undecided is no pass: who reads nothing but this word must not take it for one.
_RESULT = {0: "PASSED", 1: "FAILED", 2: "FAILED", 3: "WARNED", 4: "FAILED"}


class Digest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A digest set with the one algorithm used here, in hexadecimal."""

    sha256: str


class Resource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named thing with its digest (in-toto ResourceDescriptor)."""

    name: str
    digest: Digest


class Outcome(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """The predicate: how the run ended, what it was made with, and which checks went how."""

    result: str
    configuration: tuple[Resource, ...]
    url: str
    passed_tests: tuple[str, ...]
    warned_tests: tuple[str, ...]
    failed_tests: tuple[str, ...]


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An in-toto statement."""

    kind: str = msgspec.field(name="_type", default=_TYPE)
    subject: tuple[Resource, ...]
    predicate_type: str = msgspec.field(name="predicateType", default=_PREDICATE)
    predicate: Outcome


def stated(results: Results, subjects: Mapping[str, str], configuration: Mapping[str, str]) -> bytes:
    """The statement on a run: of `subjects` (the manifest first of all), made with `configuration`; each name → SHA-256."""
    by_verdict: dict[str, list[str]] = {"pass": [], "inconclusive": [], "fail": []}
    for check in results.checks:
        by_verdict.setdefault(check.verdict, []).append(check.id)
    statement = Statement(
        subject=_resources(subjects),
        predicate=Outcome(
            result=_RESULT[results.gate.exit_code],
            configuration=_resources(configuration),
            url=next(iter(results.target.base_urls), ""),
            passed_tests=tuple(by_verdict["pass"]),
            warned_tests=tuple(by_verdict["inconclusive"]),
            failed_tests=tuple(by_verdict["fail"]),
        ),
    )
    return msgspec.json.encode(statement)


def read(payload: bytes) -> Statement:
    """The statement in a payload. Raises Tampered where it is none, or vouches for no manifest."""
    try:
        statement = msgspec.json.decode(payload, type=Statement)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Tampered("what was signed is not a statement of a test result") from None
    if msgspec.json.encode(statement) != payload:
        raise Tampered("the statement is spelt in a way that two readers could read differently")
    if (statement.kind, statement.predicate_type) != (_TYPE, _PREDICATE):
        raise Tampered("what was signed is another kind of statement")
    if NAME not in subjects(statement):
        raise Tampered(f"the statement does not vouch for {NAME}")
    return statement


def subjects(statement: Statement) -> dict[str, str]:
    """What a statement vouches for: name → SHA-256."""
    return {one.name: one.digest.sha256 for one in statement.subject}


def contradictions(statement: Statement, results: Results) -> tuple[str, ...]:
    """Where a statement says other than the results beside it."""
    again: Any = read(stated(results, subjects(statement), {})).predicate
    said = statement.predicate
    names = ("result", "url", "passed_tests", "warned_tests", "failed_tests")
    return tuple(
        f"the statement's {name.replace('_', ' ')} are not those of results.json"
        for name in names
        if getattr(said, name) != getattr(again, name)
    )


def _resources(digests: Mapping[str, str]) -> tuple[Resource, ...]:
    return tuple(Resource(name=name, digest=Digest(sha256=value)) for name, value in digests.items())
