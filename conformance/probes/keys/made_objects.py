"""What calls leave behind that can be asked for later: completions, responses, files and the like, by their public ids."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from conformance.probes import calls
from conformance.probes.door import Answer, Reply
from conformance.session import Session

_LEAST_ID = 6  # characters
_MOST_IDS = 5
_STORED = {"store": True}  # OpenAI's API keeps what a caller asks it to keep
_LINE = '{"custom_id": "gateproof", "method": "POST", "url": "/v1/chat/completions", "body": {}}\n'
_BOUNDARY = "gateproof-boundary"
_AN_ID = re.compile(r"[0-9A-Za-z_.:-]{6,120}")
_IN_A_HEADER = re.compile(r"(?:request|generation|response|call|completion)-?id$", re.IGNORECASE)


class Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where APIs of this kind make, show and list objects; all below the version of the API, which stands first."""

    makes: Mapping[str, Mapping[str, str]]
    looks: tuple[str, ...]
    parts: tuple[str, ...]  # of what a look shows
    lists: tuple[str, ...]


@cache
def known() -> Known:
    """The paths that ship with the suite."""
    return msgspec.json.decode((Path(__file__).parent / "object_paths.json").read_bytes(), type=Known)


def below(session: Session, path: str) -> str:
    """A known path where this target has its API: its chat endpoint says so."""
    chat = session.target.endpoint("chat") or ""
    version = chat.removesuffix("/chat/completions") if chat.endswith("/chat/completions") else "/v1"
    return version + path.removeprefix("/v1")


@dataclass(frozen=True, slots=True)
class Made:
    """What one caller's calls made: the calls that were served, by path, and the ids that were told."""

    paths: tuple[str, ...]
    ids: tuple[str, ...]


async def make(session: Session, key: str) -> Made:
    """Make one of everything with a key. No canary is in it: what is stored on request is stored by right."""
    paths: list[str] = []
    ids: dict[str, int] = {}
    for path, sent in _sendings(session, key):
        reply = await session.door.send("POST", path, **sent)
        if not calls.admitted(reply) and sent.get("money"):
            plain = {name: value for name, value in sent["json"].items() if name not in _STORED}
            reply = await session.door.send("POST", path, **{**sent, "json": plain})
        if calls.admitted(reply):
            paths.append(path)
            ids |= {id_: rank for rank, id_ in _ids(reply) if id_ not in ids}
    return Made(tuple(paths), tuple(sorted(ids, key=lambda id_: ids[id_])[:_MOST_IDS]))


def _sendings(session: Session, key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    auth = session.door.auth(key)
    model, price = calls.model_of(session), session.price()
    for endpoint in session.target.inference:
        if endpoint.kind in {"chat", "responses"}:
            bound = "max_tokens" if endpoint.kind == "chat" else "max_output_tokens"
            asked: dict[str, Any] = {"messages": [{"role": "user", "content": "Say yes."}]}
            asked = asked if endpoint.kind == "chat" else {"input": "Say yes."}
            body = {"model": model, **asked, bound: calls.MAX_TOKENS, **_STORED}
            worst = price.call or price.bill(len(str(body)), calls.MAX_TOKENS)
            yield endpoint.path, {"headers": auth, "json": body, "money": worst}
    yield below(session, "/v1/files"), _file(auth)
    for path, made in known().makes.items():
        yield below(session, path), {"headers": auth, "json": dict(made)}


def _file(auth: Mapping[str, str]) -> dict[str, Any]:
    """A small file for a batch that is never begun (RFC 7578)."""
    parts = {"purpose": "batch", "file": _LINE}
    body = "".join(
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'
        + ('; filename="gateproof.jsonl"\r\nContent-Type: application/jsonl' if name == "file" else "")
        + f"\r\n\r\n{text}\r\n"
        for name, text in parts.items()
    )
    kind = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
    return {"headers": {**auth, **kind}, "content": f"{body}--{_BOUNDARY}--\r\n".encode()}


def _ids(reply: Reply) -> Iterator[tuple[int, str]]:
    """The public ids that an answer tells, with their rank: of its object, of what that belongs to, and those of its headers."""
    if not isinstance(reply, Answer):
        return
    document = reply.json()
    for name, value in document.items() if isinstance(document, dict) else ():
        if isinstance(value, str) and (name == "id" or name.endswith("_id")) and _AN_ID.fullmatch(value):
            yield int(name != "id"), value
    for name, value in reply.headers:
        if _IN_A_HEADER.search(name) and _AN_ID.fullmatch(value):
            yield 2, value


def names(reply: Reply, id_: str) -> bool:
    """Whether an answer holds an id, and not only as part of a longer one."""
    if not isinstance(reply, Answer) or len(id_) < _LEAST_ID:
        return False
    text = reply.body.decode("utf-8", errors="replace")
    return re.search(rf"(?<![0-9A-Za-z]){re.escape(id_)}(?![0-9A-Za-z])", text) is not None
