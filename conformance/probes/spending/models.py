"""Spending by calls of further models, each at its own price: under the names that the target file gives, and under near ones."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from conformance.catalogue import Cost, Phase, observes
from conformance.dialects.speak import Key
from conformance.model.evidence import CannotObserve
from conformance.model.preflight import Price
from conformance.model.scale import Disruption, Fault, Level
from conformance.model.spend import SpendRace, SpendSequential, SpendWorkload
from conformance.model.spend_accounts import ModelTried, SpendAccounts, SpendModels
from conformance.probes import calls
from conformance.probes.prices import price_of
from conformance.probes.spending.attempts import attempt
from conformance.probes.spending.oracle import AMPLE, cost_of_one
from conformance.probes.spending.orders import Shape
from conformance.probes.spending.table import Way
from conformance.probes.spending.workload import headroom_of
from conformance.session import Session
from conformance.target import Target

_MOST = 6  # further models, the dearest first
_CALLS_EACH = 14  # of a name, with its controls
_NAMES = 4  # of a model
_ANY = "gateproof-any"  # for the star of a name that stands for many


@dataclass(frozen=True, slots=True, kw_only=True)
class _Model:
    """A model of the target file."""

    declared: str
    name: str  # as a caller writes it
    price: Price
    provider: str | None  # the name under which the provider is asked for it; None: it was not asked


def _cost(target: Target, sample: int) -> Cost:
    further = min(_MOST, max(0, len(target.witness_models()) - 1))
    return Cost(requests=further * _NAMES * _CALLS_EACH)


@observes(
    phase=Phase.SPEND,
    level=Level.OPERATOR,
    disruption=Disruption.STATE_CHANGING,
    access=("admin", "witness"),
    after=(SpendSequential, SpendRace, SpendWorkload, SpendAccounts),
    cost=_cost,
)
async def spend_models(session: Session) -> SpendModels:
    """Spend keys by calls of every further model that the target file names."""
    first, *others = session.target.witness_models()
    if not others:
        return SpendModels(only=first)
    headroom = headroom_of(session)
    ample = await session.keys().create("ample", AMPLE)
    cost = await cost_of_one(session, ample)
    usual = await _asked(session, ample, first)
    known, left_out = await _known(session, ample, others)
    tried = [
        await _tried(session, ample, name, price, headroom=headroom, cost=cost)
        for model in known
        for name, price in await _names(session, ample, model, [usual, *known])
    ]
    return SpendModels(tried=tuple(tried), left_out=left_out)


async def _known(session: Session, ample: Key, models: Sequence[str]) -> tuple[list[_Model], tuple[str, ...]]:
    """The models whose calls can be billed, the dearest first, and why the others are left out."""
    known: list[_Model] = []
    left_out: list[str] = []
    for declared in models:
        try:
            known.append(await _asked(session, ample, declared))
        except CannotObserve as trouble:
            left_out.append(f"{declared}: {trouble}")
    known.sort(key=lambda model: -_usual(model.price))
    left_out += [f"{model.declared}: {_MOST} dearer ones were tried" for model in known[_MOST:]]
    return known[:_MOST], tuple(left_out)


async def _asked(session: Session, ample: Key, declared: str) -> _Model:
    """A model after one call of it. One that is refused has the usual price: nobody is billed for it."""
    name = declared.replace("*", _ANY)
    asked = calls.usual(session, ample.secret, "spend", model=name)
    reply = await calls.send(session, asked)
    seen = calls.reached(session, asked)
    if calls.admitted(reply) and not seen:
        raise CannotObserve(
            "its calls do not reach the witness",
            fault=Fault.OPERATOR,
            decide="route the model to the witness, or declare it with `witness = false`",
        )
    price = await price_of(session, ample.secret, declared)
    if price is None and seen:
        raise CannotObserve(
            "what it costs is neither declared nor told by the gateway, and its usage records did not show it",
            fault=Fault.OPERATOR,
            decide="declare `prompt_price` and `completion_price` of the model in the target file",
        )
    provider = seen[0].model if seen else None
    return _Model(declared=declared, name=name, price=price or session.price(), provider=provider)


def _usual(price: Price) -> int:
    """About what a usual call costs, in picodollars; only for comparing prices."""
    return price.bill(calls.PROMPT_SIZE // 4, calls.MAX_TOKENS)


async def _names(
    session: Session, ample: Key, model: _Model, every: Sequence[_Model]
) -> list[tuple[str, Price]]:
    """Names under which a caller may try to get a model, each with the price of what the provider is then asked for.

    Where that can be several of the models, or is none of them, it is the least of their prices: no bill is made larger than
    it is.
    """
    names = [(model.name, model.price)]
    for name in (near for near in _near(model.name) if near not in session.target.models):
        asked = calls.usual(session, ample.secret, "spend", model=name)
        await calls.send(session, asked)
        seen = {call.model for call in calls.reached(session, asked)}
        prices = [each.price for each in every if each.provider in seen] or [each.price for each in every]
        names.append((name, min(prices, key=_usual)))
    return names


def _near(name: str) -> Iterator[str]:
    yield f"{name}:free"
    yield f"openai/{name}"
    yield f"{name}-gateproof-priced-nowhere"


async def _tried(
    session: Session, ample: Key, name: str, price: Price, *, headroom: int, cost: int
) -> ModelTried:
    """One name on a key of its own, whose limit leaves room for what is held back for a call at this price."""
    usual = max(1, _usual(session.price()))
    times = max(1, -(-_usual(price) // usual))
    # Orders reckon with the usual model's price: what this one costs more is counted here.
    worst = calls.worst_case(session, calls.usual(session, None, "spend"))
    await session.meter.admit(requests=0, money=(times - 1) * _CALLS_EACH * worst)
    way = Way(name=f"calls of {name}", family="model", shape=Shape(model=name), price=price, room=times)
    made = await attempt(session, ample, way, headroom=headroom, cost=cost)
    return ModelTried(name=name, price=price, attempt=made)
