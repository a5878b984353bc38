"""K6: the advice on keys is followed."""

from typing import Literal

from conformance.catalogue import check
from conformance.model.keys import ExistingKeys
from conformance.model.scale import Level, Severity
from conformance.model.verdict import Fail, Inconclusive, Norm, Pass, Verdict


@check(
    "keys.existing-keys-have-limits",
    claim="K6",
    severity=Severity.LOW,
    level=Level.OPERATOR,
    deciding=False,
    fix="Give each key the limit that its use needs; end keys that nobody uses.",
)
def existing_keys_have_limits(existing: ExistingKeys) -> Verdict:
    """Every key that is there has a spending limit.

    A limit bounds what a leaked key costs before somebody notices. Who holds the keys decides about it, not the gateway.
    """
    if existing.unlimited:
        return Fail(
            because=f"{existing.unlimited} of {existing.total} keys have no spending limit",
            expected="a limit on every key",
            observed=f"{existing.unlimited} without",
            cites=(existing,),
            reproduction="list the keys",
            norm=_norms(existing),
        )
    if not existing.total or existing.unlimited is None:
        what = (
            "limits are not told in the listing"
            if existing.total
            else "there are no keys but the audits' own"
        )
        return Inconclusive(
            because=what, decide="describe `listing.limit` in the dialect, where there are keys"
        )
    return Pass(because=f"{existing.total} keys, each with a limit", cites=(existing,), norm=_norms(existing))


def _norms(existing: ExistingKeys) -> tuple[Norm, ...]:
    """Rotation is advised, and its period is each customer's own; so is what becomes of keys that nobody uses."""
    return (*_age(existing), *_use(existing), *_environment(existing))


def _age(existing: ExistingKeys) -> tuple[Norm, ...]:
    if existing.oldest_days is None:
        return ()
    note = f"the oldest is {existing.oldest_days} days old, {existing.aged} are older than a year"
    return (
        Norm(
            source="keys are renewed within a year", verdict="not met" if existing.aged else "met", note=note
        ),
    )


def _use(existing: ExistingKeys) -> tuple[Norm, ...]:
    if existing.idle is None:
        return ()
    note = f"{existing.idle} were not used for a quarter of a year, {existing.never} never"
    verdict: Literal["met", "not met"] = "not met" if existing.idle else "met"
    return (Norm(source="keys that nobody uses are ended", verdict=verdict, note=note),)


def _environment(existing: ExistingKeys) -> tuple[Norm, ...]:
    if not existing.environments:
        return ()
    told = ", ".join(f"{count} of '{name}'" for name, count in sorted(existing.environments.items()))
    return (Norm(source="keys tell their environment", verdict="note", note=f"{told}, of {existing.total}"),)
