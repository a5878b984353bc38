"""The checks of an imaginary audit: one result of each kind, in words of a target that talks to the reader."""

import hashlib

from conformance.model.results import CheckResult, LevelName, Reference, SeverityName, VerdictName
from conformance.model.verdict import Norm

BIDI = "\u202e"
MARKUP = '<script>alert("owned")</script>'
BREAKOUT = '</pre><img src=x onerror="alert(1)"></title></style>'
ENDLESS = "A" * 100_000

_TLS_FIX = """nginx: ssl_protocols TLSv1.3;
Caddy: tls { protocols tls1.3 }
Envoy: tls_minimum_protocol_version: TLSv1_3"""


def sample_checks() -> tuple[CheckResult, ...]:
    """What each check of the imaginary audit found."""
    return (*_broken(), *_undecided(), *_kept(), *_beside())


def _broken() -> tuple[CheckResult, ...]:
    """Promises that are not kept."""
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
    )


def _undecided() -> tuple[CheckResult, ...]:
    """One that could not be looked at."""
    return (
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
    )


def _kept() -> tuple[CheckResult, ...]:
    """Promises that hold."""
    return (
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
    )


def _beside() -> tuple[CheckResult, ...]:
    """What no probe decides."""
    return (
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
