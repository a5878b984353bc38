"""Ways that end before a provider is asked: callers who may not, and requests that are none."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from tests.reference_gateway.everyway import CHAT, ENDPOINTS, Campaign, Endpoint, Outcome
from tests.reference_gateway.leaks.canaries import Say
from tests.reference_gateway.leaks.ways.answered import Way

_BAD_KEY: Final = Outcome(401, "BAD_KEY", asked=False)
#: Which key is shown, and what is said to that.
_KEYS: Final = {
    "revoked": _BAD_KEY,
    "unknown": _BAD_KEY,
    "no-key": _BAD_KEY,
    "poor": Outcome(402, "LIMIT", asked=False),
    "narrow": Outcome(403, "OUT_OF_SCOPE", asked=False),
}
_NOT_JSON: Final = Outcome(400, "NOT_JSON", asked=False)
_MALFORMED: Final = Outcome(400, "MALFORMED", asked=False)
_BAD_VALUE: Final = Outcome(400, "BAD_VALUE", asked=False)
_UNBILLABLE: Final = Outcome(400, "UNBILLABLE_FIELD", asked=False)


def _text(say: Say) -> bytes:
    return f"Dear model, {say('text')}".encode()


#: Bodies that are not what they should be.
BODIES: Final[dict[str, tuple[Callable[[Say], bytes], Outcome]]] = {
    "no JSON at all": (_text, _NOT_JSON),
    "cut JSON": (lambda say: b'{"model": "' + say("model").encode(), _NOT_JSON),
    "half a character": (lambda say: b'{"model": "' + say("model").encode() + b'\xff"}', _NOT_JSON),
    "half a surrogate": (lambda say: f'{{"{say("name")}": "\\ud800"}}'.encode(), _NOT_JSON),
    "a list": (lambda say: json.dumps([say("item")]).encode(), _NOT_JSON),
    "too deep": (lambda say: b'{"a":' * 3000 + say("depth").encode(), _NOT_JSON),
    "a huge number": (lambda say: f'{{"{say("name")}": {"9" * 5000}e9999}}'.encode(), _NOT_JSON),
    "nothing": (lambda _say: b"", _NOT_JSON),
    "an unknown model": (
        lambda say: json.dumps({"model": say("model"), "messages": [say("message")]}).encode(),
        Outcome(404, "UNKNOWN_MODEL", asked=False),
    ),
    "a model that is no text": (lambda say: json.dumps({"model": {say("name"): 1}}).encode(), _BAD_VALUE),
    "too large": (
        lambda say: json.dumps({"model": "well", "prompt": 30_000 * say("prompt")}).encode(),
        Outcome(413, "BODY_TOO_LARGE", asked=False),
    ),
}


def _wrong(endpoint: str, **fields: Any) -> tuple[str, dict[str, Any]]:
    return endpoint, fields


#: A field that is refused, at the endpoint of that name; `?` stands for a canary.
_FIELDS: Final[dict[str, tuple[str, dict[str, Any], Outcome]]] = {
    "an unknown field": ("chat", {"?": "?"}, _UNBILLABLE),
    "a field without a bill": ("chat", {"web_search_options": {"?": "?"}}, _UNBILLABLE),
    "a tier": ("chat", {"service_tier": "?"}, _UNBILLABLE),
    "a count that is none": ("chat", {"max_tokens": "?"}, _BAD_VALUE),
    "a flag that is none": ("completions", {"echo": "?"}, _BAD_VALUE),
    "messages that are none": ("chat", {"messages": ["?"]}, _BAD_VALUE),
    "a part of no known type": (
        "chat",
        {"messages": [{"role": "user", "content": [{"type": "?", "?": "?"}]}]},
        Outcome(400, "UNSUPPORTED_PART", asked=False),
    ),
    "a stored completion": ("chat", {"store": True, "user": "?"}, Outcome(400, "STORED", asked=False)),
    "a prompt that is none": ("completions", {"prompt": {"?": "?"}}, _BAD_VALUE),
    "an earlier response": (
        "responses",
        {"previous_response_id": "?"},
        Outcome(400, "PREVIOUS_RESPONSE", asked=False),
    ),
    "a stored prompt": ("responses", {"prompt": {"id": "?"}}, Outcome(400, "STORED_PROMPT", asked=False)),
    "a response in the background": (
        "responses",
        {"background": True, "user": "?"},
        Outcome(400, "BACKGROUND", asked=False),
    ),
    "an input that is none": ("embeddings", {"input": {"?": "?"}}, _BAD_VALUE),
    "streamed embeddings": ("embeddings", {"stream": True, "user": "?"}, _BAD_VALUE),
    "a system that is none": ("messages", {"system": {"?": "?"}}, _BAD_VALUE),
    "a block of no known type": (
        "messages",
        {"messages": [{"role": "user", "content": [{"type": "?", "?": "?"}]}]},
        Outcome(400, "UNSUPPORTED_PART", asked=False),
    ),
    "a field without translation": ("translated", {"?": "?"}, _UNBILLABLE),
}


_KEYS_PATH: Final = "/api/v1/keys"
#: What is refused on the admin plane, which has no content to see but keeps a log of who called.
_ADMIN: Final[dict[str, tuple[Callable[[Campaign, Say], bytes], Outcome]]] = {
    "an unknown path": (
        lambda c, say: c.raw(say.way, "GET", f"/{say('path')}", key="admin"),
        Outcome(404, "NO_SUCH_ROUTE", asked=False),
    ),
    "an unknown credential": (lambda c, say: c.raw(say.way, "GET", _KEYS_PATH, key="no-key"), _BAD_KEY),
    "a caller's key": (lambda c, say: c.raw(say.way, "GET", _KEYS_PATH, key="limited"), _BAD_KEY),
    "no JSON": (lambda c, say: c.raw(say.way, "POST", _KEYS_PATH, _text(say), key="admin"), _NOT_JSON),
    "an unknown field": (
        lambda c, say: c.raw(
            say.way, "POST", _KEYS_PATH, json.dumps({say("name"): say("value")}).encode(), key="admin"
        ),
        Outcome(400, "UNKNOWN_FIELD", asked=False),
    ),
    "an unknown key": (
        lambda c, say: c.raw(say.way, "GET", f"{_KEYS_PATH}/{say('id')}", key="admin"),
        Outcome(404, "NO_SUCH_KEY", asked=False),
    ),
}


def ways() -> Iterator[Way]:
    """Those that take no longer than they must."""
    for endpoint in ENDPOINTS:
        for key, outcome in _KEYS.items():
            yield f"{endpoint.name}, {key} key", partial(_go, endpoint=endpoint, key=key), outcome
        for name, (body, outcome) in BODIES.items():
            yield f"{endpoint.name}, {name}", partial(_go_raw, path=endpoint.path, body=body), outcome
    named = {endpoint.name: endpoint for endpoint in ENDPOINTS}
    for name, (place, fields, outcome) in _FIELDS.items():
        yield f"{place}, {name}", partial(_go_with, endpoint=named[place], fields=fields), outcome
    yield from _plain_http()
    for name, (request, outcome) in _ADMIN.items():
        yield f"admin, {name}", partial(_go_http, request=request, admin=True), outcome


def slow_ways() -> Iterator[Way]:
    """Bodies and heads that do not arrive."""
    yield "slow body", _slow_body, Outcome(408, "SLOW_BODY", asked=False)
    yield "slow head", _slow_head, Outcome(None, asked=False)


def _plain_http() -> Iterator[Way]:
    """What the grammar of HTTP or the routes refuse, before anybody is asked who calls."""
    say_json = "content-type: application/json\r\n"
    requests: dict[str, tuple[Callable[[Campaign, Say], bytes], Outcome]] = {
        "no HTTP": (lambda _, say: f"{say('line')}\r\n\r\n".encode(), _MALFORMED),
        "a wrong header": (
            lambda _, say: f"GET / HTTP/1.1\r\n{say('name')} {say('value')}\r\n\r\n".encode(),
            _MALFORMED,
        ),
        "two lengths": (
            lambda c, say: c.raw(say.way, "POST", CHAT.path, _text(say), extra="content-length: 3\r\n"),
            _MALFORMED,
        ),
        "an unknown path": (
            lambda c, say: c.raw(say.way, "GET", f"/v1/{say('path')}"),
            Outcome(404, "NO_SUCH_ROUTE", asked=False),
        ),
        "a wrong method": (
            lambda c, say: c.raw(say.way, "PUT", CHAT.path, _text(say)),
            Outcome(405, "WRONG_METHOD", asked=False),
        ),
        "an unknown method": (lambda c, say: c.raw(say.way, say("method"), CHAT.path), _MALFORMED),
        "a form": (
            lambda c, say: c.raw(say.way, "POST", CHAT.path, _text(say)).replace(
                say_json.encode(), b"content-type: multipart/form-data; boundary=x\r\n"
            ),
            Outcome(415, "NOT_JSON_TYPE", asked=False),
        ),
        "a compressed body": (
            lambda c, say: c.raw(say.way, "POST", CHAT.path, _text(say), extra="content-encoding: gzip\r\n"),
            Outcome(415, "ENCODED_BODY", asked=False),
        ),
        "a huge head": (
            lambda c, say: c.raw(say.way, "GET", "/", extra=f"x-long: {2000 * say('header')}\r\n"),
            Outcome(431, "HEAD_TOO_LARGE", asked=False),
        ),
        "models": (lambda c, say: c.raw(say.way, "GET", "/v1/models"), Outcome(200, asked=False)),
        "own key": (lambda c, say: c.raw(say.way, "GET", "/v1/key"), Outcome(200, asked=False)),
        "health": (lambda c, say: c.raw(say.way, "GET", "/health"), Outcome(200, asked=False)),
    }
    for name, (request, outcome) in requests.items():
        yield name, partial(_go_http, request=request), outcome


def _go(campaign: Campaign, way: str, *, endpoint: Endpoint, key: str) -> None:
    campaign.go(way, campaign.request(way, endpoint, key=key))


def _go_raw(campaign: Campaign, way: str, *, path: str, body: Callable[[Say], bytes]) -> None:
    campaign.go(way, campaign.raw(way, "POST", path, body(campaign.canaries.sayer(way))))


def _go_with(campaign: Campaign, way: str, *, endpoint: Endpoint, fields: dict[str, Any]) -> None:
    say = campaign.canaries.sayer(way)
    text = json.dumps(fields).replace('"?"', f'"{say("refused field")}"')
    campaign.go(way, campaign.request(way, endpoint, **json.loads(text)))


def _go_http(
    campaign: Campaign, way: str, *, request: Callable[[Campaign, Say], bytes], admin: bool = False
) -> None:
    campaign.go(way, request(campaign, campaign.canaries.sayer(way)), admin=admin)


def _slow_body(campaign: Campaign, way: str) -> None:
    data = campaign.request(way, CHAT)
    campaign.go(way, data[:-10])


def _slow_head(campaign: Campaign, way: str) -> None:
    data = campaign.request(way, CHAT)
    campaign.go(way, data.partition(b"\r\n\r\n")[0])
