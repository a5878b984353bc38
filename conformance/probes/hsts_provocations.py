"""The requests that provoke every class of answer of an API host, for the observation behind T3."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from conformance.dialects.speak import Look
from conformance.probes import calls
from conformance.probes.raw_http import RawAnswer, request
from conformance.session import Session

_HUGE_HEADER = "x" * 70_000  # beyond the usual 8, 16 and 64 kB
_HUGE_BODY = str(10 * 2**30)  # announced only
_NOWHERE = "/gateproof/no/such/path"
_NO_REQUEST_LINE = "GET / / HTTX/1.1"
_OVERLOADED = {429, 502, 503, 504}  # said whoever asks


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


def provocations(session: Session, url: str, key: str | None, look: Look | None) -> tuple[Provocation, ...]:
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


def _status(lowest: int, highest: int) -> Callable[[RawAnswer], bool]:
    return lambda answer: lowest <= answer.status <= highest


def _refused(answer: RawAnswer) -> bool:
    return 400 <= answer.status < 600 and answer.status not in _OVERLOADED


def _bad_request(answer: RawAnswer) -> bool:
    return answer.status in {400, 415, 422}


def _is_stream(answer: RawAnswer) -> bool:
    return answer.status == 200 and any("event-stream" in value for value in answer.values("content-type"))
