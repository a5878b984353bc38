"""T1: only TLS 1.3 is agreed to. Judged against the vendor's words; what the standards say stands beside it
as norms.
"""

from collections.abc import Iterator

from conformance.catalogue import check
from conformance.checks.transport.norms import handshake_norms, old_handshake_norms
from conformance.checks.transport.refusal import Standing, Word, describe, in_service, standing
from conformance.checks.transport.reproduction import declared_clear, replay, s_client
from conformance.model.declared import Declared
from conformance.model.evidence import Unobserved
from conformance.model.scale import Level, Severity
from conformance.model.tls_facts import TlsFacts
from conformance.model.transport import (
    ENDED,
    Attempt,
    Outcome,
    Place,
    PlaceTrial,
    TlsVersions,
    Version,
    can_be_asked,
)
from conformance.model.verdict import Fail, Inconclusive, Norm, NotApplicable, Pass, Verdict

_FIX = "set the minimum TLS version of every listener, virtual host and address to 1.3, also without SNI"
_SHOWN = 5
_ENDS = 3  # of a connection, until they count as an answer (the rule for refusals)


@check(
    "transport.tls13-is-negotiated",
    claim="T1",
    severity=Severity.HIGH,
    level=Level.OUTSIDE,
    fix="offer TLS 1.3 on every address and port of the API",
)
def tls13_is_negotiated(versions: TlsVersions, facts: TlsFacts | Unobserved) -> Verdict:
    """TLS 1.3 is agreed to at every address and port.

    A client that insists on TLS 1.3 must reach the API wherever its name leads; and without this, a
    refusal of older versions would only show that nothing is served.
    """
    for trial in _right(versions):
        word = _without_tls(trial, versions)
        if word:
            return Fail(
                because=f"TLS 1.3 is not agreed to: {trial.place} {word}",
                expected="a ServerHello that selects 0x0304",
                observed=word,
                cites=(versions,),
                reproduction=s_client(trial.place, Version.TLS13),
            )
    unclear = [trial for trial in _right(versions) if not _stand_serves(trial, versions)]
    if unclear or versions.unresolved or not versions.trials:
        return _not_reached(versions, unclear)
    return Pass(
        because=f"a ServerHello of TLS 1.3 came from {_stands(versions)}, seen from {versions.vantage}",
        cites=(versions,) if isinstance(facts, Unobserved) or not facts.seen() else (versions, facts),
        norm=(
            Norm(source="RFC 9325, 3.1.1", verdict="met", note="TLS 1.3 SHOULD be supported and preferred"),
            *handshake_norms(facts),
        ),
    )


@check("transport.ssl2-is-refused", claim="T1", severity=Severity.CRITICAL, level=Level.OUTSIDE, fix=_FIX)
def ssl2_is_refused(versions: TlsVersions) -> Verdict:
    """SSLv2 is refused.

    Whoever sits between can choose its ciphers, and a server that speaks it gives away what it says in newer versions too
    (DROWN); RFC 6176 forbids it.
    """
    return _refused(versions, Version.SSL2, "RFC 6176, 3", "SSLv2 MUST NOT be negotiated")


@check("transport.ssl3-is-refused", claim="T1", severity=Severity.CRITICAL, level=Level.OUTSIDE, fix=_FIX)
def ssl3_is_refused(versions: TlsVersions) -> Verdict:
    """SSLv3 is refused.

    Its padding can be read by whoever sits between (POODLE); RFC 7568 forbids it.
    """
    return _refused(versions, Version.SSL3, "RFC 7568, 3", "SSLv3 MUST NOT be used")


@check("transport.tls10-is-refused", claim="T1", severity=Severity.CRITICAL, level=Level.OUTSIDE, fix=_FIX)
def tls10_is_refused(versions: TlsVersions) -> Verdict:
    """TLS 1.0 is refused.

    It rests on SHA-1 and MD5 and on chained initialisation vectors; RFC 8996 forbids it.
    """
    return _refused(versions, Version.TLS10, "RFC 8996, 4", "TLS 1.0 MUST NOT be used")


@check("transport.tls11-is-refused", claim="T1", severity=Severity.CRITICAL, level=Level.OUTSIDE, fix=_FIX)
def tls11_is_refused(versions: TlsVersions) -> Verdict:
    """TLS 1.1 is refused.

    It rests on SHA-1 and MD5; RFC 8996 forbids it.
    """
    return _refused(versions, Version.TLS11, "RFC 8996, 5", "TLS 1.1 MUST NOT be used")


@check("transport.tls12-is-refused", claim="T1", severity=Severity.CRITICAL, level=Level.OUTSIDE, fix=_FIX)
def tls12_is_refused(versions: TlsVersions, declared: Declared) -> Verdict:
    """TLS 1.2 is refused.

    The page promises TLS 1.3 and no older version. The standards are milder: RFC 9325 still wants 1.2
    supported, so this judges the vendor's words and is no defect by itself.
    """
    verdict = _refused(versions, Version.TLS12, "RFC 9325, 3.1.1", "")
    if declared.promises.tls_floor == "1.2" and not isinstance(verdict, Pass):
        return NotApplicable(
            because="the gateway promises TLS 1.2 and newer, so nothing is promised about refusing 1.2",
            cites=(declared, versions),
            norm=verdict.norm,
        )
    return verdict


def _refused(versions: TlsVersions, version: Version, source: str, rule: str) -> Verdict:
    hits = list(_hits(versions, version))
    norm = _norm(version, source, rule, accepted=bool(hits))
    if hits:
        return _accepted(versions, version, hits, norm)
    asked = [trial for trial in versions.trials if can_be_asked(trial.place, version)]
    words = [(trial.place, standing(trial, version)) for trial in asked]
    unclear = [(place, word) for place, word in words if word.standing is Standing.UNCLEAR]
    unserved = [trial for trial in _right(versions) if not _stand_serves(trial, versions)]
    if unclear or unserved or versions.unresolved or not words:
        return _unclear(versions, version, unclear)
    refused = [word for _, word in words if word.standing is Standing.REFUSED]
    return Pass(because=_summary(versions, version, refused, words), cites=(versions,), norm=norm)


def _hits(versions: TlsVersions, version: Version) -> Iterator[tuple[PlaceTrial, Attempt]]:
    finished = {done.place for done in versions.confirmations if done.finished and done.offered is version}
    for trial in versions.trials:
        for attempt in trial.attempts:
            begun = attempt.outcome is Outcome.SERVER_HELLO and attempt.version is version
            if begun and (attempt.complete or trial.place in finished):
                yield trial, attempt


def _accepted(
    versions: TlsVersions, version: Version, hits: list[tuple[PlaceTrial, Attempt]], norm: tuple[Norm, ...]
) -> Fail:
    trial, attempt = hits[0]
    places = {str(found.place): None for found, _ in hits}
    finished = any(done.finished and done.offered is version for done in versions.confirmations)
    end = (
        "the handshake was finished"
        if finished
        else "the server's flight was complete; it was not finished by us"
    )
    shown = "; ".join(list(places)[:_SHOWN]) + (
        f"; and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
    )
    suite = f"suite 0x{attempt.suite:04x}" if attempt.suite is not None else "no suite"
    return Fail(
        because=f"{version.value} is accepted at {shown}",
        expected="an alert such as protocol_version (70)",
        observed=f"ServerHello of {version.value}, {suite}, to a hello of {attempt.offered.value}; {end}",
        cites=(versions,),
        reproduction=replay(trial, attempt, version),
        norm=norm
        + old_handshake_norms(
            (found for _, found in hits), beside_modern=all(in_service(where) for where, _ in hits)
        ),
    )


def _unclear(versions: TlsVersions, version: Version, unclear: list[tuple[Place, Word]]) -> Inconclusive:
    reasons = [f"{place}: {word.reason}" for place, word in unclear[:_SHOWN]]
    reasons += [f"{host} has no address" for host in versions.unresolved]
    more = f" (and {len(unclear) - _SHOWN} more places)" if len(unclear) > _SHOWN else ""
    told = "; ".join(reasons) or "nothing was asked"
    return Inconclusive(
        because=f"{version.value} was not accepted, but not refused everywhere either: {told}{more}",
        decide="let the server answer old hellos with an alert, and probe from where no filter stands between",
        cites=(versions,),
    )


def _summary(
    versions: TlsVersions, version: Version, refused: list[Word], words: list[tuple[Place, Word]]
) -> str:
    unserved = len(words) - len(refused)
    text = f"refused at {len(refused)} of {len(words)} places, seen from {versions.vantage}"
    if unserved:
        text += f"; at {unserved} there is no service at all (name or protocol not served)"
    text += f"; {_pooled(_fewest_hellos(versions, version))}"
    return "; ".join((text, *sorted({word.note for word in refused if word.note})))


def _pooled(hellos: int) -> str:
    """What so many refusals say of a pool of servers behind one address: at most 3/n accept, with 95 % confidence."""
    if hellos <= 3:
        return (
            f"{hellos} hello{'' if hellos == 1 else 's'} per address, too few for a bound on a pool behind it"
        )
    return (
        f"{hellos} hellos per address: a pool in which more than {300 // hellos} % accept it would have shown with "
        "95 % confidence"
    )


def _fewest_hellos(versions: TlsVersions, version: Version) -> int:
    """Hellos per address and port that a backend of this version would have answered: those of newer old
    versions too.
    """
    counts: dict[tuple[str, str, int], int] = {}
    for trial in versions.trials:
        at = (trial.place.host, trial.place.address, trial.place.port)
        fits = sum(
            version.wire <= attempt.offered.wire < Version.TLS13.wire
            and (version is attempt.offered or version is not Version.SSL2)
            for attempt in trial.attempts
        )
        counts[at] = counts.get(at, 0) + fits
    return max(1, min(counts.values()))


def _norm(version: Version, source: str, rule: str, *, accepted: bool) -> tuple[Norm, ...]:
    if version is Version.TLS12:
        note = "the RFC says that TLS 1.2 MUST be supported; RFC 9852 asks new protocols for 1.3"
        return (Norm(source=source, verdict="met" if accepted else "not met", note=note),)
    return (Norm(source=source, verdict="not met" if accepted else "met", note=rule),)


def _right(versions: TlsVersions) -> list[PlaceTrial]:
    return [trial for trial in versions.trials if trial.place.kind == "right"]


def _stand_serves(trial: PlaceTrial, versions: TlsVersions) -> bool:
    """Whether TLS 1.3 is agreed to at this address and port under the right name, whatever ALPN is offered."""
    return any(in_service(other) for other in _right(versions) if _same_stand(other.place, trial.place))


def _same_stand(one: Place, other: Place) -> bool:
    return (one.host, one.address, one.port) == (other.host, other.address, other.port)


def _without_tls(trial: PlaceTrial, versions: TlsVersions) -> str:
    """What shows that TLS 1.3 is not spoken here, or nothing where that is not certain."""
    if _stand_serves(trial, versions):
        return ""
    controls = [a for a in trial.attempts if a.offered is Version.TLS13]
    if declared_clear(trial.place, versions) and any(a.outcome is Outcome.GARBAGE for a in controls):
        return "answers without TLS, as its base URL says"
    older = [a for a in trial.attempts if a.negotiated() not in {None, Version.TLS13}]
    if older and controls and _turned_away(controls):
        return f"turns TLS 1.3 away ({describe(controls[0])}) and accepts an older version"
    return ""


def _turned_away(controls: list[Attempt]) -> bool:
    """Whether every control that was answered says no: by an alert or an older ServerHello, or thrice by ending the
    connection. An answer is one, whatever silence stands beside it.
    """
    answered = [a for a in controls if a.alert is not None or a.complete]
    others = [a for a in controls if a not in answered]
    if answered:
        return all(a.outcome in {*ENDED, Outcome.SILENCE} for a in others)
    return all(a.outcome in ENDED for a in others) and len(others) >= _ENDS


def _not_reached(versions: TlsVersions, unclear: list[PlaceTrial]) -> Inconclusive:
    reasons = [
        f"{trial.place}: {', '.join(sorted({describe(a) for a in trial.attempts}))}" for trial in unclear
    ]
    reasons += [f"{host} has no address" for host in versions.unresolved]
    return Inconclusive(
        because="TLS 1.3 was not agreed to, for reasons that may not be the server's: "
        + "; ".join(reasons[:_SHOWN]),
        decide="make every address reachable from the auditor, or name those to ask in `gateway.resolve`",
        cites=(versions,),
    )


def _stands(versions: TlsVersions) -> str:
    stands = {(t.place.host, t.place.address, t.place.port) for t in versions.trials}
    return f"{len(stands)} of {len(stands)} addresses and ports"
