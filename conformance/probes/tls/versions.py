"""Which TLS versions are agreed to, everywhere: the observation behind T1.

At each place: a control (TLS 1.3), then one hello per old version side by side in shuffled order, then a
control again. What was not settled by that is asked again, always between controls. Further hellos look
for an old backend in a pool.
"""

import asyncio
import random
import ssl
from dataclasses import dataclass, field

from conformance.catalogue import Cost, Phase, observes
from conformance.model.evidence import CannotObserve
from conformance.model.scale import Disruption, Fault, Level
from conformance.model.transport import (
    OLD,
    Attempt,
    Confirmation,
    Handshake,
    Outcome,
    Place,
    PlaceTrial,
    TlsVersions,
    Version,
    bracketed,
    can_be_asked,
    disturbed,
    ends,
)
from conformance.probes.tls.census import Stand, known_addresses, stands
from conformance.probes.tls.handshake import confirm, shake_hands
from conformance.probes.tls.prober import Patience, Prober
from conformance.session import Session
from conformance.target import Target

ROUNDS = 8  # a close or a reset must be the same in three; more, where a control failed beside one
_SAME = 3
_POOL_HELLOS = (
    4  # further TLS 1.2 hellos, nine with those at every place; where answers differ there are many more
)
_MIXED_HELLOS = 12
_UNSAID = frozenset({Outcome.SILENCE, Outcome.DRIBBLE, Outcome.GARBAGE, Outcome.CONNECT_TIMEOUT})
_NOBODY = frozenset({Outcome.CONNECT_REFUSED, Outcome.CONNECT_TIMEOUT, Outcome.UNREACHABLE})


def _cost(target: Target, sample: int) -> Cost:
    stands_known = known_addresses(target, (host for host, _ in target.host_ports()))
    places = 2 * (3 + len(target.gateway.sni_names)) - 1
    return Cost(requests=max(1, stands_known) * (places * (2 + len(OLD)) + _POOL_HELLOS + 3), seconds=10.0)


@observes(phase=Phase.OUTSIDE, level=Level.OUTSIDE, disruption=Disruption.ACTIVE_SAFE, cost=_cost)
async def tls_versions(session: Session) -> TlsVersions:
    """TLS versions at every address, port, name and protocol."""
    return await observe_versions(session, Patience())


async def observe_versions(session: Session, patience: Patience) -> TlsVersions:
    """The observation, with the patience to have. Raises CannotObserve where no host has an address."""
    seed = session.random.getrandbits(32)
    found, unresolved = await stands(session.target)
    if not found:
        raise CannotObserve(
            f"no address was found for {', '.join(unresolved)}",
            fault=Fault.OPERATOR,
            decide="correct the hosts under `gateway`, or name its addresses in `gateway.resolve`",
        )
    surveys = [Survey(stand, Prober(session.meter, seed, patience)) for stand in found]
    further = session.target.gateway.sni_names
    await asyncio.gather(*(survey.run(further, session.trust) for survey in surveys))
    return TlsVersions(
        seed=seed,
        vantage=next((survey.prober.vantage for survey in surveys if survey.prober.vantage), ""),
        trials=tuple(trial for survey in surveys for trial in survey.trials),
        handshakes=tuple(shake for survey in surveys for shake in survey.handshakes),
        confirmations=tuple(done for survey in surveys for done in survey.confirmations),
        clear_text_urls=tuple(u for u in session.target.gateway.base_urls if not u.startswith("https:")),
        unresolved=unresolved,
    )


@dataclass(slots=True)
class Survey:
    """Everything asked at one address and port."""

    stand: Stand
    prober: Prober
    trials: list[PlaceTrial] = field(default_factory=list)
    handshakes: list[Handshake] = field(default_factory=list)
    confirmations: list[Confirmation] = field(default_factory=list)

    async def run(self, further: tuple[str, ...], trust: ssl.SSLContext) -> None:
        """Ask at every place, look for a mixed pool, and take a whole handshake."""
        places = self.stand.places(further)
        first = await self.prober.ask(places[0], Version.TLS13, self.prober.patience.most)
        wait = self.prober.patience.after(first.ms if first.negotiated() else 0)
        if (
            first.outcome in _NOBODY
        ):  # nobody is there to ask: one more look, and the rest would only repeat it
            again = await self.prober.ask(places[0], Version.TLS13, wait)
            if again.outcome in _NOBODY:
                self.trials.append(self._trial(places[0], [first, again]))
                return
        asked = [_PlaceSurvey(place, self.prober, wait) for place in places]
        asked[0].attempts.append(first)
        shaken = asyncio.gather(self._shake(places[0], trust, wait))
        await asyncio.gather(shaken, *(survey.rounds() for survey in asked))
        self.handshakes += shaken.result()
        await self._pool(asked)
        self.trials += [self._trial(survey.place, survey.attempts) for survey in asked]
        await self._confirm(wait)

    async def _shake(self, place: Place, trust: ssl.SSLContext, wait: float) -> Handshake:
        async with self.prober.meter.connections:
            await self.prober.meter.admit()
            shaken = await shake_hands(place, trust, wait)
            if shaken.verified or shaken.untrusted:
                return shaken
            await self.prober.meter.admit()
            return await shake_hands(place, trust, self.prober.patience.most)

    async def _pool(self, asked: "list[_PlaceSurvey]") -> None:
        """More hellos where clients go: a 1.2 hello is answered by backends of 1.0 and 1.1 too.

        Where one hello had two answers, every old version is asked some more.
        """
        usual = next((survey for survey in asked if survey.in_service()), asked[0])
        if usual.unanswered(Version.TLS12):
            return  # it would only be waited for again
        await usual.more([Version.TLS12] * _POOL_HELLOS)
        if _uneven(asked):
            again = [version for version in OLD if can_be_asked(usual.place, version)]
            await usual.more([version for version in again for _ in range(_MIXED_HELLOS)])

    async def _confirm(self, wait: float) -> None:
        first_hits: dict[Version, Place] = {}
        for trial in self.trials:
            for attempt in trial.attempts:
                if attempt.outcome is Outcome.SERVER_HELLO and attempt.version in OLD:
                    first_hits.setdefault(attempt.version, trial.place)
        for version, place in first_hits.items():
            async with self.prober.meter.connections:
                await self.prober.meter.admit()
                self.confirmations.append(await confirm(place, version, wait))

    def _trial(self, place: Place, attempts: list[Attempt]) -> PlaceTrial:
        offered = {attempt.offered: None for attempt in attempts}
        hellos = {version.value: self.prober.hello(place, version).hex() for version in offered}
        return PlaceTrial(place=place, attempts=tuple(attempts), hellos=hellos)


@dataclass(slots=True)
class _PlaceSurvey:
    place: Place
    prober: Prober
    wait: float
    attempts: list[Attempt] = field(default_factory=list)

    async def rounds(self) -> None:
        """Controls and questions in turn, until every version is settled or the rounds are used up."""
        source = random.Random(f"{self.prober.seed} {self.place}")  # noqa: S311 - an order that can be repeated
        if not self.attempts:
            await self._control()
        open_questions = [version for version in OLD if can_be_asked(self.place, version)]
        for number in range(ROUNDS):
            source.shuffle(open_questions)
            # A server that takes one connection after the other may only have been busy: it gets more time from then on.
            await self.more(open_questions, min(self.prober.patience.most, self.wait * 3**number))
            open_questions = [version for version in open_questions if not self._settled(version)]
            if not open_questions:
                return
            if not self._undisturbed(open_questions):
                pause = self.prober.patience.pause * min(3**number, 9)
                await asyncio.sleep(pause * source.uniform(0.5, 1.0))

    async def more(self, versions: list[Version], wait: float | None = None) -> None:
        """Ask these side by side, then a control."""
        self.attempts += await asyncio.gather(
            *(self.prober.ask(self.place, version, wait or self.wait) for version in versions)
        )
        await self._control()

    def in_service(self) -> bool:
        """Whether TLS 1.3 was agreed to here at least once."""
        return any(attempt.negotiated() is Version.TLS13 for attempt in self._of(Version.TLS13))

    def unanswered(self, version: Version) -> bool:
        """Whether not one hello of this version had an answer."""
        return all(attempt.outcome in _UNSAID | _NOBODY for attempt in self._of(version))

    def _settled(self, version: Version) -> bool:
        """An alert or a whole flight settles a question, three equal ends do, and silence twice will not
        change.
        """
        asked = self._of(version)
        outcomes = {attempt.outcome for attempt in asked}
        if any(a.complete for a in asked):
            return True
        alerts = [
            good for a, good in bracketed(self.attempts) if a.offered is version and a.alert is not None
        ]
        if alerts:
            return not disturbed(self.attempts) or (
                any(alerts) and len(alerts) >= (1 if len(outcomes) == 1 else _SAME)
            )
        if outcomes <= ends(version):
            good = [a for a, good in bracketed(self.attempts) if a.offered is version and good]
            return len(good) >= _SAME
        if disturbed(self.attempts):
            return False
        return len(asked) > self.in_service() and bool(outcomes & (_UNSAID | _NOBODY))

    def _undisturbed(self, versions: list[Version]) -> bool:
        """Whether nothing but orderly ends beside good controls was seen: the network then needs no time to recover."""
        ended = all(attempt.outcome in ends(version) for version in versions for attempt in self._of(version))
        return ended and self.attempts[-1].negotiated() is Version.TLS13

    def answers(self, version: Version) -> set[tuple[Outcome, Version | None]]:
        """The different answers that hellos of this version had."""
        return {(attempt.outcome, attempt.version) for attempt in self._of(version)}

    def _of(self, version: Version) -> list[Attempt]:
        return [attempt for attempt in self.attempts if attempt.offered is version]

    async def _control(self) -> None:
        self.attempts.append(await self.prober.ask(self.place, Version.TLS13, self.wait))


def _uneven(asked: list[_PlaceSurvey]) -> bool:
    served = [survey for survey in asked if survey.in_service()]
    return any(
        len(set().union(*(survey.answers(version) for survey in served))) > 1 for version in OLD if served
    )
