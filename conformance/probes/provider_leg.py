"""Whom does the gateway trust as its provider? The observation behind T4.

The witness changes its face on the same listener: certificates that must not be trusted, versions that must not be spoken,
a redirect to clear text. Each time its connections are ended first, so that the gateway must look anew, and a call that
goes well on a fresh connection stands before and after.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from conformance.catalogue import Cost, Phase, observes
from conformance.dialects.speak import Key
from conformance.model.evidence import CannotObserve
from conformance.model.provider_leg import Face, LegCase, LegOpening, ProviderLeg
from conformance.model.scale import Disruption, Fault, Level
from conformance.probes import calls
from conformance.session import Session
from conformance.target import Target
from conformance.witness.fronts import fronts
from conformance.witness.ledger import endpoint_of
from conformance.witness.server import Witness
from conformance.witness.tls import server_context

_LIMIT = 10**12  # picodollars: one dollar
_TRIES = 3  # calls until one made the gateway open a connection
_PAUSES = (
    0.0,
    0.3,
    1.0,
    2.0,
    4.0,
    8.0,
)  # seconds for which a gateway may shun a provider that showed a bad face
_FACES = len(Face)
_EAR_SECONDS = 5.0


def _cost(target: Target, sample: int) -> Cost:
    return Cost(requests=_FACES * (_TRIES + len(_PAUSES)) + 3, seconds=sum(_PAUSES))


@observes(
    phase=Phase.PROVIDER,
    level=Level.OPERATOR,
    disruption=Disruption.STATE_CHANGING,
    access=("key", "witness"),
    cost=_cost,
)
async def provider_leg(session: Session) -> ProviderLeg:
    """Show the gateway providers that it must not trust."""
    witness = session.provider()
    place = session.target.witness
    if place is None or not place.certificate or not session.sees_provider():
        raise CannotObserve(
            "the witness has no certificate, or the gateway's provider is somebody else",
            fault=Fault.OPERATOR,
            decide="make certificates by `gateproof witness --init FOLDER`, declare them under `[witness]`, and let the gateway "
            "reach the witness by https",
        )
    certificate, private_key = session.base / place.certificate, session.base / place.private_key
    leg = _Leg(session, witness, server_context(certificate, private_key), await _key(session))
    shown = await asyncio.to_thread(fronts, certificate, private_key)
    try:
        cases = [await leg.case(front.face, front.context, front.trouble) for front in shown]
        cases.append(await leg.redirect())
    finally:
        witness.present(leg.usual)
        witness.let_go()
    return ProviderLeg(cases=tuple(cases), agreed=tuple(sorted(leg.agreed)))


async def _key(session: Session) -> str:
    if session.key_api is not None:
        key: Key = await session.key_api.create("provider-leg", _LIMIT)
        session.expected_values += [key.id, key.name]
        return key.secret
    if session.own_key is None:
        raise CannotObserve(
            "no key to call with", fault=Fault.OPERATOR, decide="declare `credentials.key` or an admin key"
        )
    return session.own_key


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one call brought: connections, requests on them, and what the caller was told."""

    openings: tuple[LegOpening, ...]
    requests: int
    in_clear: int
    served: bool
    told: str


class _Leg:
    """The way from the gateway to the witness, and what goes over it."""

    def __init__(self, session: Session, witness: Witness, usual: ssl.SSLContext, key: str) -> None:
        self.usual = usual
        self.agreed: set[str] = set()
        self._session = session
        self._witness = witness
        self._key = key
        self._good: bool | None = None  # whether the last call to the usual face went well

    async def case(self, face: Face, context: ssl.SSLContext | None, trouble: str) -> LegCase:
        """A face between two good calls."""
        if context is None:
            return LegCase(face=face, unshown=trouble)
        before = self._good if self._good is not None else await self._goes_well()
        if not before:
            return LegCase(face=face)
        self._witness.present(context)
        seen = await self._until_looked_at()
        after = self._good = await self._goes_well()
        return LegCase(
            face=face,
            good_before=before,
            good_after=after,
            openings=seen.openings,
            requests=seen.requests,
            in_clear=seen.in_clear,
            served=seen.served,
            told=seen.told,
        )

    async def redirect(self) -> LegCase:
        """The usual face, and every call is sent on to a port of the same host that speaks clear text."""
        before = self._good if self._good is not None else await self._goes_well()
        async with _listening_in_clear(self._witness.host) as clear:
            self._witness.moved_to = f"http://{_authority(self._session, clear.port)}"
            try:
                seen = await self._call()
            finally:
                self._witness.moved_to = ""
        after = await self._goes_well()
        return LegCase(
            face=Face.REDIRECT,
            good_before=before,
            good_after=after,
            openings=seen.openings,
            requests=seen.requests,
            in_clear=clear.heard + seen.in_clear,
            served=seen.served,
            told=seen.told,
        )

    async def _goes_well(self) -> bool:
        """Whether a call to the usual face is served over a fresh connection, with patience for a gateway that shuns it."""
        self._witness.present(self.usual)
        for pause in _PAUSES:
            await asyncio.sleep(pause)
            seen = await self._call()
            if seen.served and any(opening.version for opening in seen.openings):
                self.agreed |= {opening.version for opening in seen.openings if opening.version}
                return True
        return False

    async def _until_looked_at(self) -> _Seen:
        """Call until the gateway has opened a connection; all of it together."""
        openings: tuple[LegOpening, ...] = ()
        requests = in_clear = 0
        for _ in range(_TRIES):
            seen = await self._call()
            openings, requests = openings + seen.openings, requests + seen.requests
            in_clear += seen.in_clear
            if openings or requests or in_clear:
                break
        return _Seen(openings, requests, in_clear, seen.served, seen.told)

    async def _call(self) -> _Seen:
        self._witness.let_go()
        traces = len(self._witness.tripwire.traces)
        began, mark, shown = len(self._witness.openings), self._witness.mark(), self._witness.shown
        reply = await calls.send(self._session, calls.usual(self._session, self._key, "provider-leg"))
        # A connection that was begun under an earlier face tells nothing of this one.
        openings = [opening for opening in self._witness.openings[began:] if opening.shown == shown]
        fresh = {opening.connection for opening in openings}
        return _Seen(
            openings=tuple(LegOpening(version=o.version, suite=o.suite, trouble=o.trouble) for o in openings),
            requests=sum(call.connection in fresh for call in self._witness.calls[mark:]),
            in_clear=sum(_is_call(trace.words) for trace in self._witness.tripwire.traces[traces:]),
            served=calls.admitted(reply),
            told=calls.told(reply),
        )


def _is_call(words: str) -> bool:
    """Whether a request that came in clear text to the witness's port was a call to a provider, and no link that was followed."""
    line = words.partition("\n")[0].split(" ")
    return len(line) > 1 and endpoint_of(line[1]) not in {"models", "other"}


@dataclass(slots=True)
class _Ear:
    """A port that listens in clear text, and how many connections said anything to it; what they said is let go of."""

    port: int = 0
    heard: int = 0

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Note one connection, and end it."""
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_EAR_SECONDS):
                self.heard += bool(await reader.read(1))
        writer.transport.abort()


@asynccontextmanager
async def _listening_in_clear(host: str) -> AsyncIterator[_Ear]:
    ear = _Ear()
    server = await asyncio.start_server(ear.hear, host, 0)
    ear.port = server.sockets[0].getsockname()[1]
    try:
        yield ear
    finally:
        server.close()


def _authority(session: Session, port: int) -> str:
    """The witness's host as the gateway knows it, with another port."""
    last = session.provider().calls[-1]
    told = next((value for name, value in last.headers if name.lower() == "host"), "")
    host = told.rpartition(":")[0] if told.rpartition(":")[2].isdigit() else told
    return f"{host or session.provider().host}:{port}"
