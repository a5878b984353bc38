"""Observing: whatever goes wrong with one look is recorded in its place, with whose fault it is, and stops no other."""

import asyncio
import random
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from conformance.audit import Observer, plan
from conformance.canary.mint import Mint
from conformance.catalogue import Cost, Observation, Phase, checks, observations
from conformance.evidence.folder import RunFolder
from conformance.evidence.journal import Journal
from conformance.model.evidence import CannotObserve, Evidence, Unobserved
from conformance.model.keys import Revocation, Rotation
from conformance.model.preflight import Preflight, Step
from conformance.model.scale import Disruption, Fault, Level
from conformance.probes.door import Door
from conformance.probes.meter import LimitReached, Meter
from conformance.selection import Selection
from conformance.session import Session
from conformance.stage import Stage
from conformance.target import Gateway, Target

Look = Callable[[Session], Awaitable[Evidence]]
SEEN = Rotation(absent="there is none")
UNSEEN = Unobserved(reason="silence", fault=Fault.NETWORK, decide="ask again")


def _observation(
    run: Look, *, phase: Phase = Phase.KEYS, yields: type[Evidence] = Rotation, **more: Any
) -> Observation:
    fields: dict[str, Any] = {
        "access": (),
        "after": (),
        "level": Level.OPERATOR,
        "disruption": Disruption.PASSIVE,
    }
    return Observation(
        name=run.__name__, yields=yields, phase=phase, cost=lambda target, n: Cost(), run=run, title=run.__name__,
        **(fields | more),
    )  # fmt: skip


def _observe(
    folder: RunFolder, *todo: Observation, recorded: Evidence | None = None
) -> tuple[Observer, list[str]]:
    """Run observations on a stage; the observer, and what it told while it worked."""
    told: list[str] = []

    async def scene() -> Observer:
        target = Target(name="t", environment="test", gateway=Gateway(base_urls=("http://127.0.0.1:1",)))
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        meter = Meter(target.limits)
        door, journal = Door(target, trust, meter), Journal(folder.private / "journal.jsonl")
        session = Session(
            target=target, base=folder.path, run_folder=folder.path, trust=trust, sample=1, meter=meter, door=door,
            mint=Mint(b"a run key of the tests"), journal=journal, random=random.Random(1),
        )  # fmt: skip
        stage = Stage(
            session=session, folder=folder, run="r", suite="1", profile="quick", seed=1, target_file="t.toml",
            started=datetime(2026, 11, 24, tzinfo=UTC),
        )  # fmt: skip
        observer = Observer(stage, lambda what, event: told.append(f"{what} {event}"))
        if recorded is not None:
            observer.keep(type(recorded).__name__, recorded)
        try:
            await observer.observe(todo)
        finally:
            journal.close()
            await door.close()
        return observer

    return asyncio.run(scene()), told


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """Where a run is recorded."""
    return RunFolder.create(tmp_path, "r", datetime(2026, 11, 24, tzinfo=UTC))


async def sees(session: Session) -> Evidence:
    """Sees something."""
    return SEEN


def _raising(trouble: Exception) -> Look:
    async def stumbles(session: Session) -> Evidence:
        raise trouble

    return stumbles


def test_what_was_seen_is_recorded_with_the_time_it_took(folder: RunFolder) -> None:
    observer, told = _observe(folder, _observation(sees))
    assert folder.read(Rotation) == SEEN
    assert [(t.observation, t.evidence) for t in observer.timings] == [("sees", "Rotation")]
    assert told == ["sees begins", "sees ends"]


@pytest.mark.parametrize(
    ("trouble", "fault"),
    [
        (CannotObserve("no door", fault=Fault.OPERATOR, decide="declare one"), Fault.OPERATOR),
        (CannotObserve("it broke", fault=Fault.TARGET, decide="mend it"), Fault.TARGET),
        (LimitReached("requests (5)", "requests"), Fault.OPERATOR),
        (ConnectionResetError("reset"), Fault.NETWORK),
        (TimeoutError(), Fault.NETWORK),
        (KeyError("a bug"), Fault.SUITE),
        (ZeroDivisionError(), Fault.SUITE),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_look_that_failed_is_unobserved_and_never_empty(
    folder: RunFolder, trouble: Exception, fault: Fault
) -> None:
    observer, told = _observe(folder, _observation(_raising(trouble)))
    found = folder.read(Rotation)
    assert isinstance(found, Unobserved)
    assert found.fault is fault
    assert found.reason
    assert found.decide
    assert bool(observer.faults) is (fault is Fault.SUITE)
    assert told == ["stumbles begins", "stumbles cannot"]


def test_a_look_that_failed_stops_no_other(folder: RunFolder) -> None:
    broken = _observation(_raising(KeyError("a bug")), yields=Revocation)
    _observe(folder, broken, _observation(sees))
    assert folder.read(Rotation) == SEEN
    assert isinstance(folder.read(Revocation), Unobserved)


def test_phases_follow_one_another_and_forerunners_come_first(folder: RunFolder) -> None:
    async def first(session: Session) -> Evidence:
        return Revocation(deaths=(), absent=())

    async def second(session: Session) -> Evidence:
        assert Revocation in session.gathered
        return SEEN

    async def last(session: Session) -> Evidence:
        assert Rotation in session.gathered
        return Preflight(steps=())

    todo = (
        _observation(last, phase=Phase.INSIDE, yields=Preflight),
        _observation(second, after=(Revocation,)),
        _observation(first, yields=Revocation),
    )
    observer, told = _observe(folder, *todo)
    assert observer.faults == []
    assert [line for line in told if line.endswith("begins")] == [
        "first begins",
        "second begins",
        "last begins",
    ]


def test_what_an_earlier_part_of_the_run_saw_is_not_looked_at_again(folder: RunFolder) -> None:
    _, told = _observe(folder, _observation(sees), recorded=SEEN)
    assert told == []


@pytest.mark.parametrize(("access", "found"), [(("admin",), UNSEEN), (("key",), SEEN), ((), SEEN)])
def test_access_that_the_preflight_found_broken_is_the_reason_given(
    folder: RunFolder, access: tuple[str, ...], found: Evidence | Unobserved
) -> None:
    lost = Preflight(steps=(Step(name="keys", detail="", trouble=UNSEEN, blocks="admin"),))
    _observe(folder, _observation(sees, access=access), recorded=lost)
    assert folder.read(Rotation) == found


EVERYTHING = frozenset({
    "key", "admin", "witness", "surfaces", "account-surface", "restart", "other-environment", "other-account",
})  # fmt: skip


def test_with_every_access_everything_is_planned() -> None:
    made = plan(EVERYTHING, "test", False, Selection())
    assert {o.name for o in made.observations} >= {"preflight", "revocation", "spend_race"}
    assert dict(made.barred) == {}


def test_without_access_what_cannot_be_had_is_barred_with_its_reason() -> None:
    made = plan(frozenset(), "production", False, Selection())
    assert all(not o.access for o in made.observations)
    assert made.barred["SpendRace"].fault is Fault.OPERATOR
    assert "admin" in made.barred["SpendRace"].decide
    assert "witness" in made.barred["SpendRace"].decide
    assert not {o.yields.__name__ for o in made.observations} & set(made.barred)


def test_only_what_the_chosen_checks_need_is_looked_at_and_what_must_come_before() -> None:
    made = plan(EVERYTHING, "test", False, Selection(checks_like=("spend.concurrent-limit-holds",)))
    assert {o.name for o in made.observations} == {"preflight", "spend_sequential", "spend_race"}


def test_every_observation_that_some_check_needs_can_be_planned() -> None:
    made = plan(EVERYTHING, "production", True, Selection())
    needed = {kind for check in checks() for kind in check.needs.values()}
    assert {o for o in observations() if o.yields in needed} <= set(made.observations)
