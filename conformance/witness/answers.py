"""Answers of a provider as values: a head, pieces of body, and how it ends. Pure; the server writes them out.

The completion. A choice has as many tokens as the request allows, 16 where it says nothing, 16,384 at most.
Its text has one byte per token, except that it is never shorter than the atom, so that every completion is
traceable; the tokens of a shorter completion are then longer than a byte, as a tokenizer's may be. So tokens
never exceed bytes of text, and choices times `max_tokens` bounds what is billed; where the best of more
completions are told, all of them are billed. All choices have the same text: the atom, then plain words. A tool's
arguments and a refusal are such a text too. What is said besides (reasoning, alternatives to tokens, errors, headers) costs
nothing.

The prompt. One token for four bytes of its text in UTF-8, rounded up, at least 1, and one for each token
given as a number: never more than one per byte of the request's body.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from typing import Any

from conformance.witness.asked import Asked
from conformance.witness.ledger import NOTHING, Usage

MOST_TOKENS = 16_384
DEFAULT_TOKENS = 16
CREATED = 1_700_000_000
_PIECE = 8  # characters of text in one delta
_BATCH = 32  # pieces in one write
_WORDS = " plain words that nobody asked for, said by a provider that only counts;"

_JSON = ("content-type", "application/json")
_EVENTS = ("content-type", "text/event-stream; charset=utf-8")


class Ending(Enum):
    """How an answer ends."""

    WHOLE = "whole"
    FIN = "fin"  # the connection is closed before the body is complete
    RST = "rst"  # likewise, by a TCP reset
    NEVER = "never"  # there is no answer at all


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a body, and the completion text in it."""

    data: bytes
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the witness sends, when and how it ends, and what was generated for it."""

    status: int
    headers: tuple[tuple[str, str], ...]
    pieces: tuple[Piece, ...]
    usage: Usage = NOTHING
    ending: Ending = Ending.WHOLE
    delay: float = 0.0  # seconds before the head
    pace: float = 0.0  # seconds after each piece
    marked: int = 0  # characters of text up to the end of its canary
    canaries: Mapping[str, str] = field(default_factory=dict, repr=False)  # in the answer, by field


def batches(answer: Answer) -> Iterator[list[Piece]]:
    """The pieces by write: one by one where the answer has a pace."""
    size = 1 if answer.pace else _BATCH
    pieces = iter(answer.pieces)
    while batch := list(islice(pieces, size)):
        yield batch


def elsewhere(location: str) -> Answer:
    """A redirect that keeps method and body (RFC 9110, 15.4.8)."""
    return Answer(status=307, headers=(("location", location), ("content-length", "0")), pieces=())


def plain(
    status: int, body: Any, *headers: tuple[str, str], usage: Usage = NOTHING, text: str = ""
) -> Answer:
    """A JSON answer with a content-length. `text` is the completion text in it, once per choice."""
    data = json.dumps(body).encode()
    length = ("content-length", str(len(data)))
    return Answer(status=status, headers=(_JSON, length, *headers), pieces=_cut_at(data, text), usage=usage)


def stream(events: Iterator[Piece], usage: Usage) -> Answer:
    """Server-sent events, chunked."""
    headers = (_EVENTS, ("cache-control", "no-cache"))
    return Answer(status=200, headers=headers, pieces=tuple(events), usage=usage)


DONE = Piece(b"data: [DONE]\n\n")  # ends the streams of chats and completions


def event(body: Any, text: str = "") -> Piece:
    """One server-sent event that holds this JSON and this completion text."""
    return Piece(b"data: " + json.dumps(body).encode() + b"\n\n", text)


def typed_event(kind: str, body: Mapping[str, Any], text: str = "") -> Piece:
    """The same with its type, in the event and in the JSON."""
    piece = event({"type": kind, **body}, text)
    return Piece(b"event: " + kind.encode() + b"\n" + piece.data, text)


def shreds(text: str) -> Iterator[str]:
    """The text in pieces of a few characters, as a model's tokens would come."""
    return (text[at : at + _PIECE] for at in range(0, len(text), _PIECE))


def completion(asked: Asked, atom: str, *, hidden: bool = False) -> tuple[str, int]:
    """Text and tokens of one choice, by the rule above; of hidden tokens nothing is seen in the text."""
    tokens = min(asked.max_tokens or DEFAULT_TOKENS, MOST_TOKENS)
    length = len(atom) if hidden else max(tokens, len(atom))
    return (atom + _WORDS * (length // len(_WORDS) + 1))[:length], tokens


def usage_of(asked: Asked, tokens: int) -> Usage:
    """What the request costs in tokens, by the rule above; `tokens` of one choice."""
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in asked.texts)
    made = max(asked.choices, asked.drafts)
    return Usage(prompt=max(1, -(-size // 4) + asked.token_ids), completion=made * tokens)


def _cut_at(data: bytes, text: str) -> tuple[Piece, ...]:
    """A body in pieces, so that it is known how much of the text has been sent when it is cut."""
    if not text:
        return (Piece(data),)
    first, *others = data.split(_escaped(text))
    pieces = [Piece(first)]
    for other in others:
        pieces.extend(Piece(_escaped(shred), shred) for shred in shreds(text))
        pieces.append(Piece(other))
    return tuple(pieces)


def _escaped(text: str) -> bytes:
    return json.dumps(text)[1:-1].encode()
