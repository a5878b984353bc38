"""The prober: one question, one connection, one `Attempt`."""

import asyncio
from dataclasses import dataclass, field

from conformance.model.transport import Attempt, Outcome, Place, Version
from conformance.probes.meter import Meter
from conformance.probes.tls.flight import Flight, read_answer_to
from conformance.probes.tls.hello import client_hello
from conformance.probes.tls.tcp import Exchange, exchange

_KEPT_BYTES = 2048
_AT_ONCE = 8  # connections to one address


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait for an answer: six times what the control took, within these bounds. `pause` starts
    the backoff.
    """

    least: float = 2.0
    most: float = 10.0
    pause: float = 0.2

    def after(self, control_ms: int) -> float:
        """How long to wait where the control took so long."""
        return min(self.most, max(self.least, 6 * control_ms / 1000))


@dataclass(slots=True)
class Prober:
    """Asks one address, within the target's limits. `vantage` is our own address towards it, once something
    was reached.
    """

    meter: Meter
    seed: int
    patience: Patience = field(default_factory=Patience)
    vantage: str = ""
    _here: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    def hello(self, place: Place, offered: Version) -> bytes:
        """The bytes that ask this question at this place."""
        return client_hello(offered, seed=self.seed, sni=place.sni, alpn=place.alpn)

    async def ask(self, place: Place, offered: Version, wait: float) -> Attempt:
        """Send one hello and say what came back within `wait` seconds. Raises only `LimitReached`."""
        async with self._here, self.meter.connections:
            await self.meter.admit()
            result = await exchange(
                place.address,
                place.port,
                self.hello(place, offered),
                patience=wait,
                enough=lambda data: read_answer_to(offered, data).settled,
            )
        self.vantage = self.vantage or result.local
        return classify(offered, result)


def classify(offered: Version, result: Exchange) -> Attempt:
    """An exchange as an attempt."""
    flight = read_answer_to(offered, result.received)
    hello = flight.hello
    return Attempt(
        offered=offered,
        outcome=_outcome(flight, result),
        version=Version.of(hello.wire) if hello else None,
        suite=hello.suite if hello else None,
        complete=flight.complete,
        alert=flight.alert,
        warnings=flight.warnings,
        compression=hello.compression if hello else 0,
        renegotiation_info=hello.renegotiation_info if hello else False,
        sentinel=hello.sentinel if hello else False,
        acknowledged=result.acknowledged,
        ms=result.ms,
        received=result.received[:_KEPT_BYTES].hex(),
        detail=_detail(flight, result),
    )


def _outcome(flight: Flight, result: Exchange) -> Outcome:
    if flight.hello is not None:
        return Outcome.SERVER_HELLO
    if flight.alert is not None:
        return Outcome.ALERT
    if flight.garbage:
        return Outcome.GARBAGE
    if result.received and not flight.warnings:
        return Outcome.DRIBBLE
    return result.ending or Outcome.DRIBBLE


def _detail(flight: Flight, result: Exchange) -> str:
    if flight.hello is not None and not flight.complete:
        after = f"alert {flight.alert}" if flight.alert is not None else result.ending
        return f"ServerHello, then {after.value if isinstance(after, Outcome) else after or 'too many bytes'}"
    return ""
