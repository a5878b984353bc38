"""The ways in which a provider fails, by name, and how each changes an answer. Pure.

A request asks for one by a model name that contains `fault-NAME`, or by `[[fault:NAME]]` at the start of
anything a user says (gateways rename models). Errors echo the prompt, as real providers do: error paths leak
where success paths are clean.
"""

import html
import re
from dataclasses import dataclass, replace

from conformance.witness.answers import Answer, Ending, Piece, plain
from conformance.witness.asked import Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderFault:
    """One way to fail. What is not said stays as in a good answer."""

    status: int = 200  # any other: an error that echoes the prompt
    html: bool = False  # the error is a web page, as of a proxy in between
    headers: tuple[tuple[str, str], ...] = ()
    ending: Ending = Ending.WHOLE  # FIN and RST: after about half of the text
    usage: bool = True  # tell what was used (it is billed in any case)
    malformed: bool = False  # JSON that does not parse
    delay: float = 0.0  # seconds before the answer
    pace: float = 0.0  # seconds after each piece


FAULTS: dict[str, ProviderFault] = {
    "error-400": ProviderFault(status=400),
    "error-401": ProviderFault(status=401),
    "error-403": ProviderFault(status=403),
    "error-404": ProviderFault(status=404),
    "error-429": ProviderFault(status=429, headers=(("retry-after", "1"),)),
    "error-500": ProviderFault(status=500),
    "error-503": ProviderFault(status=503),
    "html-500": ProviderFault(status=500, html=True),
    "hang": ProviderFault(ending=Ending.NEVER),
    "cut": ProviderFault(ending=Ending.FIN),
    "reset": ProviderFault(ending=Ending.RST),
    "omit-usage": ProviderFault(usage=False),
    "malformed": ProviderFault(malformed=True),
    "slow": ProviderFault(delay=1.0, pace=0.05),
    "paced": ProviderFault(pace=0.05),
}
NO_FAULT = ProviderFault()

_KNOWN = "|".join(sorted(FAULTS, key=len, reverse=True))
# The last alternative catches misspelt names: they are refused, not answered as if nothing were asked.
_IN_MODEL = re.compile(rf"fault-(slow-\d{{1,6}}|{_KNOWN}|[a-z0-9-]+)")
_IN_PROMPT = re.compile(r"\s*\[\[fault:([^\]\s]{1,40})\]\]")
_SLOW = re.compile(r"slow-(\d{1,6})")

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    500: "server_error",
    503: "overloaded_error",
}


def named(asked: Asked) -> str | None:
    """The name of the fault that a request asks for; the prompt goes before the model."""
    told = (match[1] for text in asked.spoken if (match := _IN_PROMPT.match(text)))
    in_model = _IN_MODEL.search(asked.model or "")
    return next(told, in_model[1] if in_model else None)


def fault(name: str) -> ProviderFault | None:
    """The fault of a name, or None where there is none; `slow-N` waits N milliseconds before the answer."""
    if slow := _SLOW.fullmatch(name):
        return ProviderFault(delay=int(slow[1]) / 1000)
    return FAULTS.get(name)


def error(status: int, message: str, *headers: tuple[str, str]) -> Answer:
    """An error in a shape that both OpenAI's and Anthropic's clients read."""
    kind = _TYPES.get(status, "invalid_request_error")
    told = {"message": message, "type": kind, "param": None, "code": kind}
    return plain(status, {"type": "error", "error": told}, *headers)


def failing(answer: Answer, chosen: ProviderFault, asked: Asked, atom: str) -> Answer:
    """The answer as this fault spoils it; leaving out usage is the composer's part."""
    if chosen.status != 200:
        return _refusal(chosen, " ".join(asked.texts))
    pieces = answer.pieces
    if chosen.malformed:
        pieces = tuple(_broken(piece) for piece in pieces)
    if chosen.ending in {Ending.FIN, Ending.RST}:
        pieces = _half(pieces, at_least=len(atom))
    return replace(answer, pieces=pieces, ending=chosen.ending, delay=chosen.delay, pace=chosen.pace)


def _refusal(chosen: ProviderFault, prompt: str) -> Answer:
    message = f"the provider fails as told; the request was: {prompt}"
    if not chosen.html:
        return error(chosen.status, message, *chosen.headers)
    page = f"<html><body><h1>{chosen.status}</h1><p>{html.escape(message)}</p></body></html>"
    data = page.encode("utf-8", "replace")
    headers = (("content-type", "text/html; charset=utf-8"), ("content-length", str(len(data))))
    return Answer(status=chosen.status, headers=headers, pieces=(Piece(data),))


def _broken(piece: Piece) -> Piece:
    """JSON whose every closing brace became a blank: it keeps its length, and never parses."""
    return replace(piece, data=piece.data.replace(b"}", b" "))


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
