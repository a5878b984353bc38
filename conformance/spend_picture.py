"""The picture of spending in a report: bills against limits, and the worst round call by call. Pure; no verdict depends on it."""

from collections.abc import Iterator

from conformance.judge import Gathered
from conformance.model.declared import Declared
from conformance.model.exhibit import SpendCall, SpendPicture, SpendRound
from conformance.model.money import from_usd
from conformance.model.spend import (
    Attempt,
    Scenario,
    SpendRace,
    SpendRestart,
    SpendSequential,
    SpendWorkload,
    Spent,
)
from conformance.model.spend_accounts import SpendAccounts, SpendModels
from conformance.spend_figures import spend_figures

_Round = Scenario | Attempt


def spend_picture(gathered: Gathered) -> SpendPicture | None:
    """The picture of a run; None where no key was spent to its limit."""
    rounds = [one for one in _rounds(gathered) if one.calls and one.limit > 0]
    if not rounds:
        return None
    declared = gathered.get(Declared.__name__)
    tolerated = from_usd(declared.promises.soft_limit) if isinstance(declared, Declared) else 0
    worst = max(
        rounds,
        key=lambda one: (
            max(0, one.bill() - one.limit - tolerated) / one.limit,
            _at_once(one),
            one.bill() / one.limit,
        ),
    )
    return SpendPicture(
        tolerated=tolerated,
        rounds=tuple(_round(one) for one in rounds),
        worst=worst.name,
        calls=tuple(_call(call) for call in sorted(worst.calls, key=lambda call: call.left_ms)),
        figures=spend_figures(gathered, _rounds(gathered)),
    )


def _rounds(gathered: Gathered) -> Iterator[_Round]:
    """Every round that was recorded, in the order in which they were made."""
    for name in (
        "SpendSequential",
        "SpendRace",
        "SpendWorkload",
        "SpendAccounts",
        "SpendModels",
        "SpendRestart",
    ):
        match found := gathered.get(name):
            case SpendSequential(scenarios=scenarios):
                yield from scenarios
            case SpendRace(rounds=rounds, pipelined=pipelined):
                yield from rounds
                yield from (pipelined,) if pipelined else ()
            case SpendWorkload(attempts=attempts) | SpendRestart(attempts=attempts):
                yield from attempts
            case SpendAccounts():
                yield from found.every()
            case SpendModels(tried=tried):
                yield from (model.attempt for model in tried)


def _round(one: _Round) -> SpendRound:
    return SpendRound(
        name=one.name,
        limit=one.limit,
        bill=one.bill(),
        calls=len(one.calls),
        reached=sum(call.reached for call in one.calls),
        at_once=_at_once(one),
        controlled=one.control.ample_before and one.control.ample_after,
    )


def _at_once(one: _Round) -> int:
    """How many calls left together; for attempts, the most that were under way at one time."""
    if isinstance(one, Scenario):
        return max(one.at_once, one.in_flight)
    starts = [call.left_ms for call in one.calls]
    return max(1, *(sum(call.left_ms <= at < call.answered_ms for call in one.calls) for at in starts))


def _call(call: Spent) -> SpendCall:
    return SpendCall(
        left_ms=call.left_ms,
        answered_ms=call.answered_ms,
        told=call.told,
        reached=call.reached,
        cost=call.cost,
    )
