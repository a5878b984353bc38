"""What is served without TLS: the observation behind T2.

Every port is asked as a careless client would ask it. The key in those requests is one that the gateway
made for this probe and that dies right after; where none can be made it is invented. A key of the target
file never comes here.
"""

import asyncio
import hashlib
from typing import Any

import msgspec

from conformance.catalogue import Cost, Phase, observes
from conformance.model.clear_text import ClearAnswer, ClearPlace, ClearText, Ending
from conformance.model.evidence import CannotObserve
from conformance.model.money import from_usd
from conformance.model.scale import Disruption, Fault, Level
from conformance.model.transport import Place, Version
from conformance.probes import calls, clear_census
from conformance.probes.clear_census import Spot
from conformance.probes.clear_endings import Kind, ending_of, enough
from conformance.probes.h2c import h2c_request, read_h2c
from conformance.probes.raw_http import (
    json_shape,
    read_answer,
    request,
    speak_tls,
)
from conformance.probes.throw_away import ThrowAway, throw_away_key
from conformance.probes.tls.census import addresses, known_addresses
from conformance.probes.tls.prober import Patience, Prober
from conformance.probes.tls.tcp import Exchange, exchange
from conformance.session import Session
from conformance.target import Target

_LIMIT = from_usd("0.01")  # enough for one call, so that a refusal is not the limit's
_SAME_ENDS = 3
_SYN_SECONDS = 7.5  # Linux repeats a SYN after 1, 3 and 7 seconds
_UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "Z2F0ZXByb29mIHByb2JlLg==",  # RFC 6455, 4.1: any 16 bytes
}
_NOBODY = (Ending.CONNECT_REFUSED, Ending.CONNECT_TIMEOUT, Ending.UNREACHABLE)


def _cost(target: Target, sample: int) -> Cost:
    tried = clear_census.services(target, None)
    places = sum(known_addresses(target, [service.host]) * len(service.ports) for service in tried)
    return Cost(requests=18 * places + 2, seconds=2 * _SYN_SECONDS)


@observes(phase=Phase.OUTSIDE, level=Level.OUTSIDE, disruption=Disruption.STATE_CHANGING, cost=_cost)
async def clear_text(session: Session) -> ClearText:
    """What every port serves without TLS."""
    return await observe_clear_text(session, Patience(), _SYN_SECONDS)


async def observe_clear_text(session: Session, patience: Patience, syn_seconds: float) -> ClearText:
    """The observation; a connection request counts as unanswered after `syn_seconds`."""
    services = clear_census.services(session.target, session.key_api)
    hosts = dict.fromkeys(service.host for service in services)
    found = {host: await addresses(session.target, host) for host in hosts}
    unresolved = tuple(host for host in hosts if not found[host])
    if len(unresolved) == len(hosts):
        raise CannotObserve(
            f"no address was found for {', '.join(unresolved)}",
            fault=Fault.OPERATOR,
            decide="correct the hosts under `gateway`, or name their addresses in `gateway.resolve`",
        )
    async with throw_away_key(session, "clear-text", _LIMIT) as key:
        spots = [spot for service in services for spot in service.spots(found[service.host], key.key)]
        probes = [_Probe(session, spot, key, patience, syn_seconds) for spot in spots]
        places = await asyncio.gather(*(probe.run() for probe in probes))
    return ClearText(
        vantage=next((probe.vantage for probe in probes if probe.vantage), ""),
        real_key=key.real,
        key_trouble=key.trouble,
        places=tuple(places),
        unresolved=unresolved,
    )


class _Probe:
    """Everything asked of one port."""

    def __init__(
        self, session: Session, spot: Spot, key: ThrowAway, patience: Patience, syn_seconds: float
    ) -> None:
        self._session = session
        self._spot = spot
        self._key = key
        self._syn_seconds = syn_seconds
        self._patience = patience
        self._wait = patience.least
        self._auth = session.door.auth(key.secret)
        self._prober = Prober(session.meter, seed=spot.port)
        self.vantage = ""

    async def run(self) -> ClearPlace:
        """The requests, between two controls."""
        before = await self._control()
        first, syns = await self._ask(self._spot.reads)
        answers = [first]
        if first.ending not in _NOBODY:
            rest: tuple[Kind, ...] = ("chat", "websocket", "h2c")
            if first.ending is Ending.SILENCE:  # it had all the patience there is
                asked = [self._ask_once(kind, self._wait) for kind in rest]
            else:
                asked = [self._ask(kind) for kind in rest]
            answers += [answer for answer, _ in await asyncio.gather(*asked)]
        return ClearPlace(
            host=self._spot.host,
            address=self._spot.address,
            port=self._spot.port,
            role=self._spot.role,
            answers=tuple(answers),
            control_before=before,
            control_after=await self._control(),
            syns=syns,
            waited_ms=first.ms,
        )

    async def _control(self) -> bool:
        """Whether a TLS port of the same address answers TLS 1.3 now."""
        if self._spot.tls_port is None:
            return False
        place = Place(
            host=self._spot.host,
            address=self._spot.address,
            port=self._spot.tls_port,
            sni=self._spot.host,
            kind="right",
        )
        attempt = await self._prober.ask(place, Version.TLS13, self._wait)
        self._wait = self._patience.after(attempt.ms) if attempt.complete else self._wait
        self.vantage = self._prober.vantage
        return attempt.negotiated() is Version.TLS13

    async def _ask(self, kind: Kind) -> tuple[ClearAnswer, int]:
        """The answer to one request. Silence is asked about once more, with all the patience there is: a server that takes
        one connection after the other may only have been busy. An end without an answer counts if it comes three times:
        one may be the network's.
        """
        answer, syns = await self._ask_once(kind, self._wait)
        if answer.ending is Ending.SILENCE:
            answer, syns = await self._ask_once(kind, self._patience.most)
        for _ in range(_SAME_ENDS - 1):
            if answer.ending is not Ending.CLOSED:
                break
            answer, syns = await self._ask_once(kind, self._wait)
        return answer, syns

    async def _ask_once(self, kind: Kind, wait: float) -> tuple[ClearAnswer, int]:
        sent, atom = self._request(kind)
        async with self._session.meter.connections:
            await self._session.meter.admit(money=_LIMIT if kind == "chat" and self._key.real else 0)
            got = await exchange(
                self._spot.address,
                self._spot.port,
                sent,
                patience=wait,
                connect_patience=self._syn_seconds,
                enough=lambda data: enough(kind, data),
            )
        answer = self._described(kind, got, atom)
        if self._compared(kind, answer):
            same = sent if kind != "h2c" else self._request(self._spot.reads)[0]
            answer = msgspec.structs.replace(answer, **await self._over_tls(same))
        return answer, got.syns

    def _compared(self, kind: Kind, answer: ClearAnswer) -> bool:
        """Whether the https answer to the same request says more: the API's own errors are known by it, and for an
        invented key, what answers without having read the request.
        """
        if kind != "websocket" and answer.json_shape and not 200 <= answer.status < 300:
            return True
        return kind != "h2c" and not self._key.real and answer.status >= 400

    def _request(self, kind: Kind) -> tuple[bytes, str]:
        """The bytes of a request, and the text in its prompt by which the witness knows it."""
        spot = self._spot
        if kind == "h2c":
            return h2c_request(spot.url, spot.path, self._auth), ""
        if kind == "websocket":
            return request("GET", spot.url, spot.path, _UPGRADE), ""
        if kind == "chat":
            path, body, atom = self._chat()
            return request("POST", spot.url, path, self._auth, body), atom
        return request("GET", spot.url, spot.path, self._auth), ""

    def _target(self, kind: Kind) -> str:
        """Method and URL of a request, for readers."""
        chat = self._session.target.endpoint("chat") or "/"
        what = f"POST {self._spot.url.rstrip('/')}{chat}"
        return what if kind == "chat" else f"GET {self._spot.url.rstrip('/')}{self._spot.path}"

    def _chat(self) -> tuple[str, bytes, str]:
        path = self._session.target.endpoint("chat") or "/v1/chat/completions"
        if self._session.sees_provider():
            asked = calls.chat(self._session, None, "clear-text")
            return path, msgspec.json.encode(asked.body), asked.atom
        # Without a witness no model may be called: a name that nobody serves still shows whether requests
        # are processed.
        body = {"model": "gateproof-no-such-model", "messages": [{"role": "user", "content": "gateproof"}]}
        return path, msgspec.json.encode(body), ""

    def _described(self, kind: Kind, got: Exchange, atom: str) -> ClearAnswer:
        answer = read_answer(got.received)
        ending = ending_of(got, answer)
        reached = bool(atom and self._session.provider().carrying(atom))
        echoed = self._key.secret.encode() in got.received
        if ending is Ending.HTTP2:
            framed = read_h2c(got.received)
            return ClearAnswer(
                request=kind,
                target=self._target(kind),
                ending=ending,
                status=framed.status,
                body_bytes=len(framed.body),
                json_shape=json_shape(framed.body),
                key_echoed=echoed,
                ms=got.ms,
            )
        if answer is None:
            shown = got.received[:64].hex() if ending is Ending.OTHER_BYTES and not echoed else ""
            return ClearAnswer(
                request=kind,
                target=self._target(kind),
                ending=ending,
                received=shown,
                key_echoed=echoed,
                reached_provider=reached,
                ms=got.ms,
            )
        return ClearAnswer(
            request=kind,
            target=self._target(kind),
            ending=ending,
            status=answer.status,
            header_names=tuple(name for name, _ in answer.headers),
            body_bytes=len(answer.body),
            body_sha256=hashlib.sha256(answer.body).hexdigest(),
            json_shape=json_shape(answer.body),
            cookie=bool(answer.values("set-cookie")),
            location="".join(answer.values("location")[:1]).replace(self._key.secret, "(key)")[:500],
            key_echoed=echoed,
            reached_provider=reached,
            ms=got.ms,
        )

    async def _over_tls(self, sent: bytes) -> dict[str, Any]:
        """Status and shape of the https answer to the same bytes."""
        if self._spot.tls_port is None:
            return {}
        async with self._session.meter.connections:
            await self._session.meter.admit(money=_LIMIT if self._key.real else 0)
            spoken = await speak_tls(
                self._spot.address,
                self._spot.tls_port,
                host=self._spot.host,
                trust=self._session.trust,
                sent=sent,
                wait=self._session.target.limits.timeout,
            )
        if spoken.answer is None:
            return {}
        body = spoken.answer.body
        return {
            "secure_status": spoken.answer.status,
            "secure_sha256": hashlib.sha256(body).hexdigest(),
            "secure_shape": json_shape(body),
        }
