"""Results of an imaginary audit, with every verdict in them and a target that talks to the reader."""

import hashlib

from conformance.model.results import (
    SCHEMA,
    CheckResult,
    ClaimResult,
    ClaimVerdict,
    GateResult,
    LevelName,
    Reference,
    Results,
    RunResult,
    SeverityName,
    TargetResult,
    Unseen,
    VerdictName,
)
from conformance.model.verdict import Norm

BIDI = "\u202e"
MARKUP = '<script>alert("owned")</script>'
BREAKOUT = '</pre><img src=x onerror="alert(1)"></title></style>'
ENDLESS = "A" * 100_000
KILLS = "38 of 38 flawed twins failed exactly the checks meant for them; 12 of 12 conformant variants passed"
_NO_DOCUMENT = "no document declared"

_TLS_FIX = """nginx: ssl_protocols TLSv1.3;
Caddy: tls { protocols tls1.3 }
Envoy: tls_minimum_protocol_version: TLSv1_3"""

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
    checks = _checks()
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


def _checks() -> tuple[CheckResult, ...]:
    return (
        check(
            "transport.only-tls13",
            claim="T1",
            title="Only TLS 1.3 can be negotiated",
            severity="high",
            verdict="fail",
            because="TLS 1.2 was negotiated on 1 of 4 addresses",
            expected="a TLS alert, or a close after our hello, in 3 of 3 attempts on every address",
            observed="203.0.113.17:8443 (SNI right, ALPN h2): completed TLS 1.2; reproduced 3 of 3",
            reproduction="openssl s_client -connect 203.0.113.17:8443 -servername gateway.example -tls1_2",
            fix=_TLS_FIX,
            norm=(
                Norm(source="RFC 9325, 3.1.1", verdict="met", note="it still wants TLS 1.2 beside 1.3"),
                Norm(source="NIST SP 800-52r2, 3.1", verdict="met"),
            ),
            sees=("TlsMatrix", "Resolution"),
        ),
        check(
            "transport.versions-agree",
            claim="T1",
            title="All addresses of a host speak the same versions",
            severity="medium",
            verdict="fail",
            because="1 of 4 addresses differs from the others",
            expected="one set of versions",
            observed="203.0.113.17: 1.2, 1.3\n203.0.113.18: 1.3\n203.0.113.19: 1.3\n2001:db8::11: 1.3",
            reproduction="for a in 17 18 19; do openssl s_client -tls1_2 -connect 203.0.113.$a:8443; done",
            sees=("TlsMatrix",),
        ),
        check(
            "keys.stored-salted",
            claim="K2",
            title="A stored key cannot be recovered from its verifier",
            severity="critical",
            verdict="fail",
            level="inside",
            because="2 of 2 stored verifiers are SHA-256 of the secret without a salt",
            expected="a per-key salt of at least 64 bits, or a password hash",
            observed="table api_keys, column hash: equals SHA-256(secret) for 2 of 2 known secrets",
            reproduction='printf %s "$KEY" | sha256sum',
            fix="Store SHA-256 over a random salt of 16 bytes and the secret, and the salt beside it.",
            sees=("StoredVerifiers",),
        ),
        check(
            "disclosure.errors-are-bare",
            claim="H2",
            title="Errors disclose neither versions nor addresses",
            severity="low",
            verdict="fail",
            deciding=False,
            because=f"the error of POST /v1/chat/completions says: {MARKUP}",
            expected="an error without server software, version or internal address",
            observed=f"HTTP/1.1 500\nServer: nginx/1.22.1{BIDI}gnp.exe\nX-Note: {BREAKOUT}\n\n{ENDLESS}",
            reproduction="curl -sS https://gateway.staging.example:8443/v1/chat/completions -d '{'",
            sees=("ErrorPages",),
        ),
        check(
            "retention.logs-hold-no-content",
            claim="Z1",
            title="No log sink holds any part of a prompt or a completion",
            severity="critical",
            verdict="inconclusive",
            level="inside",
            because="journald could not be read: permission denied",
            decide="let the auditing user read the journal of the gateway's units",
            sees=(),
        ),
        check(
            "transport.https-only",
            claim="T2",
            title="Clear text is served nothing of value",
            severity="high",
            verdict="pass",
            because="port 80 redirects to https on the same host; a throw-away key sent in clear was refused",
            sees=("ClearText",),
        ),
        check(
            "transport.hsts",
            claim="T3",
            title="Every answer of the API carries a valid HSTS header",
            severity="medium",
            verdict="pass",
            because="present and valid on 14 endpoints and 5 status classes; smallest max-age 31,536,000 s",
            norm=(
                Norm(source="RFC 6797, 6.1", verdict="met"),
                Norm(source="HSTS preload list", verdict="not met", note="includeSubDomains is absent"),
            ),
            sees=("HstsAnswers",),
        ),
        check(
            "keys.shown-once",
            claim="K1",
            title="A key's secret is shown at its creation and never again",
            severity="critical",
            verdict="pass",
            level="operator",
            because="the secret of 6 keys is in none of 212 later answers; the public id of each is in all",
            sees=("KeyLifecycle",),
        ),
        check(
            "spend.limit-holds",
            claim="S1",
            title="The provider's bill for a key never exceeds its limit",
            severity="critical",
            verdict="pass",
            level="operator",
            because="witnessed spend stayed below the limit in 41 scenarios, 9 of them racing",
            sees=("SpendTrials", "WitnessLedger"),
        ),
        check(
            "documents.soc2-cloud",
            claim="I1a",
            title="A current SOC 2 Type II report of the cloud provider is on file",
            severity="info",
            verdict="attested",
            level="document",
            because="period to 2026-03-31; owner J. Roe, reviewed 2026-09-01, expires 2027-03-31",
            sees=("Documents",),
        ),
        check(
            "access.tenants-apart",
            claim="H1",
            title="One tenant cannot reach the objects of another",
            severity="high",
            verdict="not-applicable",
            level="operator",
            deciding=False,
            because="the target has one role and one tenant: its schema has no field for either",
            sees=("Routes",),
        ),
    )


def check(
    id_: str,
    *,
    claim: str,
    title: str,
    severity: SeverityName,
    verdict: VerdictName,
    because: str,
    sees: tuple[str, ...],
    level: LevelName = "outside",
    deciding: bool = True,
    decide: str = "",
    expected: str = "",
    observed: str = "",
    reproduction: str = "",
    fix: str = "",
    norm: tuple[Norm, ...] = (),
) -> CheckResult:
    """One check's result, told in its essentials."""
    return CheckResult(
        id=id_,
        claim=claim,
        title=title,
        why="Whoever can make a client fall back to a weaker promise has removed the stronger one.",
        severity=severity,
        level=level,
        deciding=deciding,
        verdict=verdict,
        because=because,
        decide=decide,
        expected=expected,
        observed=observed,
        reproduction=reproduction,
        fix=fix,
        norm=norm,
        evidence=tuple(reference(name) for name in sees),
        duration_ms=1_840,
        proven="caught 3 flawed twins on 2 hosts; 4 conformant variants not failed",
    )


def reference(name: str) -> Reference:
    """Evidence of that name."""
    return Reference(path=f"evidence/{name}.json", sha256=hashlib.sha256(name.encode()).hexdigest())
