"""The witness: an upstream provider in the auditor's hands, the ground truth of what a gateway forwarded.

It speaks enough of the APIs of OpenAI and Anthropic for any gateway to use it, answers deterministically, fails as told,
and keeps everything in memory. Answers are composed in `provider`, purely; here is what listens and records.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

from conformance.witness.answers import Answer, Ending, batches, elsewhere
from conformance.witness.asked import Asked, Heard, read
from conformance.witness.barrier import Barrier
from conformance.witness.canaries import AnswerCanaries
from conformance.witness.ending import finish, settle, stopped
from conformance.witness.ledger import Outcome, WitnessCall, endpoint_of
from conformance.witness.provider import DEFAULT_MODELS, reply
from conformance.witness.tripwire import Tripwire, speaks_in_clear
from conformance.witness.wire import Received, RequestError, Wire

_BACKLOG = 256
_HANDSHAKE_SECONDS = 10.0
_SHUTDOWN_SECONDS = 1.0  # how long a peer may take to say goodbye by TLS
_OUT_OF_SOCKETS_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Opening:
    """How a connection began: what was agreed on, or, where no handshake was finished, what the peer said instead."""

    connection: int
    peer: str
    shown: int  # how often another face had been presented before, 0 for the first
    version: str = ""
    suite: str = ""
    trouble: str = ""


class Witness:
    """A provider that listens on one address. Use `start` and `stop`, or `async with`."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        tls: ssl.SSLContext | None,
        canaries: AnswerCanaries,
        models: Mapping[str, tuple[int, int]] | None = None,
        tripwire: Tripwire | None = None,
    ) -> None:
        """`canaries` issues those of the answers; port 0 takes a free one; no `tls`: plain HTTP.

        `models` maps names to picodollars per prompt and per completion token, told by `GET /v1/models`. `tripwire` notes
        requests in clear text that come to a listener of TLS; it starts and stops with the witness.
        """
        self.host = host
        self.port = port
        self.calls: list[WitnessCall] = []
        self.connections = 0  # accepted so far; failed handshakes count
        self.openings: list[Opening] = []  # how each connection began
        self.shown = 0  # how often another face was presented
        self.moved_to = (
            ""  # base URL to which every call is sent on instead of being answered; empty: none is
        )
        self._tls = tls
        self._canaries = canaries
        self._models = dict(DEFAULT_MODELS if models is None else models)
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._wires: set[Wire] = set()
        self._barriers: list[Barrier] = []
        self._heard = Heard()
        self._copied: list[str] = []
        self.tripwire = tripwire or Tripwire()

    @property
    def url(self) -> str:
        """The base URL for clients on this machine: `https://127.0.0.1:9443/v1`."""
        reachable = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self.host, self.host)  # noqa: S104  compared, not bound
        name = f"[{reachable}]" if ":" in reachable else reachable
        return f"{'http' if self._tls is None else 'https'}://{name}:{self.port}/v1"

    async def start(self) -> None:
        """Listen. Raises OSError where the address cannot be bound."""
        await self.tripwire.start()
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self._listener = socket.create_server((self.host, self.port), family=family, backlog=_BACKLOG)
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self._accepting = asyncio.create_task(self._accept(self._listener))

    async def stop(self) -> None:
        """Close the listener and every connection at once; answers under way are recorded as cut."""
        tasks = [*self._tasks] if self._accepting is None else [self._accepting, *self._tasks]
        for wire in self._wires:
            wire.abort()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.tripwire.stop()
        if self._listener is not None:
            self._listener.close()

    async def __aenter__(self) -> "Witness":
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    def present(self, tls: ssl.SSLContext) -> None:
        """Use another certificate for connections accepted from now on."""
        self._tls = tls
        self.shown += 1

    def let_go(self) -> None:
        """End every connection at once, so that whoever kept one must open another."""
        for wire in tuple(self._wires):
            wire.abort()

    def mark(self) -> int:
        """The number of the newest call; 0 before the first."""
        return len(self.calls)

    def carrying(self, token: str, since: int = 0) -> tuple[WitnessCall, ...]:
        """The calls numbered after `since` whose body holds this token, in UTF-8 or JSON-escaped."""
        return tuple(call for call in self.calls[since:] if call.carries(token))

    @asynccontextmanager
    async def holding(self, token: str, until: int, limit: float) -> AsyncIterator[Barrier]:
        """Hold back answers to calls that carry `token` until `until` of them are in flight at once.

        They are let go after `limit` seconds from the first of them in any case, and when the block is left.
        The barrier's `met` says whether they were together; it is met once, and further calls then pass.
        """
        barrier = Barrier(token=token, until=until, limit=limit)
        self._barriers.append(barrier)
        try:
            yield barrier
        finally:
            self._barriers.remove(barrier)
            barrier.release()

    @contextmanager
    def copying(self, token: str) -> Iterator[None]:
        """Keep what is answered to calls that carry `token`, in `WitnessCall.answer`."""
        self._copied.append(token)
        try:
            yield
        finally:
            self._copied.remove(token)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, _ = await loop.sock_accept(listener)
            except OSError:  # out of descriptors, or a peer that had left again
                await asyncio.sleep(_OUT_OF_SOCKETS_SECONDS)
                continue
            self.connections += 1
            task = asyncio.create_task(self._connection(accepted, self.connections))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _connection(self, accepted: socket.socket, number: int) -> None:
        peer, shown = "", self.shown
        try:
            # These sockets do not say that they are TCP, so asyncio would leave Nagle's 40 ms in streams.
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer = "{}:{}".format(*accepted.getpeername()[:2])
            if self._tls is not None and await speaks_in_clear(accepted, _HANDSHAKE_SECONDS):
                await self.tripwire.overhear(accepted)
                return
            shown = self.shown
            wire = await self._opened(accepted)
        except OSError as trouble:  # no handshake: the peer refused our certificate, or does not speak TLS
            self.openings.append(Opening(number, peer, shown, trouble=_reason(trouble)))
            accepted.close()
            return
        self.openings.append(Opening(number, peer, shown, *wire.agreed()))
        self._wires.add(wire)
        try:
            await self._converse(wire, number, peer)
        finally:
            await wire.close()
            self._wires.discard(wire)

    async def _opened(self, accepted: socket.socket) -> Wire:
        """The connection after its handshake; the context is taken anew each time, for `present`."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)  # uvloop returns its own protocol of TLS instead
        seconds = {} if self._tls is None else _TLS_SECONDS
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol, accepted, ssl=self._tls, **seconds
        )
        return Wire(reader, asyncio.StreamWriter(transport, protocol, reader, loop))

    async def _converse(self, wire: Wire, connection: int, peer: str) -> None:
        try:
            while (received := await wire.receive()) is not None:
                await self._exchange(wire, received, connection, peer)
                if not wire.next_request():
                    return
        except RequestError as trouble:
            wire.refuse(trouble)
        except OSError:
            return  # the peer went away between requests

    async def _exchange(self, wire: Wire, received: Received, connection: int, peer: str) -> None:
        asked = _asked(received)
        call = self._record(received, asked, connection, peer)
        answer = reply(call, asked, self._canaries, self._models, again=self._heard.again(asked))
        call.canaries = answer.canaries
        if self.moved_to:
            answer = elsewhere(self.moved_to + received.target)
        hangs = answer.ending is Ending.NEVER
        outcome = Outcome.CUT
        try:
            left = Outcome.HUNG if hangs else Outcome.LOST
            outcome = await wire.unless_peer_leaves(self._answer(wire, call, answer), left)
        except OSError:
            outcome = Outcome.LOST
        except asyncio.CancelledError:  # the witness is stopped
            outcome = stopped(call, hangs=hangs)
            raise
        finally:
            if outcome is not call.outcome:
                settle(call, answer, outcome)

    def _record(self, received: Received, asked: Asked | None, connection: int, peer: str) -> WitnessCall:
        call = WitnessCall(
            number=len(self.calls) + 1,
            connection=connection,
            peer=peer,
            method=received.method,
            path=received.target,
            endpoint=endpoint_of(received.target),
            headers=received.headers,
            body=received.body,
            model=asked.model if asked else None,
            stream=asked is not None and asked.stream,
            begun=asyncio.get_running_loop().time(),
        )
        self.calls.append(call)
        return call

    async def _answer(self, wire: Wire, call: WitnessCall, answer: Answer) -> Outcome:
        for barrier in tuple(self._barriers):
            if call.carries(barrier.token):
                await barrier.wait()
        await asyncio.sleep(answer.delay)
        if answer.ending is Ending.NEVER:
            await asyncio.Event().wait()
        wire.head(answer.status, answer.headers)
        copied = any(call.carries(token) for token in self._copied)
        for count, batch in enumerate(batches(answer)):
            if count:
                await asyncio.sleep(answer.pace)
            await wire.flush()
            data = b"".join(piece.data for piece in batch)
            wire.data(data)
            call.answer += data if copied else b""
            call.text += "".join(piece.text for piece in batch)
        return await finish(wire, call, answer)


_TLS_SECONDS = {"ssl_handshake_timeout": _HANDSHAKE_SECONDS, "ssl_shutdown_timeout": _SHUTDOWN_SECONDS}


def address(listen: str) -> tuple[str, int]:
    """Host and port of `"127.0.0.1:9443"` or `"[::1]:9443"`. Raises ValueError on anything else."""
    host, colon, port = listen.rpartition(":")
    with suppress(ValueError):
        if colon and host and 0 <= int(port) <= 65535:
            return host.removeprefix("[").removesuffix("]"), int(port)
    raise ValueError(f"'{listen}' is no address to listen on: expected host:port, such as 127.0.0.1:9443")


def _reason(trouble: OSError) -> str:
    return str(getattr(trouble, "reason", None) or trouble.strerror or type(trouble).__name__)[:100]


def _asked(received: Received) -> Asked | None:
    endpoint = endpoint_of(received.target)
    return None if endpoint in {"models", "other"} else read(endpoint, received.body)
