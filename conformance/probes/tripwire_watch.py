"""The last look at the tripwires, when all else is done: what makes previews of links may take its time."""

import asyncio
import base64
import binascii
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Literal
from urllib.parse import urlsplit

from conformance.catalogue import Cost, Phase, observes
from conformance.model.egress import Touch, TripwireWatch
from conformance.model.evidence import CannotObserve
from conformance.model.scale import Disruption, Fault, Level
from conformance.probes.tripwires import Wires, numbers_in
from conformance.session import Session
from conformance.target import Target
from conformance.witness.dns import in_zone
from conformance.witness.ledger import WitnessCall
from conformance.witness.tripwire import TELLING, Trace

_LEAST_SECONDS = 3.0  # for whoever follows a link, where the rest of the run takes less
_LOOKUP_SECONDS = 2.0
_MOST_TOUCHES = 100
_INFERENCE = {"chat", "completions", "responses", "messages", "embeddings"}
_BASIC = re.compile(r"\bbasic +([A-Za-z0-9+/=]+)", re.IGNORECASE)


def _cost(target: Target, sample: int) -> Cost:
    return Cost(seconds=_LEAST_SECONDS + _LOOKUP_SECONDS)


@observes(
    phase=Phase.INSIDE,
    level=Level.OPERATOR,
    disruption=Disruption.PASSIVE,
    access=("key", "witness"),
    cost=_cost,
)
async def tripwire_watch(session: Session) -> TripwireWatch:
    """See who followed what stood in prompts."""
    wires = session.watched.get(Wires)
    if not isinstance(wires, Wires) or not wires.sent:
        raise CannotObserve(
            "no prompt with a tripwire was sent",
            fault=Fault.TARGET,
            decide="see why those calls were not made",
        )
    loop = asyncio.get_running_loop()
    last = max(wires.sent.values())
    await asyncio.sleep(max(0.0, last + _LEAST_SECONDS - loop.time()))
    names = await _names(session)
    since = session.provider().calls[wires.first_call :]
    arrivals = [call for call in since if call.endpoint in _INFERENCE and call.method == "POST"]
    sources = {_address(call.peer) for call in arrivals}
    touches = sorted(_touches(session, wires, sources), key=lambda touch: touch.after_ms)
    return TripwireWatch(
        touches=_first_of_each(touches),
        touches_total=len(touches),
        window_ms=int((loop.time() - last) * 1000),
        arrivals=len(arrivals),
        names=names,
    )


def _touches(session: Session, wires: Wires, sources: set[str]) -> Iterator[Touch]:
    provider = session.provider()
    calls = (_trace(call) for call in provider.calls[wires.first_call :])
    for trace in (*calls, *provider.tripwire.traces):
        for number in numbers_in(session, _readable(trace.words)) & wires.sent.keys():
            form, where = wires.forms[number]
            yield Touch(
                form=form,
                field=where,
                by=trace.by,
                source=trace.source,
                of_gateway=trace.source in sources,
                after_ms=max(0, int((trace.at - wires.sent[number]) * 1000)),
            )


def _trace(call: WitnessCall) -> Trace:
    """A request to the witness as one to a tripwire: only where it went counts, never what it said."""
    told = [value for name, value in call.headers if name.lower() in TELLING]
    return Trace("http", _address(call.peer), call.begun, "\n".join([call.path, *told]))


def _readable(words: str) -> bytes:
    """The words, and the credentials among them in clear (RFC 7617)."""
    found = [words.encode()]
    for encoded in _BASIC.findall(words):
        with suppress(binascii.Error, ValueError):
            found.append(base64.b64decode(encoded))
    return b"\n".join(found)


def _first_of_each(touches: Iterable[Touch]) -> tuple[Touch, ...]:
    """The first touch of each form and field by each source and protocol."""
    first: dict[tuple[str, str, str, str], Touch] = {}
    for touch in touches:
        first.setdefault((touch.form, touch.field, touch.by, touch.source), touch)
    return tuple(first.values())[:_MOST_TOUCHES]


def _address(peer: str) -> str:
    return peer.rpartition(":")[0].strip("[]")


async def _names(session: Session) -> Literal["not declared", "unproven", "proven"]:
    """Whether a look-up by the gateway would have been seen: it found its provider by one, or its machine's resolver asks us."""
    tripwire, place = session.provider().tripwire, session.target.witness
    if not tripwire.zone or place is None:
        return "not declared"
    host = urlsplit(place.url).hostname or ""
    if in_zone(host, tripwire.zone) and _looked_up(tripwire.traces, host):
        return "proven"
    if not session.target.on_this_machine():
        return "unproven"
    control = f"control-{secrets.token_hex(6)}.{tripwire.zone}"
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_LOOKUP_SECONDS):
            await asyncio.get_running_loop().getaddrinfo(control, 80)
    return "proven" if _looked_up(tripwire.traces, control) else "unproven"


def _looked_up(traces: Iterable[Trace], name: str) -> bool:
    return any(trace.by == "dns" and trace.words == name.lower() for trace in traces)
