"""The campaign as one observation: every path, its keys, what is remembered of it."""

from collections.abc import Mapping

from conformance.catalogue import Cost, Phase, observes
from conformance.model.campaign import Campaign
from conformance.model.scale import Disruption, Level
from conformance.probes import calls
from conformance.probes.line import places
from conformance.probes.retention import bodies
from conformance.probes.retention.arrivals import Arrivals
from conformance.probes.retention.keepsakes import Keepsakes
from conformance.probes.retention.keyring import AMPLE, MADE, keyring
from conformance.probes.retention.letters import Writer
from conformance.probes.retention.path import Desk
from conformance.probes.retention.paths import paths
from conformance.probes.retention.running import Runner, at_once, patience
from conformance.probes.retention.sending import Lines
from conformance.probes.retention.summary import cells_of, run_of
from conformance.session import Session
from conformance.target import Target

_CALLS_OF_A_KEY = 8  # requests to make a key and to revoke it, with owner and budget where a dialect has them
_MODELS = 5  # of the declared ones, tried at each endpoint


def _cost(target: Target, sample: int) -> Cost:
    every = paths(target)
    workers = at_once(target.limits.connections)
    each = patience(len(every), target.limits.seconds, workers) + target.limits.timeout
    keys = (AMPLE + len(MADE)) * _CALLS_OF_A_KEY if target.manages_keys() else 0
    models = _MODELS * len(bodies.BODIES) if len(target.witness_models()) > 1 else 0
    return Cost(
        requests=sum(path.count(sample) * path.each for path in every) + keys + models,
        seconds=len(every) * each / workers,
        bulk=sum(path.bulk(path.count(sample)) for path in every),
    )


@observes(
    phase=Phase.CAMPAIGN,
    level=Level.OPERATOR,
    disruption=Disruption.ACTIVE_SAFE,
    access=("key", "witness"),
    cost=_cost,
)
async def campaign(session: Session) -> Campaign:
    """Send canaries in every field along every path."""
    calls.chat_path(session)
    desk, keepsakes = await open_desk(session), Keepsakes()
    runner = Runner(desk, paths(session.target), keepsakes)
    try:
        await runner.run()
    finally:
        desk.lines.close()
        session.prompts += keepsakes.prompts(session.mint)
        session.expected_values += session.door.identifiers.found()
    return Campaign(
        sample=session.sample,
        paths=tuple(run_of(walk, desk.arrivals, session.sample) for walk in runner.walks),
        cells=tuple(cell for walk in runner.walks for cell in cells_of(walk, desk.arrivals)),
        keys=len(desk.keys.ample),
        answers=sum(issued.path == "answer" for issued in session.mint.issued.values()),
    )


async def open_desk(session: Session) -> Desk:
    """Keys, models and a view of what arrives. Raises CannotObserve where nothing can be called."""
    keys = await keyring(session)
    arrivals = Arrivals(session.provider(), session.mint.marker)
    lines = Lines(session, await places(session))
    return Desk(
        session=session,
        lines=lines,
        arrivals=arrivals,
        keys=keys,
        models=await _models(session, lines, keys.ample[0]),
    )


async def _models(session: Session, lines: Lines, key: str) -> Mapping[str, str]:
    """The model for each kind of endpoint: the first that is served there, or else the first of all."""
    chosen = {endpoint.kind: calls.model_of(session) for endpoint in session.target.inference}
    declared = session.target.witness_models()[:_MODELS]
    for kind in chosen.keys() & bodies.BODIES if len(declared) > 1 else ():
        chosen[kind] = await _served_at(session, lines, key, kind, declared)
    return {kind: str(model) for kind, model in chosen.items()}


async def _served_at(session: Session, lines: Lines, key: str, kind: str, models: tuple[str, ...]) -> str:
    for model in models:
        writer = Writer(
            session, "choice of models", url=session.target.endpoint(kind) or "", model=model, key=key
        )
        sent = await lines.post(writer.letter(bodies.BODIES[kind](writer, bodies.PLAIN)))
        if 200 <= sent.status < 300:
            return model
    return models[0]
