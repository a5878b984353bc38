"""Spending in figures: how far beyond, how much of a limit can be used, how refusals look, how late usage is. Pure."""

from collections import Counter
from collections.abc import Iterable

from conformance.judge import Gathered
from conformance.model.exhibit import SpendFigures, SpendRefusal
from conformance.model.spend import (
    Attempt,
    Scenario,
    SpendRace,
    SpendSequential,
    SpendWorkload,
    Spent,
    UsageTruth,
)


def spend_figures(gathered: Gathered, rounds: Iterable[Scenario | Attempt]) -> SpendFigures:
    """The figures of a run's rounds."""
    every = tuple(rounds)
    worst = max(every, key=lambda one: one.bill() - one.limit, default=None)
    over = 0 if worst is None else max(0, worst.bill() - worst.limit)
    used = [100 * one.bill() // one.limit for one in every if one.limit and isinstance(one, Scenario)]
    usage, workload = gathered.get(UsageTruth.__name__), gathered.get(SpendWorkload.__name__)
    return SpendFigures(
        priced_by=_priced_by(gathered),
        overspent=over,
        overspent_percent=100 * over // worst.limit if worst is not None and worst.limit else 0,
        most_used_percent=max(used, default=0),
        refusals=_refusals(call for one in every for call in one.refusals()),
        usage_lag_ms=max((row.lag_ms for row in usage.rows), default=None)
        if isinstance(usage, UsageTruth)
        else None,
        money_limit=workload.money_limit if isinstance(workload, SpendWorkload) else 0,
    )


def _priced_by(gathered: Gathered) -> str:
    for kind in (SpendSequential, SpendRace, SpendWorkload, UsageTruth):
        found = gathered.get(kind.__name__)
        if isinstance(found, kind):
            return found.price.source
    return ""


def _refusals(calls: Iterable[Spent]) -> tuple[SpendRefusal, ...]:
    """Every way in which calls were refused for their limit, the most frequent first."""
    ways = Counter((call.told, call.code, call.retry) for call in calls if not call.reached)
    return tuple(
        SpendRefusal(status=status, code=code, retry=retry, calls=times)
        for (status, code, retry), times in sorted(ways.items(), key=lambda way: (-way[1], way[0]))
    )
