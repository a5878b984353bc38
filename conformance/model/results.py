"""`results.json`: the one record of an assessment; every report is a projection of it.

The JSON Schema beside the package, `conformance/results.schema.json`, is generated from these types.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from conformance.model.verdict import Norm

SCHEMA = 1

VerdictName = Literal["pass", "fail", "inconclusive", "not-applicable", "attested"]
ClaimVerdict = Literal["pass", "fail", "inconclusive", "not-applicable", "attested", "not-assessed"]
ExitCode = Literal[0, 1, 2, 3, 4]
LevelName = Literal["outside", "operator", "inside", "instrumented", "document"]
SeverityName = Literal["critical", "high", "medium", "low", "info"]
FaultName = Literal["target", "operator", "network", "suite"]


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of evidence, by its path in the run folder and the SHA-256 of its bytes."""

    path: str
    sha256: str


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one check says."""

    id: str
    claim: str
    title: str
    why: str
    severity: SeverityName
    level: LevelName
    deciding: bool
    verdict: VerdictName
    because: str
    decide: Annotated[str, Meta(description="what would decide an inconclusive verdict")]
    expected: str
    observed: str
    reproduction: str
    fix: str
    norm: tuple[Norm, ...]
    evidence: tuple[Reference, ...]
    duration_ms: Annotated[int, Meta(description="time that observing its evidence took")]
    proven: Annotated[
        str, Meta(description="how many flawed twins this check caught and conformant variants it passed")
    ]


class ClaimResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the checks of one claim say together."""

    id: str
    short: str
    title: str
    made: Annotated[
        bool, Meta(description="the target makes this claim; otherwise it is judged for information")
    ]
    gated: bool
    verdict: ClaimVerdict
    because: str
    level: LevelName
    checks: tuple[str, ...]


class Unseen(msgspec.Struct, frozen=True, kw_only=True):
    """Something that could not be seen: whose fault that is, and what would close the gap."""

    what: str
    reason: str
    fault: FaultName
    decide: str


class GateResult(msgspec.Struct, frozen=True, kw_only=True):
    """The gate: which claims had to be decided, and what became of it."""

    claims: tuple[str, ...]
    exit_code: ExitCode
    sentence: Annotated[str, Meta(description="the last line that the command prints")]
    conforms: int
    made: int
    not_assessed: int


class TargetResult(msgspec.Struct, frozen=True, kw_only=True):
    """What was audited."""

    name: str
    environment: str
    base_urls: tuple[str, ...]
    levels: tuple[str, ...]
    admin_url: Annotated[str, Meta(description="the key API's, where it has one of its own")] = ""


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """The run behind the results."""

    id: str
    suite: str
    started: str
    finished: str
    profile: str
    sample: int
    seed: int
    selection: str
    interrupted: bool
    requests: int
    spent_picodollars: int
    leftovers: tuple[str, ...]
    faults: tuple[str, ...]


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """The assessment of one run."""

    schema: int
    target: TargetResult
    run: RunResult
    gate: GateResult
    claims: tuple[ClaimResult, ...]
    checks: tuple[CheckResult, ...]
    unseen: tuple[Unseen, ...]
    kill_matrix: Annotated[
        str, Meta(description="how the checks of this version fared on flawed twins and conformant variants")
    ]


def encode(results: Results) -> bytes:
    """The bytes of `results.json`: the same results give the same bytes."""
    return msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n"


def json_schema() -> bytes:
    """The JSON Schema (2020-12) of `results.json`."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Gateproof results",
        **msgspec.json.schema(Results),
    }
    return msgspec.json.format(msgspec.json.encode(schema), indent=2) + b"\n"
