"""The campaign against gateways that will not play along: it ends, counts nothing for free, and says why."""

import asyncio
from itertools import pairwise

import pytest

from conformance.model.campaign import Campaign, PathRun
from conformance.model.evidence import CannotObserve
from conformance.model.scale import Fault
from conformance.probes.meter import LimitReached
from conformance.probes.retention import running
from conformance.probes.retention.arrivals import Arrivals
from conformance.probes.retention.campaign import campaign
from conformance.probes.retention.keepsakes import Keepsakes
from conformance.probes.retention.keyring import Keyring
from conformance.probes.retention.path import Desk, Stage
from conformance.probes.retention.paths import paths
from conformance.probes.retention.running import Runner
from conformance.probes.retention.sending import Lines
from conformance.session import Session
from conformance.target import Limits
from conformance.witness.canaries import Counted
from conformance.witness.server import Witness
from tests.probes import servers
from tests.probes.conftest import Opened, run, target
from tests.probes.servers import Script, answering, listening

_ROOM = Limits(requests=10_000, rate=1e5, timeout=0.2, connections=24)


def _witness() -> Witness:
    return Witness(host="127.0.0.1", port=0, tls=None, canaries=Counted())


def _sent_to(opened: Opened, script: Script, *, sample: int = 1, limits: Limits = _ROOM) -> Campaign:
    async def scene() -> Campaign:
        async with (
            _witness() as witness,
            listening(script) as port,
            opened(target(port, limits=limits), witness=witness, own_key="sk-own") as session,
        ):
            session.sample = sample
            return await campaign(session)

    return run(scene)


def _named(found: Campaign) -> dict[str, PathRun]:
    return {path.path: path for path in found.paths}


def test_a_gateway_that_never_answers_is_given_up_and_counts_nothing(opened: Opened) -> None:
    found = _sent_to(opened, servers.silence, sample=60)

    assert {path.path for path in found.paths if path.counted} <= {"left during the upload"}
    assert sum(path.sent for path in found.paths) < 100
    assert {told for path in found.paths for told in path.told} <= {"timeout", "left"}
    assert all(path.note for path in found.paths)


def test_a_path_that_leads_nowhere_is_given_up_alone(opened: Opened) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            _, body = await servers.request(reader)
            await (asyncio.Event().wait() if b"no-such-model" in body else asyncio.sleep(0))
            writer.write(b"HTTP/1.1 400 Bad\r\ncontent-length: 0\r\n\r\n")

    found = _named(_sent_to(opened, script, sample=20))

    assert found["unknown model"].sent < 20
    assert "in a row got no answer" in found["unknown model"].note
    assert found["no credential"].counted == found["no credential"].sent == 20


def test_a_cooldown_is_not_taken_for_a_refusal(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_COOL_SECONDS", 0.0)

    found = _named(_sent_to(opened, answering(status="429 Too Many Requests"), sample=2))

    assert found["success"].counted == found["provider error"].counted == found["no credential"].counted == 0
    assert found["success"].told == ("429",)


def test_what_a_gateway_answers_itself_is_no_forwarded_path(opened: Opened) -> None:
    found = _named(_sent_to(opened, answering(), sample=2))

    assert found["success"].told == ("200",)
    assert found["success"].counted == 0
    assert found["models"].kind == "answered"
    assert found["models"].counted == 2


def test_a_gateway_that_hangs_up_on_malformed_requests_refuses_them(opened: Opened) -> None:
    found = _named(_sent_to(opened, servers.reset, sample=3))

    assert found["malformed: truncated JSON"].counted == 3
    assert found["success"].counted == 0


def test_a_limit_ends_the_campaign_and_nothing_goes_on_behind_it(opened: Opened) -> None:
    seen: list[int] = []

    async def scene() -> None:
        async with _witness() as witness, listening(answering()) as port:
            limits = Limits(requests=30, rate=1e5, timeout=5, connections=24)
            async with opened(target(port, limits=limits), witness=witness, own_key="sk-own") as session:
                with pytest.raises(LimitReached, match="requests"):
                    await campaign(session)
                seen.append(session.meter.requests)
                assert not [task for task in asyncio.all_tasks() if "Runner" in repr(task.get_coro())]

    run(scene)

    assert seen == [30]


def test_without_a_key_there_is_no_campaign(opened: Opened) -> None:
    async def scene() -> CannotObserve:
        async with _witness() as witness, opened(target(1), witness=witness) as session:
            with pytest.raises(CannotObserve) as trouble:
                await campaign(session)
            return trouble.value

    assert run(scene).unobserved.fault is Fault.OPERATOR


def test_a_gateway_that_forwards_what_others_refuse_has_no_rejecting_paths(opened: Opened) -> None:
    async def scene() -> Campaign:
        async with _witness() as witness:
            limits = Limits(requests=10_000, rate=1e5, timeout=5, connections=24)
            where = target(witness.port, limits=limits)
            async with opened(where, witness=witness, own_key="sk-own") as session:
                session.sample = 2
                return await campaign(session)

    found = run(scene)

    assert {path.kind for path in found.paths if path.path in {"no credential", "unknown model"}} == {
        "forwarded"
    }
    assert "2 forwarded" in _named(found)["no credential"].note
    proven = {cell.field: cell.proven for cell in found.cells if cell.path == "optional fields"}
    assert all(proven.values())
    untried = {path.path: path.note for path in found.paths if not path.sent}
    assert untried == dict.fromkeys(
        ("revoked key", "over budget", "rate limited"), "not tried: no key API is declared"
    )


async def _nothing(session: Session) -> Runner:
    keys = Keyring(("sk-own",), missing={"poor": "none", "revoked": "none", "hurried": "none"})
    desk = Desk(
        session=session,
        lines=Lines(session, ("127.0.0.1",)),
        arrivals=Arrivals(session.provider(), session.mint.marker),
        keys=keys,
        models={"chat": "m", "models": "m"},
    )
    return Runner(desk, paths(session.target), Keepsakes())


def test_paths_are_mixed_and_those_that_spoil_others_come_last(opened: Opened) -> None:
    async def scene() -> list[tuple[float, str, Stage]]:
        async with _witness() as witness, listening(answering()) as port:
            limits = Limits(requests=10_000, rate=1e5, timeout=5, connections=24)
            async with opened(target(port, limits=limits), witness=witness) as session:
                session.sample = 5
                runner = await _nothing(session)
                await runner.run()
                runner._desk.lines.close()
                return sorted(
                    (trace.began, walk.path.name, walk.path.stage)
                    for walk in runner.walks
                    for trace in walk.traces
                )

    sent = run(scene)

    stages = [stage for _, _, stage in sent]
    assert stages == sorted(stages)
    changes = sum(one[1] != other[1] for one, other in pairwise(sent))
    assert changes > len(sent) / 2
