"""An imaginary audit with everything that a report can show, and one with far too many findings."""

import msgspec

from conformance.claims.controls import controls_of, frameworks
from conformance.model.exhibit import (
    Change,
    SpendCall,
    SpendPicture,
    SpendRound,
    TransportRow,
    TransportWord,
    WaiverResult,
)
from conformance.model.results import Results
from conformance.model.retained import MapBound, MapCell, MapPath, MapSurface, RetentionMap
from tests.reports.sample import sample_results
from tests.reports.sample_checks import BIDI, BREAKOUT, MARKUP, reference

_FIELDS = ("system prompt", "user prompt", "tool result", "image", "completion", "user id")
_PATHS = ("plain call", "stream", "refused by limit", "aborted by the client")
_LOCATORS = (
    "/var/log/gateway",
    f"postgresql://db.staging.example/ledger?{MARKUP}",
    "journald:gateway.service",
)


def whole_results() -> Results:
    """The sample with pictures, controls, waivers and a baseline."""
    results = sample_results()
    claims = tuple(msgspec.structs.replace(claim, controls=controls_of(claim.id)) for claim in results.claims)
    checks = tuple(
        msgspec.structs.replace(
            check,
            evidence=tuple(
                msgspec.structs.replace(cite, facts=1_204, counted="Answers searched")
                for cite in check.evidence
            ),
        )
        for check in results.checks
    )
    return msgspec.structs.replace(
        results,
        target=msgspec.structs.replace(results.target, authorised="J. Roe, SEC-114, until 2027-01-31"),
        claims=claims,
        checks=checks,
        frameworks=frameworks(),
        transport=transport_rows(),
        retention=retention(),
        spend=spend(),
        waivers=_waivers(),
        change=Change(
            baseline="2026-11-17T0326-11aa",
            new=("keys.stored-salted",),
            regressed=("transport.only-tls13",),
            persisting=("transport.versions-agree", "disclosure.errors-are-bare"),
            fixed=("transport.https-only",),
            lost=("retention.logs-hold-no-content",),
        ),
    )


def many_findings(findings: int, evidence: int) -> Results:
    """An audit with so many findings, of real checks' ids among others, and so many pieces of evidence."""
    results = whole_results()
    broken = [check for check in results.checks if check.verdict == "fail"]
    each = evidence // findings
    real = (
        "transport.tls12-is-refused",
        "forwarding.caller-stays-behind",
        "retention.surfaces-hold-no-content",
    )
    checks = tuple(
        msgspec.structs.replace(
            broken[n % len(broken)],
            id=real[n] if n < len(real) else f"{broken[n % len(broken)].id}-{n}",
            observed=f"{broken[n % len(broken)].observed[:900]} {BIDI}{BREAKOUT}",
            evidence=tuple(reference(f"E{n}-{piece}") for piece in range(each)),
        )
        for n in range(findings)
    )
    return msgspec.structs.replace(
        results, checks=(*checks, *(c for c in results.checks if c.verdict != "fail"))
    )


def retention() -> RetentionMap:
    """A map in which content of one field reached one log, and one surface stayed undecided."""
    return RetentionMap(
        scanned="2026-11-24T04:30:00Z",
        confidence=0.95,
        paths=tuple(
            MapPath(
                name=name, endpoint="chat", kind="forwarded", sent=300, counted=300, keys=4, connections=8
            )
            for name in _PATHS
        ),
        fields=_FIELDS,
        surrounding=(5,),
        surfaces=tuple(
            MapSurface(
                locator=locator,
                kind=kind,
                role="log",
                decided=place < 2,
                doubt="" if place < 2 else "no control was seen there",
                sensitivity=1.0,
                planted=4,
                planted_found=4 if place < 2 else 0,
                markers=0,
            )
            for place, (locator, kind) in enumerate(
                zip(_LOCATORS, ("files", "postgresql", "journald"), strict=True)
            )
        ),
        cells=tuple(
            MapCell(
                path=path,
                field=field,
                sent=300,
                proven=0 if (path, field) == (1, 3) else 300,
                seen=(3 if (path, field) == (2, 1) else 0, 0, 0),
            )
            for path in range(len(_PATHS))
            for field in range(len(_FIELDS))
            if (path, field) != (3, 4)
        ),
        bounds=tuple(
            MapBound(path=path, surface=surface, seen=0, at_most=None if surface == 2 else 0.00994)
            for path in range(len(_PATHS))
            for surface in range(len(_LOCATORS))
        ),
    )


def transport_rows() -> tuple[TransportRow, ...]:
    """Two addresses of which one still agrees to TLS 1.2."""
    old: tuple[TransportWord, ...] = ("refused", "refused", "refused")
    return tuple(
        TransportRow(
            address=address,
            names=("gateway.staging.example", "no name"),
            versions=dict(
                zip(
                    ("SSLv3", "TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"),
                    (*old, tls12, "agreed"),
                    strict=True,
                )
            ),
            certificate="trusted, until 2027-02-03",
            hsts="max-age=63072000; includeSubDomains",
        )
        for address, tls12 in _ADDRESSES
    )


def spend() -> SpendPicture:
    """Rounds of which the largest went beyond its limit."""
    limit = 2_000_000_000
    bills = {1: 1_900_000_000, 2: 1_900_000_000, 8: 2_000_000_000, 24: 4_600_000_000}
    return SpendPicture(
        tolerated=0,
        rounds=tuple(
            SpendRound(
                name=f"{size} calls at once, a new key",
                limit=limit,
                bill=bill,
                calls=24,
                reached=bill // 100_000_000,
                at_once=size,
                controlled=True,
            )
            for size, bill in bills.items()
        ),
        worst="24 calls at once, a new key",
        calls=tuple(
            SpendCall(
                left_ms=number * 3,
                answered_ms=240 + 7 * number if number < 20 else 60 + number,
                told="200" if number < 20 else f"429 {MARKUP}",
                reached=int(number < 20),
                cost=100_000_000 if number < 20 else 0,
            )
            for number in range(24)
        ),
    )


_ADDRESSES: tuple[tuple[str, TransportWord], ...] = (
    ("203.0.113.17:8443", "agreed"),
    ("203.0.113.18:8443", "refused"),
    ("[2001:db8::11]:8443", "unclear"),
)


def _waivers() -> tuple[WaiverResult, ...]:
    return (
        WaiverResult(
            check="transport.versions-agree",
            kind="accepted-risk",
            owner="J. Roe",
            reason=f"replaced with the next rollout {MARKUP}",
            ticket="SEC-201",
            expires="2027-01-31T00:00:00+00:00",
            days_left=68,
            state="used",
        ),
        WaiverResult(
            check="no.such-check",
            kind="incorrect-result",
            owner="A. Doe",
            reason="false alarm",
            ticket="SEC-7",
            expires="2026-10-01T00:00:00+02:00",
            days_left=0,
            state="expired",
        ),
    )
