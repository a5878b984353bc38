"""A small gateway that passes calls on to a witness, and does with them whatever a test wants."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import h11
import httpx

from conformance.witness.server import Witness
from tests.probes.servers import listening

_READ = 65536
Body = dict[str, Any]
Change = Callable[[Body], Body | None]
Rule = Callable[["Called"], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Called:
    """A call as it came to the gateway. Header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    peer: str

    @property
    def key(self) -> str:
        """Who calls."""
        return self.headers.get("authorization", "")


@dataclass(slots=True, kw_only=True)
class Passing:
    """What the gateway does beside passing on: by default nothing.

    `changed` makes what is sent of a body, None: refuse it; `path` says where it is sent; `rule` adds headers for the
    provider; `place` says under what an answer is kept, None: not at all; `returned` makes what the caller gets of an
    answer; `heard` is told of every call.
    """

    changed: Change = lambda body: body
    rule: Rule = lambda called: {}
    place: Callable[[Called], object] = lambda called: None
    path: Callable[[str], str] = lambda path: path
    returned: Callable[[bytes], bytes] = lambda answer: answer
    heard: Callable[[Called], Awaitable[None] | None] = lambda called: None
    kept: dict[object, tuple[int, str, bytes]] = field(default_factory=dict)

    async def answer(self, called: Called, client: httpx.AsyncClient) -> tuple[int, str, bytes]:
        """Status, content type and body."""
        if not called.key:
            return 401, "application/json", b"{}"
        place = self.place(called)
        if place is not None and place in self.kept:
            return self.kept[place]
        body = self.changed(json.loads(called.body))
        if body is None:
            return 400, "application/json", b"{}"
        headers = {"authorization": "Bearer provider", **self.rule(called)}
        path = called.path.removeprefix("/v1")
        reply = await client.post(self.path(path), json=body, headers=headers)
        kind = reply.headers.get("content-type", "")
        told = reply.status_code, kind, self.returned(reply.content)
        if place is not None:
            self.kept[place] = told
        return told


@asynccontextmanager
async def passing(witness: Witness, trust: ssl.SSLContext, does: Passing) -> AsyncIterator[int]:
    """The port of a gateway in clear text before a witness."""
    async with (
        httpx.AsyncClient(base_url=witness.url, verify=trust, trust_env=False, timeout=5) as client,
        listening(partial(_converse, does=does, client=client)) as port,
    ):
        yield port


async def _converse(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, does: Passing, client: httpx.AsyncClient
) -> None:
    http = h11.Connection(h11.SERVER)
    while (called := await _received(http, reader, writer)) is not None:
        hearing = does.heard(called)
        if hearing is not None:
            await hearing
        status, kind, body = await does.answer(called, client)
        headers = [("content-type", kind), ("content-length", str(len(body)))]
        for event in (
            h11.Response(status_code=status, headers=headers),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            writer.write(http.send(event) or b"")
        await writer.drain()
        http.start_next_cycle()


async def _received(
    http: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Called | None:
    request: h11.Request | None = None
    body = b""
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(await reader.read(_READ))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage) and request is not None:
            headers = {name.decode(): value.decode("latin-1") for name, value in request.headers}
            return Called(request.target.decode(), headers, body, writer.get_extra_info("peername")[0])
        else:
            return None
