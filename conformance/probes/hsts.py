"""Which answers of the API hosts carry Strict-Transport-Security: the observation behind T3.

A header that is set in the application is missing where the server answers by itself, and the other way
round. So answers of every class are provoked, at every address, and each must really have been reached.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import msgspec

from conformance.catalogue import Cost, Phase, observes
from conformance.dialects.speak import Look
from conformance.model.evidence import CannotObserve
from conformance.model.money import from_usd
from conformance.model.scale import Disruption, Fault, Level
from conformance.model.transport import HstsAnswer, HstsAnswers
from conformance.probes import calls
from conformance.probes.raw_http import RawAnswer, Spoken, read_answer, request, speak_in_turn, speak_tls
from conformance.probes.throw_away import throw_away_key
from conformance.probes.tls.census import addresses, is_literal, known_addresses
from conformance.probes.tls.tcp import exchange
from conformance.session import Session
from conformance.target import Target

_LIMIT = from_usd("0.05")
_FIELD = "strict-transport-security"
_HUGE_HEADER = "x" * 70_000  # beyond the usual 8, 16 and 64 kB
_HUGE_BODY = str(10 * 2**30)  # announced only
_NOWHERE = "/gateproof/no/such/path"
_NO_REQUEST_LINE = "GET / / HTTX/1.1"
_PROVOKED = 13
_OVERLOADED = {429, 502, 503, 504}  # said whoever asks
_ORDERLY = frozenset(
    {"ok", "unauthenticated", "not-found", "wrong-method", "bad-request", "preflight", "root"}
)
_TRIES = 2  # a lost answer is asked for again


@dataclass(frozen=True, slots=True)
class Provocation:
    """A request, and the class of answer that it is made to provoke. `what` is its method and target, for
    readers.
    """

    wanted: str
    what: str
    sent: bytes = field(repr=False)  # it may hold a credential
    is_reached: Callable[[RawAnswer], bool]
    head_only: bool = False
    money: int = 0


def _cost(target: Target, sample: int) -> Cost:
    places = known_addresses(target, (urlsplit(url).hostname or "" for url in target.urls()))
    return Cost(requests=_TRIES * _PROVOKED * places + 2, seconds=5.0)


@observes(phase=Phase.OUTSIDE, level=Level.OUTSIDE, disruption=Disruption.STATE_CHANGING, cost=_cost)
async def hsts_answers(session: Session) -> HstsAnswers:
    """HSTS on every class of answer that can be provoked."""
    hosts = {url: urlsplit(url).hostname or "" for url in session.target.urls()}
    found = {host: await addresses(session.target, host) for host in dict.fromkeys(hosts.values())}
    places = [(url, address) for url, host in hosts.items() for address in found[host]]
    if not places:
        raise CannotObserve(
            "no host of the target has an address",
            fault=Fault.OPERATOR,
            decide="correct the hosts under `gateway`, or name the addresses in `gateway.resolve`",
        )
    async with throw_away_key(session, "hsts", _LIMIT) as made:
        key = made.secret if made.real else session.own_key
        look = session.key_api.look(made.key) if session.key_api and session.target.key_api_apart() else None
        asked = [
            _look_at(session, url, address, _provocations(session, url, key, look)) for url, address in places
        ]
        answers = await asyncio.gather(*asked)
    return HstsAnswers(
        answers=tuple(answer for some in answers for answer in some),
        literal_hosts=tuple(url for url, host in hosts.items() if is_literal(host)),
        unresolved=tuple(host for host in found if not found[host]),
    )


def _provocations(session: Session, url: str, key: str | None, look: Look | None) -> tuple[Provocation, ...]:
    if url not in session.target.content_urls():
        return key_api_provocations(url, look)
    return (*content_provocations(session, url, key), *_served(session, url, key))


def content_provocations(session: Session, url: str, key: str | None) -> tuple[Provocation, ...]:
    """The requests for one base URL of the content API. Without a key those that need one still go out, and
    say what they reached.
    """
    models = session.target.endpoint("models") or "/"
    chat = session.target.endpoint("chat") or "/v1/chat/completions"
    auth = session.door.auth(key) if key else {}
    return (
        Provocation("ok", f"GET {models}", request("GET", url, models, auth), _status(200, 299)),
        *_without_a_key(session, url, chat),
        Provocation("not-found", f"GET {_NOWHERE}", request("GET", url, _NOWHERE, auth), _status(404, 404)),
        Provocation(
            "wrong-method", f"PUT {models}", request("PUT", url, models, auth, b"{}"), _status(404, 405)
        ),
        Provocation(
            "bad-request", f"POST {chat}", request("POST", url, chat, auth, b'{"model":'), _bad_request
        ),
        *_of_any_server(url, models, chat, auth),
    )


def _without_a_key(session: Session, url: str, chat: str) -> Iterator[Provocation]:
    """What a caller without a key is told. A call that lacks nothing else shows whether one is needed at all; and where models
    are listed for a key, whatever else is said without one is the refusal, in whichever words.
    """
    body, money = b"{}", 0
    if session.sees_provider():
        asked = calls.chat(session, None, "hsts-keyless")
        body, money = msgspec.json.encode(asked.body), calls.worst_case(session, asked)
    sent = request("POST", url, chat, {}, body)
    yield Provocation("unauthenticated", f"POST {chat}", sent, _status(401, 403), money=money)
    if (models := session.target.endpoint("models")) is not None:
        sent = request("GET", url, models, {})
        yield Provocation("unauthenticated", f"GET {models}", sent, _refused)


def key_api_provocations(url: str, look: Look | None) -> tuple[Provocation, ...]:
    """The requests for the key API where it is apart. The admin credential goes with what changes nothing, and with
    nothing else: what a server makes of an odd request with such power is not ours to find out.
    """
    if look is None:
        return _of_any_server(url, "/", "/", {})
    unknown = request("GET", url, _NOWHERE, look.admitted)
    return (
        Provocation(
            "ok", f"GET {look.path}", request("GET", url, look.path, look.admitted), _status(200, 299)
        ),
        Provocation(
            "unauthenticated",
            f"GET {look.path}",
            request("GET", url, look.path, look.headers),
            _status(401, 403),
        ),
        Provocation("not-found", f"GET {_NOWHERE}", unknown, _status(404, 404)),
        Provocation(
            "wrong-method",
            f"PUT {look.path}",
            request("PUT", url, look.path, look.headers, b"{}"),
            _status(404, 405),
        ),
        *_of_any_server(url, look.path, look.path, look.headers),
    )


def _of_any_server(url: str, read: str, written: str, auth: Mapping[str, str]) -> tuple[Provocation, ...]:
    """What a server says whatever it serves; `read` and `written` are paths for GET and POST."""
    announced = {
        **auth,
        "Content-Length": _HUGE_BODY,
        "Expect": "100-continue",
        "Content-Type": "application/json",
    }
    preflight = {"Origin": "https://example.com", "Access-Control-Request-Method": "POST"}
    return (
        Provocation(
            "malformed",
            _NO_REQUEST_LINE,
            f"{_NO_REQUEST_LINE}\r\nHost: x\r\n\r\n".encode(),
            _status(400, 505),
        ),
        Provocation(
            "oversized-header",
            f"GET {read}",
            request("GET", url, read, {"X-Filler": _HUGE_HEADER}),
            _status(400, 499),
        ),
        Provocation(
            "too-large",
            f"POST {written}",
            request("POST", url, written, announced),
            _status(413, 417),
            head_only=True,
        ),
        Provocation(
            "preflight", f"OPTIONS {written}", request("OPTIONS", url, written, preflight), _status(200, 599)
        ),
        Provocation("root", "GET /", request("GET", url, "/"), _status(200, 599)),
    )


def _served(session: Session, url: str, key: str | None) -> tuple[Provocation, ...]:
    """A stream and a provider's error: only with a key, and only where the provider is the witness."""
    if not session.sees_provider() or key is None:
        return ()
    stream = calls.chat(session, key, "hsts-stream", stream=True)
    fault = calls.chat(session, key, "hsts-fault", fault="error-400")
    return tuple(
        Provocation(
            wanted,
            what,
            request("POST", url, asked.path, asked.headers, msgspec.json.encode(asked.body)),
            reached,
            head_only=wanted == "stream",
            money=calls.worst_case(session, asked),
        )
        for wanted, what, asked, reached in (
            ("stream", f"POST {stream.path}", stream, _is_stream),
            ("provider-error", f"POST {fault.path}", fault, _status(500, 599)),
        )
    )


async def _look_at(
    session: Session, url: str, address: str, provocations: tuple[Provocation, ...]
) -> tuple[HstsAnswer, ...]:
    """All classes at one place: what any client may ask in turn, the rest each on a connection of its own."""
    orderly = [p for p in provocations if p.wanted in _ORDERLY and urlsplit(url).scheme == "https"]
    others = [p for p in provocations if p not in orderly]
    in_turn, *alone = await asyncio.gather(
        _in_turn(session, url, address, orderly), *(_ask(session, url, address, p) for p in others)
    )
    return (*in_turn, *(answer for some in alone for answer in some))


async def _in_turn(
    session: Session, url: str, address: str, provocations: list[Provocation]
) -> tuple[HstsAnswer, ...]:
    parts = urlsplit(url)
    async with session.meter.connections:
        await session.meter.admit(requests=len(provocations))
        spoken = await speak_in_turn(
            address,
            parts.port or 443,
            host=parts.hostname or "",
            trust=session.trust,
            requests=[provocation.sent for provocation in provocations],
            wait=session.target.limits.timeout,
        )
    lost = [p for p, told in zip(provocations, spoken, strict=True) if told.answer is None]
    again = await asyncio.gather(*(_ask(session, url, address, p) for p in lost))
    answered = [
        _described(url, address, p, told)
        for p, told in zip(provocations, spoken, strict=True)
        if told.answer is not None
    ]
    return (*answered, *(answer for some in again for answer in some))


async def _ask(session: Session, url: str, address: str, provocation: Provocation) -> tuple[HstsAnswer, ...]:
    spoken = await _spoken(session, url, address, provocation)
    for _ in range(_TRIES - 1):
        if spoken.answer is not None:
            break
        spoken = await _spoken(session, url, address, provocation)
    return (_described(url, address, provocation, spoken),)


def _described(url: str, address: str, provocation: Provocation, spoken: Spoken) -> HstsAnswer:
    secure = urlsplit(url).scheme == "https"
    answer = spoken.answer
    reached = answer is not None and provocation.is_reached(answer)
    return HstsAnswer(
        url=url,
        address=address,
        wanted=provocation.wanted,
        request=provocation.what,
        reached=reached,
        closed=spoken.closed,
        status=answer.status if answer else 0,
        fields=tuple(value[:1000] for value in answer.values(_FIELD)) if answer else (),
        reason="" if reached else (f"answered {answer.status}" if answer else spoken.trouble),
        secure=secure,
    )


async def _spoken(session: Session, url: str, address: str, provocation: Provocation) -> Spoken:
    parts = urlsplit(url)
    async with session.meter.connections:
        await session.meter.admit(money=provocation.money)
        if parts.scheme != "https":
            return await _clear(session, address, parts.port or 80)
        return await speak_tls(
            address,
            parts.port or 443,
            host=parts.hostname or "",
            trust=session.trust,
            sent=provocation.sent,
            wait=session.target.limits.timeout,
            head_only=provocation.head_only,
        )


async def _clear(session: Session, address: str, port: int) -> Spoken:
    """A base URL without TLS is asked for its root only, and never with a key."""
    got = await exchange(
        address,
        port,
        request("GET", f"http://{address}", "/"),
        patience=session.target.limits.timeout,
        enough=lambda data: read_answer(data) is not None,
    )
    answer = read_answer(got.received)
    return Spoken(answer, trouble="" if answer else "no answer in clear text")


def _status(lowest: int, highest: int) -> Callable[[RawAnswer], bool]:
    return lambda answer: lowest <= answer.status <= highest


def _refused(answer: RawAnswer) -> bool:
    return 400 <= answer.status < 600 and answer.status not in _OVERLOADED


def _bad_request(answer: RawAnswer) -> bool:
    return answer.status in {400, 415, 422}


def _is_stream(answer: RawAnswer) -> bool:
    return answer.status == 200 and any("event-stream" in value for value in answer.values("content-type"))
