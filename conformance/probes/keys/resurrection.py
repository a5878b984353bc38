"""Keys that were ended before the gateway was: whether they are served when it is back."""

from conformance.catalogue import Cost, Phase, observes
from conformance.model.key_ends import Resurrection, Risen
from conformance.model.presented import State
from conformance.model.refusal_times import RefusalTimes
from conformance.model.scale import Disruption, Level
from conformance.probes.keys.ended import ended_keys
from conformance.probes.keys.endpoints import ask, decisive, right
from conformance.probes.retention import control
from conformance.session import Session
from conformance.target import Endpoint, Target

_TIMES = 5  # of asking with a key: several workers may start from several states
_STATES = 3


def _cost(target: Target, sample: int) -> Cost:
    ways = len(control.ways(target.control))
    return Cost(
        requests=ways * (_TIMES * _STATES + control.ASKED) + 150, seconds=ways * control.RETURN_SECONDS
    )


@observes(
    phase=Phase.ALONE,
    level=Level.INSTRUMENTED,
    disruption=Disruption.INTRUSIVE,
    access=("admin", "witness", "restart"),
    after=(RefusalTimes,),  # nobody else may be under way
    cost=_cost,
)
async def resurrection(session: Session) -> Resurrection:
    """End keys, end the gateway and start it again, and see whether the keys are served."""
    session.require_provider()
    ended = await ended_keys(session)
    dead = [(state, key) for state, key in ended.keys if state in ended.echoes]
    billable = [endpoint for endpoint in session.target.inference if endpoint.billable]
    endpoint = (billable or session.target.inference)[0]  # what costs money asks for a key
    found = []
    for way in control.ways(session.target.control):
        await control.finish(session, way.ends)
        if way.starts:
            await control.start(session, way.starts)
        await control.back(session, ended.living)
        found += [await _asked(session, endpoint, state, key, way.name) for state, key in dead]
    return Resurrection(keys=tuple(found), alive=ended.alive)


async def _asked(session: Session, endpoint: Endpoint, state: State, key: str, way: str) -> Risen:
    asked = [await ask(session, endpoint, right(session, key)) for _ in range(_TIMES)]
    served = [one for one in asked if one.served()]
    return Risen(
        state=state,
        way=way,
        told=(served or asked)[0].told(),
        served=bool(served),
        refused=sum(decisive(one.reply) and not one.served() for one in asked),
        asked=len(asked),
    )
