"""An audit, start to end: plan → observe → judge → assess. Everything that touches the target happens in `observe`."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from conformance.assess import assess
from conformance.catalogue import Observation, Phase, checks, observations
from conformance.evidence.folder import NotARun, RunFolder
from conformance.evidence.writing import CannotRecord, write_whole
from conformance.judge import Gathered, judge, recall
from conformance.kills import kill_matrix
from conformance.model.declared import Declared
from conformance.model.evidence import CannotObserve, Evidence, Unobserved
from conformance.model.preflight import Preflight
from conformance.model.results import Results, encode
from conformance.model.run import RunRecord, Timing
from conformance.model.scale import Disruption, Fault
from conformance.selection import Selection
from conformance.session import Session
from conformance.stage import Stage, declare
from conformance.target import ACCESS

_Left = TypeVar("_Left")
Progress = Callable[[str, str], None]  # (observation, "begins" | "ends" | "cannot"): for whoever watches


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be looked at, and what will not, before anything is sent."""

    observations: tuple[Observation, ...]
    barred: Mapping[str, Unobserved]  # evidence name → why it cannot be had with the declared access


def plan(session_access: frozenset[str], environment: str, authorised: bool, selection: Selection) -> Plan:
    """The observations that the selected checks need, parted by whether the declared access and environment allow them."""
    wanted = {kind for check in selection.checks(checks()) for kind in check.needs.values()}
    needed = [o for o in observations() if o.yields in wanted or o.yields is Preflight]
    needed = _with_forerunners(needed)
    barred = {
        o.yields.__name__: why for o in needed if (why := _bar(o, session_access, environment, authorised))
    }
    return Plan(observations=tuple(o for o in needed if o.yields.__name__ not in barred), barred=barred)


def _with_forerunners(needed: Iterable[Observation]) -> list[Observation]:
    """The observations together with those that must come before them."""
    every = {o.yields: o for o in observations()}
    found: dict[str, Observation] = {}
    waiting = list(needed)
    while waiting:
        observation = waiting.pop()
        if observation.name not in found:
            found[observation.name] = observation
            waiting += [every[kind] for kind in observation.after if kind in every]
    return [o for o in observations() if o.name in found]


def _bar(
    observation: Observation, access: frozenset[str], environment: str, authorised: bool
) -> Unobserved | None:
    missing = [name for name in observation.access if name not in access]
    if missing:
        return Unobserved(
            reason=f"the target file declares no access of this kind: {', '.join(missing)}",
            fault=Fault.OPERATOR,
            decide="declare " + "; ".join(ACCESS[name] for name in missing),
        )
    if observation.disruption is Disruption.INTRUSIVE and environment == "production" and not authorised:
        return Unobserved(
            reason="this look may disturb a production system, and no authorisation is declared",
            fault=Fault.OPERATOR,
            decide="audit staging, or declare `[authorisation]`",
        )
    return None


async def audit(stage: Stage, selection: Selection, progress: Progress) -> Results:
    """Observe the target of a stage, record what was seen, and assess it. Interruption keeps all that was recorded so far."""
    target = stage.session.target
    authorised = target.authorised(stage.started.date())
    todo = plan(target.access(), target.environment, authorised, selection)
    stage.session.asked = frozenset(check.id for check in selection.checks(checks()))
    stage.session.wanted = frozenset(o.yields for o in todo.observations)
    stage.folder.write("Declared", declare(target))
    observer = Observer(stage, progress)
    for name, why in todo.barred.items():
        observer.keep(name, why)
    interrupted = False
    try:
        await observer.observe(todo.observations)
    except asyncio.CancelledError:
        interrupted = True
    except CannotRecord:
        await _to_its_end(stage.clear_up())
        raise
    leftovers = await _to_its_end(stage.clear_up())
    stage.folder.finish(_record(stage, selection, observer, interrupted=interrupted, leftovers=leftovers))
    return reassess(stage.folder)


async def _to_its_end(clearing_up: Coroutine[None, None, _Left]) -> _Left:
    """Await what no interruption may cut short: nothing is looked at any more, and keys are to be revoked."""
    task = asyncio.ensure_future(clearing_up)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task])
    return task.result()


def reassess(folder: RunFolder) -> Results:
    """Judge and assess what a run recorded; offline, and the same bytes for the same evidence. Raises NotARun."""
    record = folder.record()
    gathered: Gathered = recall(folder)
    declared = gathered.get("Declared")
    if not isinstance(declared, Declared):
        raise NotARun(f"{folder.path} does not say what was declared about its target")
    try:
        selection = Selection.parse(record.selection)
    except (msgspec.DecodeError, UnicodeDecodeError) as trouble:
        raise NotARun(f"{folder.path}: the selection in its record cannot be read: {trouble}") from None
    findings = judge(selection.checks(checks()), gathered)
    results = assess(
        declared=declared,
        record=record,
        findings=findings,
        gathered=gathered,
        digests={name: digest for name in gathered if (digest := folder.digest(name))},
        kills=kill_matrix(),
    )
    write_whole(folder.path / "results.json", encode(results))
    return results


class Observer:
    """Runs observations phase by phase; whatever goes wrong with one is recorded in its place and stops no other."""

    def __init__(self, stage: Stage, progress: Progress) -> None:
        """Observe for `stage`, telling `progress` what begins and ends."""
        self._stage = stage
        self._progress = progress
        self._began = time.monotonic()
        self.timings: list[Timing] = list(_earlier_timings(stage))
        self.faults: list[str] = []

    async def observe(self, todo: Iterable[Observation]) -> None:
        """Run all observations: one phase after another, side by side inside each."""
        todo = tuple(todo)
        for phase in Phase:
            waiting = [o for o in todo if o.phase is phase and not self._recorded(o)]
            if waiting:
                await self._stage.before(phase)
            while waiting:
                pending = {o.yields for o in waiting}
                ready = [o for o in waiting if not pending & set(o.after)]
                await _side_by_side(self._look(o) for o in ready)
                waiting = [o for o in waiting if o not in ready]

    def keep(self, name: str, found: Evidence | Unobserved) -> None:
        """Record what was found, or why nothing was."""
        self._stage.folder.write(name, found)
        if isinstance(found, Evidence):
            self._stage.session.gathered[type(found)] = found

    def _recorded(self, observation: Observation) -> bool:
        """Whether a resumed run has this evidence already."""
        return observation.yields in self._stage.session.gathered

    async def _look(self, observation: Observation) -> None:
        self._progress(observation.title, "begins")
        began = time.monotonic()
        found = self._lost_access(observation) or await self._attempt(observation)
        self.keep(observation.yields.__name__, found)
        self.timings.append(
            Timing(
                observation=observation.name,
                evidence=observation.yields.__name__,
                began_ms=int((began - self._began) * 1000),
                took_ms=int((time.monotonic() - began) * 1000),
            )
        )
        self._progress(observation.title, "cannot" if isinstance(found, Unobserved) else "ends")

    def _lost_access(self, observation: Observation) -> Unobserved | None:
        """What the pre-flight found broken among the access that an observation needs."""
        preflight = self._stage.session.gathered.get(Preflight)
        if not isinstance(preflight, Preflight):
            return None
        return next(
            (s.trouble for s in preflight.steps if s.trouble is not None and s.blocks in observation.access),
            None,
        )

    async def _attempt(self, observation: Observation) -> Evidence | Unobserved:
        session: Session = self._stage.session
        try:
            return await observation.run(session)
        except CannotObserve as trouble:
            return trouble.unobserved
        except CannotRecord:
            raise  # our own disk: no look can go on
        except OSError as trouble:
            return Unobserved(
                reason=f"{observation.title}: {trouble}",
                fault=Fault.NETWORK,
                decide="repeat the audit when the network is well",
            )
        except Exception as bug:  # noqa: BLE001 - the top of one look: a bug of ours becomes a fault, and the run goes on
            self.faults.append(f"{observation.name}: {type(bug).__name__}: {bug}"[:300])
            return Unobserved(
                reason=f"our own code failed in '{observation.name}' ({type(bug).__name__})",
                fault=Fault.SUITE,
                decide="report this as a fault of the suite",
            )


async def _side_by_side(looks: Iterable[Coroutine[None, None, None]]) -> None:
    """Run looks together; where one cannot be recorded, the others end before anything else is done."""
    tasks = [asyncio.ensure_future(look) for look in looks]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _earlier_timings(stage: Stage) -> tuple[Timing, ...]:
    """How long the looks took that a resumed run does not repeat."""
    kept = {kind.__name__ for kind in stage.session.gathered}
    try:
        record = stage.folder.record()
    except NotARun:
        return ()
    return tuple(timing for timing in record.timings if timing.evidence in kept)


def _record(
    stage: Stage, selection: Selection, observer: Observer, *, interrupted: bool, leftovers: tuple[str, ...]
) -> RunRecord:
    session = stage.session
    return RunRecord(
        run=stage.run,
        suite=stage.suite,
        started=stage.started.isoformat(timespec="seconds"),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        profile=stage.profile,
        sample=session.sample,
        seed=stage.seed,
        selection=selection.text(),
        require=selection.gate(session.target.gate.require, checks()),
        target_file=stage.target_file,
        interrupted=interrupted,
        requests=session.meter.requests,
        spent=session.meter.money,
        timings=tuple(sorted(observer.timings, key=lambda t: (t.began_ms, t.observation))),
        leftovers=leftovers,
        faults=tuple(observer.faults),
    )
