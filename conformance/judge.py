"""Judging: from recorded evidence to one verdict per check. Pure but for reading the run folder; no network, no clock."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from conformance.catalogue import Check, evidence_types
from conformance.evidence.folder import RunFolder
from conformance.model.dispositions import Dispositions
from conformance.model.evidence import Evidence, Unobserved
from conformance.model.page import PageDrift
from conformance.model.scale import Fault
from conformance.model.verdict import Inconclusive, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A check and what it said. `fault` is set where our own code, and not the evidence, is to blame for an inconclusive."""

    check: Check
    verdict: Verdict
    fault: str = ""


Gathered = dict[str, Evidence | Unobserved]


def recall(folder: RunFolder) -> Gathered:
    """Everything that a run recorded, by name of the evidence type. Raises NotARun on records of another form."""
    kinds = evidence_types() | {kind.__name__: kind for kind in (Dispositions, PageDrift)}
    found = {name: folder.read(kind) for name, kind in kinds.items()}
    return {name: record for name, record in found.items() if record is not None}


def judge(checks: Iterable[Check], gathered: Gathered) -> tuple[Finding, ...]:
    """One finding per check, in the order given."""
    return tuple(_judge_one(check, gathered) for check in checks)


def _judge_one(check: Check, gathered: Gathered) -> Finding:
    arguments: dict[str, Any] = {}
    for parameter, kind in check.needs.items():
        found = gathered.get(kind.__name__) or _missing(kind)
        if isinstance(found, Unobserved) and parameter not in check.may_lack:
            return Finding(check=check, verdict=Inconclusive(because=found.reason, decide=found.decide))
        arguments[parameter] = found
    try:
        return Finding(check=check, verdict=check.judge(**arguments))
    except Exception as bug:  # noqa: BLE001 - the one place where a bug in a check becomes a fault instead of a lost run
        what = f"{check.id}: {type(bug).__name__}"
        verdict = Inconclusive(
            because=f"the check itself failed ({what})", decide="report this as a fault of the suite"
        )
        return Finding(check=check, verdict=verdict, fault=what)


def _missing(kind: type[Evidence]) -> Unobserved:
    return Unobserved(
        reason=f"no {kind.__name__} was recorded: the run ended before it, or it was not selected",
        fault=Fault.OPERATOR,
        decide="audit again without leaving it out",
    )


def unseen(gathered: Gathered) -> tuple[tuple[str, Unobserved], ...]:
    """What could not be observed, by name, in alphabetical order."""
    return tuple((name, found) for name, found in sorted(gathered.items()) if isinstance(found, Unobserved))


def suite_faults(gathered: Gathered) -> tuple[str, ...]:
    """Observations that our own code prevented."""
    return tuple(f"{name}: {found.reason}" for name, found in unseen(gathered) if found.fault is Fault.SUITE)
