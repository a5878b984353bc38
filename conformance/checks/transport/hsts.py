"""T3: answers over TLS carry a valid HSTS field. It protects browsers; SDKs keep no HSTS store, and the
verdict says so.
"""

from collections.abc import Iterator
from shlex import quote
from urllib.parse import urlsplit

from conformance.catalogue import check
from conformance.model.declared import Declared
from conformance.model.evidence import Unobserved
from conformance.model.hsts import ONE_YEAR, HstsError, HstsPolicy, parse_hsts
from conformance.model.http3 import Http3
from conformance.model.scale import Level, Severity
from conformance.model.transport import HstsAnswer, HstsAnswers
from conformance.model.verdict import Fail, Inconclusive, Norm, Pass, Verdict

_NEEDED = ("ok", "unauthenticated", "malformed")  # and one of the next
_KEY_MISSING = {401, 403}
_ONE_OF = ("not-found", "wrong-method")
_SHOWN = 5


@check(
    "transport.hsts-on-every-answer",
    claim="T3",
    severity=Severity.MEDIUM,
    level=Level.OUTSIDE,
    fix="set one Strict-Transport-Security field where answers leave, for every status (nginx: `always`)",
)
def hsts_on_every_answer(hsts: HstsAnswers, http3: Http3 | Unobserved) -> Verdict:
    """Every answer over TLS carries exactly one valid HSTS field.

    A browser learns the rule from whichever answer it sees first; if that is an error without the field,
    the next visit may still begin in clear text. SDKs keep no HSTS store: what protects them is that clear
    text serves nothing.
    """
    quic = Http3() if isinstance(http3, Unobserved) else http3
    for answer in (*hsts.answers, *quic.answers):
        flaw = _flaw(answer)
        if flaw:
            return _flawed(hsts, quic, answer, flaw)
    gaps = list(_gaps(hsts))
    if gaps:
        return Inconclusive(
            because="no flaw was seen, but not every class of answer was reached: "
            + "; ".join(gaps[:_SHOWN]),
            decide="give the audit a key that may list models (for `gateway.admin_url`: an admin credential, and a "
            "dialect with a `listing`), and let it reach the server's own errors",
            cites=(hsts,),
        )
    if quic.troubles or (quic.announced and not quic.answers):
        return Inconclusive(
            because=f"no flaw was seen over TCP, but HTTP/3 is announced and was not heard: {'; '.join(quic.troubles)}",
            decide="let the auditor reach the announced port by UDP, and install the extra `http3`",
            cites=(hsts, quic),
        )
    reached = sorted({answer.wanted for answer in hsts.answers if answer.reached})
    unreached = sorted({answer.wanted for answer in hsts.answers} - set(reached))
    text = f"one valid field on each of {hsts.seen()} answers, among them {', '.join(reached)}"
    text += f"; not reached: {', '.join(unreached)}" if unreached else ""
    text += "; browsers ignore it on addresses (RFC 6797, 8.1.1)" if hsts.literal_hosts else ""
    text += f"; {len(quic.answers)} more over HTTP/3" if quic.answers else ""
    return Pass(because=text, cites=(hsts, quic) if quic.answers else (hsts,))


@check(
    "transport.hsts-is-long-enough",
    claim="T3",
    severity=Severity.LOW,
    level=Level.OUTSIDE,
    fix="raise max-age to what is promised; one year (31536000) is the norm",
)
def hsts_is_long_enough(hsts: HstsAnswers, declared: Declared) -> Verdict:
    """HSTS lasts as long as is promised.

    A browser that has not visited for longer than max-age begins in clear text again.
    """
    policies = [(answer, policy) for answer in hsts.answers if (policy := _policy(answer)) is not None]
    if not policies:
        return Inconclusive(
            because="no answer carried a valid HSTS field",
            decide="mend what transport.hsts-on-every-answer found",
            cites=(hsts,),
        )
    answer, shortest = min(policies, key=lambda pair: pair[1].max_age)
    least = declared.promises.hsts_min_age
    norm = _norm([policy for _, policy in policies])
    if shortest.max_age < least:
        return Fail(
            because=f"max-age is {shortest.max_age} s on {answer.request}, and {least} s are promised",
            expected=f"max-age of at least {least}",
            observed=f"max-age={shortest.max_age}",
            cites=(hsts,),
            reproduction=_curl(answer),
            norm=norm,
        )
    return Pass(
        because=f"shortest max-age of {len(policies)} answers: {shortest.max_age} s; promised: {least} s",
        cites=(hsts,),
        norm=norm,
    )


def _flaw(answer: HstsAnswer) -> str:
    """What is wrong with an answer's field; empty where nothing is, and where there was no answer."""
    if answer.status == 0:
        return ""
    if not answer.secure:
        return "the API answers without TLS, where HSTS means nothing (RFC 6797, 7.2)"
    if not answer.fields:
        return "no Strict-Transport-Security field"
    if len(answer.fields) > 1:
        return f"{len(answer.fields)} Strict-Transport-Security fields, where RFC 6797, 7.1 allows one"
    try:
        policy = parse_hsts(answer.fields[0])
    except HstsError as trouble:
        return f"an invalid field, which browsers ignore: {trouble}"
    return "max-age=0 tells browsers to forget the host" if policy.max_age == 0 else ""


def _flawed(hsts: HstsAnswers, quic: Http3, answer: HstsAnswer, flaw: str) -> Fail:
    flawed = {other.wanted: None for other in (*hsts.answers, *quic.answers) if _flaw(other)}
    return Fail(
        because=f"{answer.url} at {answer.address}, {answer.request}: {flaw} (concerned: {', '.join(flawed)})",
        expected="exactly one Strict-Transport-Security field with max-age above 0",
        observed=f"status {answer.status}; {' | '.join(answer.fields) or 'no field'}",
        cites=(hsts, quic) if answer in quic.answers else (hsts,),
        reproduction=_curl(answer),
        norm=(Norm(source="RFC 6797, 7.1", verdict="not met", note=flaw),),
    )


def _gaps(hsts: HstsAnswers) -> Iterator[str]:
    """The classes that a pass needs and that were not reached, per base URL and address."""
    places = dict.fromkeys((answer.url, answer.address) for answer in hsts.answers)
    for url, address in places:
        here = [answer for answer in hsts.answers if (answer.url, answer.address) == (url, address)]
        met = set(_met(here))
        reasons = {answer.wanted: answer.reason for answer in here if answer.reason}
        missing = [wanted for wanted in _NEEDED if wanted not in met]
        missing += [] if met & set(_ONE_OF) else list(_ONE_OF[:1])
        yield from (
            f"{wanted} at {url} ({address}): {reasons.get(wanted, 'not asked')}" for wanted in missing
        )
    yield from (f"{host} has no address" for host in hsts.unresolved)
    if not places:
        yield "nothing was asked"


def _met(here: list[HstsAnswer]) -> Iterator[str]:
    """The classes that were reached at one place."""
    served = any(answer.reached for answer in here if answer.wanted == "ok")
    for answer in here:
        keyless = answer.wanted == "unauthenticated"
        # Another status than those for a missing key says so only beside the same request with a key, which was served.
        if answer.reached and (served or not keyless or answer.status in _KEY_MISSING):
            yield "ok" if answer.wanted == "stream" else answer.wanted
        if answer.wanted == "malformed" and answer.closed:
            yield answer.wanted
        if (
            keyless and 200 <= answer.status < 300
        ):  # it needs no key, and has no answer for one that is missing
            yield answer.wanted


def _policy(answer: HstsAnswer) -> HstsPolicy | None:
    if len(answer.fields) != 1 or not answer.secure:
        return None
    try:
        return parse_hsts(answer.fields[0])
    except HstsError:
        return None


def _norm(policies: list[HstsPolicy]) -> tuple[Norm, ...]:
    rules = (
        ("one year", "max-age of at least 31536000", all(p.max_age >= ONE_YEAR for p in policies)),
        ("subdomains", "includeSubDomains", all(p.include_subdomains for p in policies)),
        (
            "preload",
            "max-age of a year, includeSubDomains and preload",
            all(p.preloadable() for p in policies),
        ),
    )
    return tuple(
        Norm(source=f"hstspreload.org, {name}", verdict="met" if met else "not met", note=note)
        for name, note, met in rules
    )


def _curl(answer: HstsAnswer) -> str:
    """A line that shows the same; requests that need a key are shown with an invented one."""
    parts = urlsplit(answer.url)
    look = "grep -i strict-transport-security"
    if answer.wanted == "malformed":
        place = f"-connect {parts.hostname}:{parts.port or 443} -servername {parts.hostname}"
        return (
            f"printf '{answer.request}\\r\\nHost: x\\r\\n\\r\\n' | openssl s_client -quiet {place} | {look}"
        )
    method, _, path = answer.request.removesuffix(" over HTTP/3").partition(" ")
    more = {
        "bad-request": "-H 'Authorization: Bearer sk-invented' -d '{' ",
        "oversized-header": "-H \"X-Filler: $(head -c 70000 /dev/zero | tr '\\0' x)\" ",
        "too-large": "-H 'Content-Length: 10737418240' -H 'Expect: 100-continue' ",
        "http3": "--http3-only ",
        "preflight": "-H 'Origin: https://example.com' -H 'Access-Control-Request-Method: POST' ",
    }
    url = quote(f"{answer.url.rstrip('/')}{path}")
    return f"curl -si -X {method} {more.get(answer.wanted, '')}{url} | {look}"
