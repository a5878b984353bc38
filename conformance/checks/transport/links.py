"""T2: what is answered over TLS does not lead back to clear text."""

from shlex import quote
from urllib.parse import urlsplit

from conformance.catalogue import check
from conformance.model.links import LinkedAnswer, Links
from conformance.model.scale import Level, Severity
from conformance.model.verdict import Fail, Inconclusive, Norm, Pass, Verdict

_SHOWN = 5


@check(
    "transport.answers-lead-to-https-only",
    claim="T2",
    severity=Severity.HIGH,
    level=Level.OUTSIDE,
    fix="build redirects and links with https: let the application know the scheme that clients use (X-Forwarded-Proto)",
)
def answers_lead_to_https_only(links: Links) -> Verdict:
    """Redirects and links in answers over TLS lead to https only.

    A client that follows one to http sends its key and its prompt in clear text, though it began with https; and a client
    that is generated from an API description goes where that says.
    """
    for answer in links.answers:
        if urlsplit(answer.location).scheme in {"http", "ws"}:
            return _leads(links, answer, f"redirects to clear text with {answer.status}", answer.location)
        if answer.clear:
            return _leads(links, answer, "links to the gateway without TLS", ", ".join(answer.clear))
    silent = [a for a in links.answers if not a.status]
    if silent or links.unresolved or not links.seen():
        reasons = [f"{a.url}{a.path} at {a.address}: {a.trouble}" for a in silent]
        reasons += [f"{host} has no address" for host in links.unresolved]
        return Inconclusive(
            because="no link to clear text was seen, but not every answer: " + "; ".join(reasons[:_SHOWN]),
            decide="make every address reachable from the auditor",
            cites=(links,),
        )
    redirects = sum(bool(answer.location) for answer in links.answers)
    count = sum(answer.links for answer in links.answers)
    return Pass(
        because=f"{links.seen()} answers with {redirects} redirects and {count} absolute links, none to clear text",
        cites=(links,),
        norm=_http3(links),
    )


def _leads(links: Links, answer: LinkedAnswer, what: str, where: str) -> Fail:
    path = quote(f"{answer.url.rstrip('/')}{answer.path}")
    return Fail(
        because=f"{answer.url.rstrip('/')}{answer.path} at {answer.address} {what}: {where}",
        expected="https:// in every redirect and every link to the gateway",
        observed=f"status {answer.status}: {where}",
        cites=(links,),
        reproduction=f"curl -si {path} | grep -iE '^location:|(http|ws)://'",
        norm=_http3(links),
    )


def _http3(links: Links) -> tuple[Norm, ...]:
    """QUIC is TLS 1.3 by definition; that it is there is worth knowing."""
    told = ", ".join(links.http3())
    return (
        (Norm(source="RFC 9001, 4.2", verdict="note", note=f"HTTP/3 is announced: {told}"),) if told else ()
    )
