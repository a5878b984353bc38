"""T2: HTTPS is enforced. What a port says in clear text must be worth nothing to a client and to whoever
listens.
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from conformance.catalogue import check
from conformance.checks.transport.clear_words import curl, told
from conformance.model.clear_text import ClearAnswer, ClearPlace, ClearText, Ending
from conformance.model.scale import Level, Severity
from conformance.model.verdict import Fail, Inconclusive, Norm, NotApplicable, Pass, Verdict

_FIX = "serve no API without TLS: close the port, or let it answer with a redirect to https and nothing else"
_LEAST_SYNS = 3
_LEAST_WAIT_MS = 6000
_SHOWN = 5
_DIFFERENT_REQUESTS = 3  # by method, path, and whether they carry a key
_PERMANENT = {301, 308}
_AWAY = {Ending.CONNECT_REFUSED, Ending.CONNECT_TIMEOUT, Ending.UNREACHABLE}
_Found = tuple[ClearPlace, ClearAnswer]


@check(
    "transport.clear-text-serves-nothing",
    claim="T2",
    severity=Severity.CRITICAL,
    level=Level.OUTSIDE,
    fix=_FIX,
)
def clear_text_serves_nothing(clear: ClearText) -> Verdict:
    """Nothing of value is served in clear text.

    An API that also answers without TLS will be used without TLS: one wrong URL in one client sends keys
    and prompts readable through every network between. No browser rule protects an SDK from that.
    """
    for place, answer in _answers(clear):
        value = _of_value(place, answer)
        if value:
            return _served(clear, place, answer, value)
    unclear = _gaps(clear)
    if unclear or not clear.places or clear.seen() == 0:
        return Inconclusive(
            because="not every port gave an answer that says something: " + "; ".join(unclear[:_SHOWN]),
            decide="probe from where every address can be reached, and let each port answer or refuse",
            cites=(clear,),
        )
    answers = sorted({told(answer) for _, answer in _answers(clear)})
    return Pass(
        because=f"{_ports(clear)} ports tried, seen from {clear.vantage or 'here'}: {'; '.join(answers)}",
        cites=(clear,),
    )


@check(
    "transport.clear-text-key-is-not-accepted",
    claim="T2",
    severity=Severity.CRITICAL,
    level=Level.OUTSIDE,
    fix=_FIX,
)
def clear_text_key_is_not_accepted(clear: ClearText) -> Verdict:
    """A key that was sent in clear text opens nothing and does not come back.

    Whoever listens on the way has such a key; a server that accepts it teaches clients that this is fine.
    """
    for place, answer in _answers(clear):
        if answer.key_echoed:
            return _key_trouble(clear, place, answer, "the key came back in the clear-text answer")
        if answer.reached_provider or (_is_api(answer) and 200 <= answer.status < 300 and clear.real_key):
            return _key_trouble(clear, place, answer, "a request with a key sent in clear text was served")
    unclear = _gaps(clear)
    # A redirect serves nobody, whatever the key: every other answer could be another one for a real key, unless it was
    # given before the key was read.
    spoken = [
        str(place)
        for place, answer in _answers(clear)
        if answer.ending is Ending.HTTP
        and not _misread(answer)
        and not (300 <= answer.status < 400 and not _astray(place, answer))
        and not _unread(place)
    ]
    if unclear or not clear.places or clear.seen() == 0:
        return Inconclusive(
            because=f"not every port gave an answer that says something: {'; '.join(unclear[:_SHOWN])}",
            decide="probe from where every address can be reached",
            cites=(clear,),
        )
    if spoken and not clear.real_key:
        return Inconclusive(
            because=f"{spoken[0]} speaks HTTP in clear text; no real key was tried: {clear.key_trouble}",
            decide="declare `credentials.admin` and `dialect`: a key is then made, sent in clear and revoked",
            cites=(clear,),
        )
    how = "a key made for this and revoked" if clear.real_key else _unserved(clear)
    return Pass(because=f"not accepted and not echoed on {_ports(clear)} ports: {how}", cites=(clear,))


@check(
    "transport.clear-text-redirects-stay-home",
    claim="T2",
    severity=Severity.HIGH,
    level=Level.OUTSIDE,
    fix="redirect to https:// on the same host, with 301 or 308",
)
def clear_text_redirects_stay_home(clear: ClearText) -> Verdict:
    """Redirects from clear text lead to https on the same host, and nowhere else.

    A redirect to another host, or on to http, hands the next request and its key to somebody who was not
    asked for.
    """
    redirects = [
        (place, answer)
        for place, answer in _answers(clear)
        if answer.ending is Ending.HTTP and 300 <= answer.status < 400
    ]
    for place, answer in redirects:
        astray = _astray(place, answer)
        if astray:
            return Fail(
                because=f"{place} redirects {astray}",
                expected=f"Location: https://{place.host}/…",
                observed=f"{answer.status} with Location: {answer.location or '(none)'}",
                cites=(clear,),
                reproduction=curl(place, answer),
            )
    if redirects:
        temporary = sorted({answer.status for _, answer in redirects} - _PERMANENT)
        norm = Norm(
            source="RFC 6797, 7.2",
            verdict="not met" if temporary else "met",
            note="the redirect SHOULD be permanent" + (f"; seen: {temporary}" if temporary else ""),
        )
        return Pass(
            because=f"{len(redirects)} redirects, all to https on the same host", cites=(clear,), norm=(norm,)
        )
    if clear.seen() == 0 or any(_unclear(place, clear) for place in clear.places):
        return Inconclusive(
            because="no redirect was seen, but not every port answered",
            decide="probe from where every address can be reached",
            cites=(clear,),
        )
    return NotApplicable(because="no port redirects in clear text", cites=(clear,))


def _answers(clear: ClearText) -> Iterator[_Found]:
    return ((place, answer) for place in clear.places for answer in place.answers)


def _ports(clear: ClearText) -> int:
    """Ports, each counted once: one on which two APIs could answer is tried for each."""
    return len({(place.host, place.address, place.port) for place in clear.places})


def _is_api(answer: ClearAnswer) -> bool:
    return answer.request != "websocket" and not _misread(answer)


def _unread(place: ClearPlace) -> bool:
    """Whether a TLS port complains of clear text without having read the request: with 400 and the same body whatever is
    asked, where the same requests have other answers over TLS.

    RFC 9110, 15.5.1. Not so for 401 and 403: an API may say that, before anything else, to each key it does not know.
    """
    asked = [answer for answer in place.answers if answer.request != "h2c"]
    alike = len({answer.body_sha256 for answer in asked}) == 1 and all(a.status == 400 for a in asked)
    otherwise = all(
        a.secure_status and (a.secure_status, a.secure_sha256) != (400, a.body_sha256) for a in asked
    )
    return place.role == "tls-port" and len(asked) >= _DIFFERENT_REQUESTS and alike and otherwise


def _unserved(clear: ClearText) -> str:
    if any(_unread(place) for place in clear.places):
        return "clear text on a TLS port has one complaint for an answer, whatever is asked; over TLS there are others"
    return "no port serves HTTP in clear text but redirects"


def _misread(answer: ClearAnswer) -> bool:
    """Whether the preface of HTTP/2 was taken for a request of HTTP/1: what is said to `PRI *` serves nobody."""
    return answer.request == "h2c" and answer.ending is Ending.HTTP


def _of_value(place: ClearPlace, answer: ClearAnswer) -> str:
    """What makes a clear-text answer worth something; empty where nothing does."""
    if answer.ending is Ending.HTTP2 and not answer.status:
        return "HTTP/2 is spoken without TLS (h2c)"
    if answer.ending not in {Ending.HTTP, Ending.HTTP2} or _misread(answer):
        return ""
    reasons = {
        "the API is declared there, and answers": place.role == "base-url",
        "a WebSocket is opened without TLS": answer.status == 101,
        f"a request was answered with {answer.status}": 200 <= answer.status < 300,
        "a request reached the provider": answer.reached_provider,
        "a cookie is set in clear text": answer.cookie,
        f"the API itself answers: {answer.status} with the same JSON as over https": _same_as_secure(answer),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _same_as_secure(answer: ClearAnswer) -> bool:
    """The clear-text answer is the API's own: status and members are those of the https answer to the same
    request.
    """
    same = (answer.status, answer.json_shape) == (answer.secure_status, answer.secure_shape)
    return bool(answer.json_shape) and answer.status >= 400 and same


def _gaps(clear: ClearText) -> list[str]:
    """Ports and hosts from which nothing can be concluded, each once, and why."""
    unclear = [f"{place}: {reason}" for place in clear.places if (reason := _unclear(place, clear))]
    return list(dict.fromkeys([*unclear, *(f"{host} has no address" for host in clear.unresolved)]))


def _unclear(place: ClearPlace, clear: ClearText) -> str:
    """Why nothing can be concluded from this port; empty where something can."""
    for answer in place.answers:
        if answer.ending is Ending.CONNECT_REFUSED and not _alive(place, clear):
            return "refused the connection, and so did the TLS port of the same address: nobody is at home"
        if answer.ending is Ending.SILENCE:
            return f"accepted a connection and never answered ({answer.request})"
        if answer.ending is Ending.UNREACHABLE:
            return "cannot be reached from here"
        if answer.ending is Ending.CONNECT_TIMEOUT and not _filtered(place):
            return (
                f"{place.syns} unanswered connection requests in {place.waited_ms} ms; too few, or no control"
            )
        if answer.json_shape and answer.status >= 400 and _is_api(answer) and not answer.secure_status:
            return f"answered {answer.status} in JSON, and there was no https answer to compare it with"
    return "" if place.answers else "was not asked"


def _alive(place: ClearPlace, clear: ClearText) -> bool:
    """Whether a port of the same address that should speak TLS, or is a base URL's, takes connections at all."""
    return any(
        answer.ending not in _AWAY
        for other in clear.places
        for answer in other.answers
        if (other.host, other.address) == (place.host, place.address) and other.role != "clear-port"
    )


def _filtered(place: ClearPlace) -> bool:
    """Unanswered connection requests hold only while a TLS port of the same address answers before and
    after.
    """
    long_enough = place.syns >= _LEAST_SYNS and place.waited_ms >= _LEAST_WAIT_MS
    return long_enough and place.control_before and place.control_after


def _served(clear: ClearText, place: ClearPlace, answer: ClearAnswer, value: str) -> Fail:
    return Fail(
        because=f"{place}: {value} ({answer.request} request in clear text)",
        expected="nothing listening, a redirect to https on the same host, or an error that is not the API's",
        observed=f"{told(answer)}, {answer.body_bytes} bytes of body",
        cites=(clear,),
        reproduction=curl(place, answer),
    )


def _key_trouble(clear: ClearText, place: ClearPlace, answer: ClearAnswer, what: str) -> Fail:
    return Fail(
        because=f"{place}: {what}",
        expected="a key sent in clear text is neither accepted nor repeated",
        observed=f"{told(answer)} to a {answer.request} request",
        cites=(clear,),
        reproduction=curl(place, answer),
    )


def _astray(place: ClearPlace, answer: ClearAnswer) -> str:
    to = urlsplit(answer.location)
    if to.scheme != "https":
        return "to clear text" if to.scheme or answer.location else "without saying where to"
    return "" if (to.hostname or "") == place.host.lower() else f"to another host, {to.hostname}"
