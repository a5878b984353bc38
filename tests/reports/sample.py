"""Results of an imaginary audit, with every verdict in them and a target that talks to the reader."""

from conformance.model.results import (
    SCHEMA,
    CheckResult,
    ClaimResult,
    ClaimVerdict,
    GateResult,
    LevelName,
    Results,
    RunResult,
    TargetResult,
    Unseen,
)
from tests.reports.sample_checks import BIDI, MARKUP, sample_checks

KILLS = "38 of 38 flawed twins failed exactly the checks meant for them; 12 of 12 conformant variants passed"
_NO_DOCUMENT = "no document declared"

_SHORT = {
    "T1": "TLS 1.3 only",
    "T2": "HTTPS everywhere",
    "T3": "HSTS",
    "K1": "keys shown once",
    "K2": "keys stored hashed",
    "S1": "spending limits hold",
    "Z1": "content is not kept",
    "I1a": "cloud SOC 2 Type II",
    "I1b": "segmentation",
    "I1c": "least privilege",
    "P1": "incident plan, 72 h",
    "P2c": "credit",
    "H2": "clean surface",
}
_CLAIMS: tuple[tuple[str, ClaimVerdict, LevelName, str, str], ...] = (
    ("T1", "fail", "outside", "All communication uses TLS 1.3", "TLS 1.2 was negotiated on 1 of 4 addresses"),
    ("T2", "pass", "outside", "HTTPS is enforced on all endpoints", "port 80 only redirects"),
    ("T3", "pass", "outside", "HSTS on the API endpoints prevents downgrade", "valid on 14 endpoints"),
    ("K1", "pass", "operator", "API keys are shown once, at creation", "6 secrets in none of 212 answers"),
    ("K2", "fail", "inside", "API keys are stored as salted SHA-256", "2 of 2 verifiers have no salt"),
    ("S1", "pass", "operator", "Spending limits on keys hold", "spend stayed below the limit in 41 trials"),
    ("Z1", "inconclusive", "inside", "Prompts are not stored or logged", "journald: permission denied"),
    ("I1a", "attested", "document", "The cloud providers hold SOC 2", "report; expires 2027-03-31"),
    ("I1b", "not-assessed", "document", "The network is segmented", _NO_DOCUMENT),
    ("I1c", "not-assessed", "document", "Access controls follow least privilege", _NO_DOCUMENT),
    ("P1", "not-assessed", "document", "Affected users are notified within 72 hours", _NO_DOCUMENT),
    ("P2c", "not-assessed", "document", "Reporters are credited if they wish", _NO_DOCUMENT),
    ("H1", "not-applicable", "operator", "Every route needs a credential", "one role, one tenant"),
    ("H2", "fail", "outside", "Errors and headers disclose nothing", "an error page names nginx/1.22.1"),
)
_GATED = ("T1", "T2", "T3", "K1", "K2", "S1", "Z1")


def sample_results(*, interrupted: bool = False, faults: tuple[str, ...] = ()) -> Results:
    """An audit of a staging gateway that breaks two of its promises."""
    checks = sample_checks()
    return Results(
        schema=SCHEMA,
        target=TargetResult(
            name="gateway.staging",
            environment="staging",
            base_urls=("https://gateway.staging.example:8443/v1", "https://eu.gateway.staging.example/v1"),
            levels=("outside", "operator", "inside"),
        ),
        run=RunResult(
            id="2026-11-24T0326-7f3a",
            suite="0.1.0",
            started="2026-11-24T03:26:00Z",
            finished="2026-11-24T04:37:12Z",
            profile="standard",
            sample=300,
            seed=20261124,
            selection="",
            interrupted=interrupted,
            requests=12_841,
            spent_picodollars=239_000_000,
            leftovers=("gateproof-7f3a-limit-03", f"gateproof-7f3a-{BIDI}rotated"),
            faults=faults,
        ),
        gate=GateResult(
            claims=_GATED,
            exit_code=4 if faults else 1,
            sentence="does not conform: 4 of 12 claims; broken: T1, K2; undecided: Z1; 4 not assessed",
            conforms=4,
            made=12,
            not_assessed=4,
        ),
        claims=_claims(checks),
        checks=checks,
        unseen=(
            Unseen(
                what="LogSweep",
                reason="journald answered: permission denied for unit gateway-content",
                fault="operator",
                decide="let the auditing user read the journal of that unit, and declare it under [surfaces]",
            ),
            Unseen(
                what="DownstreamTls",
                reason=f"the target closed the connection and said: {MARKUP}",
                fault="target",
                decide="repeat the run; if it persists, point the gateway's provider at the witness",
            ),
        ),
        kill_matrix=KILLS,
    )


def _claims(checks: tuple[CheckResult, ...]) -> tuple[ClaimResult, ...]:
    return tuple(
        ClaimResult(
            id=id_,
            short=_SHORT.get(id_, title[:20]),
            title=title,
            made=not id_.startswith("H"),
            gated=id_ in _GATED,
            verdict=verdict,
            because=because,
            level=level,
            checks=tuple(check.id for check in checks if check.claim == id_),
        )
        for id_, verdict, level, title, because in _CLAIMS
    )
