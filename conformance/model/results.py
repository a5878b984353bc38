"""`results.json`: the one record of an assessment; every report is a projection of it.

The JSON Schema beside the package, `conformance/results.schema.json`, is generated from these types.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from conformance.model.exhibit import Change, SpendPicture, TransportRow, WaiverResult
from conformance.model.mapped import ControlGroup, Framework
from conformance.model.races import Races
from conformance.model.retained import RetentionMap
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
    facts: Annotated[int, Meta(description="how many facts it holds")] = 0
    counted: Annotated[str, Meta(description="what those facts are")] = ""


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
    controls: Annotated[
        tuple[ControlGroup, ...], Meta(description="controls of public frameworks that it bears on")
    ] = ()


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
    authorised: Annotated[
        str, Meta(description="who permitted looks that may disturb, and where that is written")
    ] = ""


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
    target_file: Annotated[str, Meta(description="what the audit was told to audit")] = ""
    rescan_of: Annotated[
        str, Meta(description="id of the run whose surfaces were searched again; empty: this is no rescan")
    ] = ""
    target_line: Annotated[int, Meta(description="where the target is named in it", ge=1)] = 1


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
    races: Annotated[
        Races | None,
        Meta(description="how surely an audit sees a race against a limit; null: not measured in this build"),
    ] = None
    frameworks: Annotated[tuple[Framework, ...], Meta(description="the editions of the controls' ids")] = ()
    transport: tuple[TransportRow, ...] = ()
    spend: Annotated[
        SpendPicture | None, Meta(description="bills against limits; null: nothing was spent to a limit")
    ] = None
    retention: Annotated[
        RetentionMap | None,
        Meta(description="what was sent and seen, by field, path and surface; null: no surface was searched"),
    ] = None
    waivers: Annotated[
        tuple[WaiverResult, ...] | None, Meta(description="null where no waiver file was given")
    ] = None
    change: Annotated[Change | None, Meta(description="null where no baseline was given")] = None


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
