"""Facts about TLS 1.3 at every address: the observation behind norms.

One offer per question. Suites and groups are found by taking away what was chosen until nothing is left; groups by a
HelloRetryRequest, for which no key has to be made. One handshake is finished, to read what stands behind the encryption.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic

from conformance.catalogue import Cost, Phase, observes
from conformance.model.evidence import CannotObserve
from conformance.model.scale import Disruption, Fault, Level
from conformance.model.tls_facts import GROUPS, HYBRIDS, SUITES, Handshaken, Question, StandFacts, TlsFacts
from conformance.model.transport import Place, Version
from conformance.probes.meter import Meter
from conformance.probes.tls.census import Stand, known_addresses, stands
from conformance.probes.tls.certificates import described
from conformance.probes.tls.client13 import Client13, HandshakeError
from conformance.probes.tls.flight import read_flight
from conformance.probes.tls.hello import GREASE, MODERN_GROUPS, modern_hello
from conformance.probes.tls.prober import Patience, classify
from conformance.probes.tls.tcp import exchange
from conformance.session import Session
from conformance.target import Target

_MOST = 6  # questions of a kind: suites and groups that a server has are few
_KEPT_BYTES = 2048
_SMALLEST_FINITE_FIELD = 0x0100  # the larger ones raise no question
_CLASSICAL = tuple(group for group in GROUPS if group not in HYBRIDS and group <= _SMALLEST_FINITE_FIELD)
_SUITES = tuple(SUITES)
_STRANGE = ("gateproof/0",)
_FUTURE = 0x0305  # a version that nobody speaks yet must be passed over (RFC 8446, 4.2.1)


def _cost(target: Target, sample: int) -> Cost:
    known = known_addresses(target, (host for host, _ in target.host_ports()))
    return Cost(requests=max(1, known) * (2 * _MOST + 5), seconds=5.0)


@observes(phase=Phase.OUTSIDE, level=Level.OUTSIDE, disruption=Disruption.ACTIVE_SAFE, cost=_cost)
async def tls_facts(session: Session) -> TlsFacts:
    """Suites, groups, tickets and certificates at every address."""
    seed = session.random.getrandbits(32)
    found, unresolved = await stands(session.target)
    if not found:
        raise CannotObserve(
            f"no address was found for {', '.join(unresolved)}",
            fault=Fault.OPERATOR,
            decide="correct the hosts under `gateway`, or name its addresses in `gateway.resolve`",
        )
    surveys = [Facts(stand, session.meter, seed) for stand in found]
    seen = await asyncio.gather(*(survey.run() for survey in surveys))
    now = datetime.fromtimestamp(session.now(), UTC).isoformat()
    return TlsFacts(stands=tuple(stand for stand in seen if stand is not None), seed=seed, now=now)


@dataclass(slots=True)
class Facts:
    """Everything asked at one address and port."""

    stand: Stand
    meter: Meter
    seed: int

    async def run(self) -> StandFacts | None:
        """All questions; None where TLS 1.3 is not spoken."""
        place = self.stand.places(())[0]
        first = await self._ask(place, Patience().most, _SUITES, suites=_SUITES)
        if not first.chosen:
            return None
        wait = Patience().after(first.ms)
        choices = asyncio.gather(self._suites(place, wait, first), self._groups(place, wait))
        answers = asyncio.gather(
            self._ask(place, wait, HYBRIDS, groups=HYBRIDS),
            self._tolerance(place, wait),
            self._ask(place, wait, (), alpn=_STRANGE),
        )
        shakes = asyncio.gather(self._handshake(place.sni, wait), self._handshake("", wait))
        (suites, groups), (hybrid, tolerance, strange), (handshake, nameless) = await asyncio.gather(
            choices, answers, shakes
        )
        return StandFacts(
            place=place,
            suites=suites,
            groups=groups,
            hybrid=hybrid,
            tolerance=tolerance,
            strange_protocol=strange,
            handshake=handshake,
            nameless=nameless,
        )

    async def _suites(self, place: Place, wait: float, first: Question) -> tuple[Question, ...]:
        left, asked = _SUITES, [first]
        while asked[-1].chosen in left:
            left = tuple(suite for suite in left if suite != asked[-1].chosen)
            if not left or len(asked) == _MOST:
                break
            asked.append(await self._ask(place, wait, left, suites=left))
        return tuple(asked)

    async def _groups(self, place: Place, wait: float) -> tuple[Question, ...]:
        left, asked = _CLASSICAL, list[Question]()
        while left and len(asked) < _MOST:
            question = await self._ask(place, wait, left, groups=left)
            asked.append(question)
            if question.chosen not in left:
                break
            left = tuple(group for group in left if group != question.chosen)
        return tuple(asked)

    async def _tolerance(self, place: Place, wait: float) -> Question:
        """Reserved values everywhere (RFC 8701), and a version that is still to come."""
        versions = (GREASE, _FUTURE, Version.TLS13.wire)
        return await self._ask(
            place,
            wait,
            versions,
            versions=versions,
            suites=(GREASE, *SUITES),
            groups=(GREASE, *MODERN_GROUPS),
        )

    async def _ask(
        self,
        place: Place,
        wait: float,
        offered: tuple[int, ...],
        *,
        suites: tuple[int, ...] = _SUITES,
        groups: tuple[int, ...] = MODERN_GROUPS,
        versions: tuple[int, ...] = (Version.TLS13.wire,),
        alpn: tuple[str, ...] = (),
    ) -> Question:
        """One hello. What was chosen is a version, a suite or a group, whichever `offered` is; without it, the version."""
        hello = modern_hello(
            seed=self.seed, sni=place.sni, alpn=alpn, suites=suites, groups=groups, versions=versions
        )
        async with self.meter.connections:
            await self.meter.admit()
            result = await exchange(
                place.address,
                place.port,
                hello,
                patience=wait,
                enough=lambda data: read_flight(data).settled,
            )
        attempt, answer = classify(Version.TLS13, result), read_flight(result.received).hello
        chosen = 0
        if answer is not None and answer.wire == Version.TLS13.wire:
            chosen = answer.suite if offered is suites else answer.group if offered is groups else answer.wire
        return Question(
            offered=offered,
            chosen=chosen,
            outcome=attempt.outcome,
            alert=attempt.alert,
            hello=hello.hex(),
            received=result.received[:_KEPT_BYTES].hex(),
            ms=result.ms,
        )

    async def _handshake(self, sni: str, wait: float) -> Handshaken:
        began = monotonic()
        client = Client13(seed=self.seed, sni=sni)
        trouble = ""
        async with self.meter.connections:
            await self.meter.admit()
            try:
                async with asyncio.timeout(wait):
                    await _converse(client, self.stand)
            except HandshakeError as error:
                trouble = str(error)
            except (OSError, TimeoutError) as error:
                trouble = "" if client.finished else str(error) or type(error).__name__
        chain = tuple(read for der in client.chain if (read := described(der)) is not None)
        return Handshaken(
            trouble=trouble,
            suite=client.suite,
            group=client.group,
            protocol=client.protocol,
            signature=client.signature,
            chain=chain,
            ticket_lifetimes=tuple(ticket.lifetime for ticket in client.tickets),
            early_data=max((ticket.early_data for ticket in client.tickets), default=0),
            ms=int((monotonic() - began) * 1000),
        )


async def _converse(client: Client13, stand: Stand) -> None:
    reader, writer = await asyncio.open_connection(stand.address, stand.port)
    try:
        writer.write(client.start())
        while not client.over:
            data = await reader.read(2**16)
            if not data:
                if not client.finished:
                    raise HandshakeError("closed before the handshake was finished")
                return
            writer.write(client.receive(data))
    finally:
        writer.transport.abort()
