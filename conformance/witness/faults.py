"""The ways in which a provider fails, by name, and how each changes an answer. Pure.

A request asks for one by a model name that contains `fault-NAME`, or by `[[fault:NAME]]` at the start of
anything a user says (gateways rename models). Errors echo the prompt, as real providers do, and carry a canary of
their own: error paths leak where success paths are clean.
"""

import html
import re
from dataclasses import dataclass, replace
from typing import Literal

from conformance.witness.answers import Answer, Ending, Piece, event, plain, typed_event
from conformance.witness.asked import Asked
from conformance.witness.classes import Classes


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderFault:
    """One way to fail. What is not said stays as in a good answer."""

    status: int = 200  # any other: an error that echoes the prompt
    written: Literal["json", "html", "text"] = (
        "json"  # the error; a web page or a line comes from a proxy in between
    )
    once: bool = False  # the error goes to the first call only in which users say the same
    headers: tuple[tuple[str, str], ...] = ()
    ending: Ending = Ending.WHOLE  # FIN and RST: after about half of the text
    usage: bool = True  # tell what was used (it is billed in any case)
    malformed: bool = False  # JSON that does not parse
    malformed_event: bool = False  # the same, in a stream for the event in the middle alone
    stream_error: bool = False  # an error that echoes the prompt ends a stream after half of the text
    refuses: bool = False  # the model declines to answer, in as many words
    delay: float = 0.0  # seconds before the answer
    pace: float = 0.0  # seconds after each piece
    told_tokens: Literal["true", "negative", "one"] = "true"  # what usage says; the bill stays
    generates: int = (
        0  # tokens of each choice where the request bounds them by no positive integer; 0: the default
    )
    classes: Classes = "plain"  # into which usage divides its tokens
    padding: int = 0  # bytes in each event that say nothing, as some providers add them


FAULTS: dict[str, ProviderFault] = {
    "error-400": ProviderFault(status=400),
    "error-401": ProviderFault(status=401),
    "error-403": ProviderFault(status=403),
    "error-404": ProviderFault(status=404),
    "error-429": ProviderFault(status=429, headers=(("retry-after", "1"),)),
    "error-500": ProviderFault(status=500),
    "error-503": ProviderFault(status=503),
    "error-413": ProviderFault(status=413),
    "error-422": ProviderFault(status=422),
    "error-502": ProviderFault(status=502),
    "error-504": ProviderFault(status=504),
    "html-500": ProviderFault(status=500, written="html"),
    "text-502": ProviderFault(status=502, written="text"),
    "once-429": ProviderFault(status=429, headers=(("retry-after", "1"),), once=True),
    "once-500": ProviderFault(status=500, once=True),
    "stream-error": ProviderFault(stream_error=True),
    "refusal": ProviderFault(refuses=True),
    "hang": ProviderFault(ending=Ending.NEVER),
    "cut": ProviderFault(ending=Ending.FIN),
    "reset": ProviderFault(ending=Ending.RST),
    "omit-usage": ProviderFault(usage=False),
    "negative-usage": ProviderFault(told_tokens="negative"),
    "lying-usage": ProviderFault(told_tokens="one"),
    "reasoning-usage": ProviderFault(classes="reasoning"),
    "audio-usage": ProviderFault(classes="audio"),
    "cached-usage": ProviderFault(classes="cached"),
    "malformed": ProviderFault(malformed=True),
    "malformed-event": ProviderFault(malformed_event=True),
    "slow": ProviderFault(delay=1.0, pace=0.05),
    "paced": ProviderFault(pace=0.05),
}
NO_FAULT = ProviderFault()

_KNOWN = "|".join(sorted(FAULTS, key=len, reverse=True))
# The last alternative catches misspelt names: they are refused, not answered as if nothing were asked.
_IN_MODEL = re.compile(rf"fault-((?:slow|paced|verbose|padded)-\d{{1,6}}|{_KNOWN}|[a-z0-9-]+)")
_IN_PROMPT = re.compile(r"\s*\[\[fault:([^\]\s]{1,40})\]\]")
_NUMBERED = re.compile(r"(slow|paced|verbose|padded)-(\d{1,6})")
_TOLD_TOKENS = re.compile(rb'(_tokens":) (\d+)')

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    413: "request_too_large",
    500: "server_error",
    502: "server_error",
    503: "overloaded_error",
    504: "timeout_error",
}


def named(asked: Asked) -> str | None:
    """The name of the fault that a request asks for; the prompt goes before the model."""
    told = (match[1] for text in asked.spoken if (match := _IN_PROMPT.match(text)))
    in_model = _IN_MODEL.search(asked.model or "")
    return next(told, in_model[1] if in_model else None)


def fault(name: str) -> ProviderFault | None:
    """The fault of a name, or None where there is none.

    `slow-N` waits N milliseconds before the answer, `paced-N` after each piece of it; `verbose-N` generates N tokens where the
    request does not say how many, as a provider may; `padded-N` adds N bytes to each event of a stream.
    """
    numbered = _NUMBERED.fullmatch(name)
    if numbered is None:
        return FAULTS.get(name)
    amount = int(numbered[2])
    if numbered[1] == "verbose":
        return ProviderFault(generates=amount)
    if numbered[1] == "padded":
        return ProviderFault(padding=amount)
    return ProviderFault(delay=amount / 1000) if numbered[1] == "slow" else ProviderFault(pace=amount / 1000)


def talkative(asked: Asked, chosen: ProviderFault) -> Asked:
    """The request as this fault reads it."""
    return replace(asked, max_tokens=asked.max_tokens or chosen.generates or None)


def error(status: int, message: str, *headers: tuple[str, str]) -> Answer:
    """An error in a shape that both OpenAI's and Anthropic's clients read."""
    return plain(status, {"type": "error", "error": _told_error(status, message)}, *headers)


def _told_error(status: int, message: str) -> dict[str, str | None]:
    kind = _TYPES.get(status, "invalid_request_error")
    return {"message": message, "type": kind, "param": None, "code": kind}


def fails(asked: Asked, chosen: ProviderFault, *, again: bool) -> bool:
    """Whether the request is refused instead of answered; `again`: users said the same in an earlier call."""
    if chosen.stream_error:
        return not asked.stream
    return chosen.status != 200 and not (chosen.once and again)


def refusal(asked: Asked, chosen: ProviderFault, atom: str) -> Answer:
    """The error, with the prompt and with a canary of its own in it."""
    status = 500 if chosen.status == 200 else chosen.status
    message = _message(asked, atom)
    if chosen.written == "json":
        return error(status, message, *chosen.headers)
    page = f"<html><body><h1>{status}</h1><p>{html.escape(message)}</p></body></html>"
    kind, text = ("text/html", page) if chosen.written == "html" else ("text/plain", message)
    data = text.encode("utf-8", "replace")
    headers = (("content-type", f"{kind}; charset=utf-8"), ("content-length", str(len(data))))
    return Answer(status=status, headers=(*headers, *chosen.headers), pieces=(Piece(data),))


def _message(asked: Asked, atom: str) -> str:
    return f"the provider fails as told ({atom}); the request was: {' '.join(asked.texts)}"


def broken_off(answer: Answer, asked: Asked, atom: str) -> Answer:
    """A stream that ends in an error after half of its text."""
    told = _told_error(500, _message(asked, atom))
    if asked.endpoint == "messages":
        last = typed_event("error", {"error": told})
    elif asked.endpoint == "responses":
        last = typed_event("error", {"code": told["code"], "message": told["message"], "param": None})
    else:
        last = event({"error": told})
    return replace(answer, pieces=(*_half(answer.pieces, answer.marked), last))


def failing(answer: Answer, chosen: ProviderFault, *, stream: bool) -> Answer:
    """The answer as this fault spoils it; leaving out usage is the composer's part."""
    pieces = answer.pieces
    if chosen.malformed or (chosen.malformed_event and not stream):
        pieces = tuple(_broken(piece) for piece in pieces)
    elif chosen.malformed_event:
        middle = len(pieces) // 2
        pieces = (*pieces[:middle], _broken(pieces[middle]), *pieces[middle + 1 :])
    if chosen.padding and stream:
        pieces = tuple(_padded(piece, chosen.padding) for piece in pieces)
    if chosen.told_tokens != "true":
        pieces = tuple(_told(piece, negative=chosen.told_tokens == "negative") for piece in pieces)
    if chosen.ending in {Ending.FIN, Ending.RST}:
        pieces = _half(pieces, at_least=answer.marked)
    return replace(answer, pieces=pieces, ending=chosen.ending, delay=chosen.delay, pace=chosen.pace)


def _broken(piece: Piece) -> Piece:
    """JSON whose every closing brace became a blank: it keeps its length, and never parses."""
    return replace(piece, data=piece.data.replace(b"}", b" "))


def _padded(piece: Piece, size: int) -> Piece:
    """The event with a member that says nothing, as OpenAI's API calls it."""
    if not piece.data.endswith(b"}\n\n"):
        return piece
    return replace(piece, data=piece.data[:-3] + b', "obfuscation": "' + b"." * size + b'"}\n\n')


def _told(piece: Piece, *, negative: bool) -> Piece:
    """Other numbers of tokens in the same length: below zero, or one."""

    def instead(match: re.Match[bytes]) -> bytes:
        return match[1] + (b"-" + match[2] if negative else b"1".rjust(len(match[2]) + 1))

    return replace(piece, data=_TOLD_TOKENS.sub(instead, piece.data))


def _half(pieces: tuple[Piece, ...], at_least: int) -> tuple[Piece, ...]:
    """The pieces up to half of the text, never within the atom; half of the bytes where there is no text."""
    total = sum(len(piece.text) for piece in pieces)
    if not total:
        data = b"".join(piece.data for piece in pieces)
        return (Piece(data[: len(data) // 2]),)
    sent = 0
    for count, piece in enumerate(pieces, start=1):
        sent += len(piece.text)
        if sent >= max(total // 2, at_least):
            return pieces[:count]
    return pieces
