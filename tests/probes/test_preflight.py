"""Before anything else: whose fault it is that nothing can be seen, and what money means."""

import asyncio
import ssl
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from conformance.dialects.speak import Key, KeyApi
from conformance.model.evidence import CannotObserve
from conformance.model.money import PICO_PER_USD, from_usd
from conformance.model.preflight import Preflight
from conformance.model.scale import Fault
from conformance.probes import calls
from conformance.probes.door import Answer, NoAnswer, Reply
from conformance.probes.key_display import _names
from conformance.probes.preflight import _read_back, preflight
from conformance.probes.prices import told_price
from conformance.probes.spending.oracle import at_once
from conformance.probes.usage import settled_usage
from conformance.session import Session
from conformance.target import (
    Credentials,
    DialectChoice,
    Endpoint,
    Limits,
    Promises,
    Secret,
    Target,
    WitnessPlace,
)
from tests.probes import servers
from tests.probes.conftest import Opened, run, target
from tests.probes.servers import Script, answering, listening, saying

ANSWER = Answer(status=200, headers=(), body=b"", ms=1)


def _key(**more: Any) -> Key:
    fields: dict[str, Any] = {
        "name": "gateproof-r-shown-1", "secret": "s", "id": "id-000007", "limit": PICO_PER_USD, "variables": {},
        "creation": ANSWER,
    }  # fmt: skip
    return Key(**(fields | more))


def _found(
    opened: Opened, script: Script, *, scheme: str = "http", tls: ssl.SSLContext | None = None
) -> Preflight:
    async def scene() -> Preflight:
        async with listening(script, tls) as port, opened(target(port, scheme)) as session:
            return await preflight(session)

    return run(scene)


@pytest.mark.parametrize(
    ("script", "fault", "said"),
    [
        (servers.silence, Fault.NETWORK, "did not answer in time"),
        (servers.reset, Fault.TARGET, "closed the connection without an answer"),
        (saying(b"\x00" * 100), Fault.TARGET, "HTTP"),
    ],
    ids=["silence", "reset", "garbage"],
)
def test_a_gateway_that_does_not_answer_is_somebodys_fault(
    opened: Opened, script: Script, fault: Fault, said: str
) -> None:
    found = _found(opened, script)
    trouble = found.steps[0].trouble
    assert trouble is not None
    assert trouble.fault is fault
    assert said in trouble.reason
    assert found.price is None
    assert found.seen() == 0


def test_a_certificate_that_nobody_trusts_is_the_operators(opened: Opened, stranger: ssl.SSLContext) -> None:
    trouble = _found(opened, answering(), scheme="https", tls=stranger).steps[0].trouble
    assert trouble is not None
    assert trouble.fault is Fault.OPERATOR
    assert "gateway.ca_file" in trouble.decide


class Unasked:
    """A key API of which nothing may be asked."""


async def _preflight(opened: Opened, admin_url: str) -> Preflight:
    """The pre-flight of a gateway that answers, and whose key API is said to be elsewhere."""
    async with listening(answering()) as port:
        the_target = target(port, admin_url=admin_url)
        async with opened(the_target, key_api=cast("KeyApi", Unasked()), own_key="k") as session:
            session.target = _managed(session)
            return await preflight(session)


def _managed(session: Session) -> Target:
    """The same target, with all that makes the key API and the witness count as declared."""
    return msgspec.structs.replace(
        session.target,
        credentials=Credentials(admin=Secret(env="ADMIN")),
        dialect=DialectChoice(use="openrouter"),
        witness=WitnessPlace(),
    )


def test_a_key_api_that_nobody_serves_is_told_once_and_blocks_what_needs_keys(opened: Opened) -> None:
    async def scene() -> Preflight:
        async with listening(servers.silence) as nobody:
            pass
        return await _preflight(opened, f"https://127.0.0.1:{nobody}")

    found = run(scene)
    (trouble,) = {step.trouble for step in found.steps if step.trouble is not None}
    assert trouble.fault is Fault.NETWORK
    assert trouble.reason.startswith("https://127.0.0.1:")
    assert trouble.decide == "start the gateway, or correct `gateway.admin_url`"
    assert [step.blocks for step in found.steps] == ["", "admin", "admin", "witness"]
    assert found.price is None


def test_a_key_api_with_a_certificate_that_nobody_trusts_is_the_operators(
    opened: Opened, stranger: ssl.SSLContext
) -> None:
    heard: list[tuple[bytes, bytes]] = []

    async def scene() -> Preflight:
        async with listening(saying(b"HTTP/1.1 200 OK\r\n\r\n", heard=heard), stranger) as port:
            return await _preflight(opened, f"https://127.0.0.1:{port}")

    step = run(scene).steps[1]
    assert step.name == "the key API answers"
    assert step.trouble is not None
    assert step.trouble.fault is Fault.OPERATOR
    assert heard == []


def test_a_key_api_that_answers_anything_is_there(opened: Opened, tls: ssl.SSLContext) -> None:
    async def scene() -> Preflight:
        async with (
            listening(answering(), None) as port,
            listening(answering(status="404 Not Found"), tls) as admin,
            opened(target(port, admin_url=f"https://127.0.0.1:{admin}")) as session,
        ):
            return await preflight(session)

    step = run(scene).steps[1]
    assert (step.detail, step.trouble) == ("GET /: 404", None)


def test_any_answer_is_an_answer(opened: Opened) -> None:
    first = _found(opened, answering(status="500 Internal Server Error")).steps[0]
    assert (first.detail, first.trouble) == ("GET /v1/models: 500", None)


@pytest.mark.parametrize(
    ("told", "pico"),
    [
        ("0.00000015", 150_000), ("1e-12", 1), ("0", 0), (0, 0),
        ("1.5e-13", None), ("1.5e-12", None), ("-1", None), ("NaN", None), ("Infinity", None), ("1e999999999", None),
        (None, None), (True, None), ({}, None), ("", None),
    ],
)  # fmt: skip
def test_a_price_that_cannot_be_added_up_exactly_is_no_price(told: object, pico: int | None) -> None:
    assert told_price(told, 1) == pico


class Books:
    """A key API that only reads: what it tells, one answer after another, the last for ever."""

    def __init__(self, *usages: int | None, limit: int | None = PICO_PER_USD) -> None:
        self.dialect = SimpleNamespace(read=True, own=None)
        self._usages = list(usages) or [0]
        self._limit = limit

    async def read(self, key: Key) -> SimpleNamespace:
        usage = self._usages.pop(0) if len(self._usages) > 1 else self._usages[0]
        return SimpleNamespace(limit=self._limit, usage=usage, answer=ANSWER)


def _with(opened: Opened, books: Books, lag: float, scene: Any) -> Any:
    async def staged() -> Any:
        the_target = target(1)
        async with opened(the_target, key_api=cast("KeyApi", books)) as session:
            session.target = _lagging(session, lag)
            return await scene(session)

    return run(staged)


def _lagging(session: Session, lag: float) -> Any:
    return msgspec.structs.replace(session.target, claims=Promises(usage_lag=lag))


@pytest.mark.parametrize(
    ("set_limit", "read", "good"),
    [
        (PICO_PER_USD, PICO_PER_USD, True),
        (PICO_PER_USD, None, True),
        (from_usd("1.2"), from_usd("1.2"), True),
        (PICO_PER_USD, 100 * PICO_PER_USD, False),
        (PICO_PER_USD, PICO_PER_USD // 100, False),
        (PICO_PER_USD, PICO_PER_USD + 1, False),
        (PICO_PER_USD, 0, False),
    ],
)
def test_a_limit_that_reads_back_otherwise_is_a_unit_misunderstood(
    opened: Opened, set_limit: int, read: int | None, good: bool
) -> None:
    async def scene(session: Session) -> Fault | None:
        try:
            await _read_back(session, _key(limit=set_limit))
        except CannotObserve as trouble:
            return trouble.unobserved.fault
        return None

    assert _with(opened, Books(limit=read), 1, scene) is (None if good else Fault.OPERATOR)


@pytest.mark.parametrize(
    ("usages", "wanted", "lag", "usage"),
    [
        ((0, 0, 7), {}, 5, 7),
        ((7, 9), {"above": 7}, 5, 9),
        ((0, 3, 7, 9), {"until": 7}, 5, 7),
        ((0, 3, 6, 9), {"until": 7, "tolerance": 1}, 5, 6),
        ((None, 7), {}, 5, None),
        ((0,), {}, 0, 0),
        ((3,), {"until": 7}, 0.05, 3),
        ((0,), {"until": 0}, 5, 0),
    ],
)
def test_usage_is_read_until_it_moves_or_the_declared_lag_has_passed(
    opened: Opened, usages: tuple[int | None, ...], wanted: dict[str, int], lag: float, usage: int | None
) -> None:
    async def scene(session: Session) -> int | None:
        return await settled_usage(session, _key(), **wanted)

    assert _with(opened, Books(*usages), lag, scene) == usage


@pytest.mark.parametrize(
    ("rate", "connections", "size"),
    [(100.0, 32, 24), (10.0, 32, 10), (100.0, 4, 4), (1.0, 32, 1), (0.5, 32, 1)],
)
def test_a_volley_keeps_to_the_rate_and_to_the_connections(rate: float, connections: int, size: int) -> None:
    assert at_once(target(1, limits=Limits(rate=rate, connections=connections)), 24) == size


@pytest.mark.parametrize(
    ("text", "speaks"),
    [
        ('{"hash": "id-000007"}', True),
        ('{"name": "gateproof-r-shown-1"}', True),
        ('{"name": "gateproof-r-shown-2"}', False),
        ("", False),
    ],
)
def test_an_answer_speaks_of_a_key_by_its_id_or_name(text: str, speaks: bool) -> None:
    assert _names(_key(), text) is speaks


def test_a_row_number_names_no_key() -> None:
    assert not _names(_key(id="7"), "date: Tue, 7 Nov 2026")


@pytest.mark.parametrize(
    ("reply", "admitted", "whole", "told"),
    [
        (Answer(status=200, headers=(), body=b"", ms=1), True, True, "200"),
        (Answer(status=299, headers=(), body=b"", ms=1), True, True, "299"),
        (Answer(status=200, headers=(), body=b"", ms=1, truncated=True), True, False, "200"),
        (Answer(status=302, headers=(), body=b"", ms=1), False, False, "302"),
        (Answer(status=402, headers=(), body=b"", ms=1), False, False, "402"),
        (NoAnswer(kind="timeout", detail="", ms=1), False, False, "timeout"),
    ],
)
def test_a_reply_is_served_or_not(reply: Reply, admitted: bool, whole: bool, told: str) -> None:
    assert (calls.admitted(reply), calls.whole(reply), calls.told(reply)) == (admitted, whole, told)


def test_every_call_asks_something_of_its_own(opened: Opened) -> None:
    async def scene() -> None:
        async with opened(target(1)) as session:
            one, two = (calls.chat(session, "k", "race") for _ in range(2))
            assert one.atom != two.atom
            assert one.atom in str(one.body)
            assert len(str(one.body)) == len(str(two.body)), "one shape, one price"
            assert "atom" not in repr(one.body.keys())
            await asyncio.sleep(0)

    run(scene)


@pytest.mark.parametrize(
    ("kinds", "body"),
    [
        (("messages", "chat"), "messages max_tokens"),
        (("messages",), "messages max_tokens"),
        (("embeddings", "completions"), "prompt max_tokens"),
        (("responses", "models"), "input max_output_tokens"),
    ],
)
def test_usual_calls_go_to_whatever_generates_text(opened: Opened, kinds: tuple[str, ...], body: str) -> None:
    inference = tuple(Endpoint(kind=kind, path=f"/there/{kind}") for kind in kinds)  # type: ignore[arg-type]  # its kinds
    there = msgspec.structs.replace(target(1), inference=inference)

    async def scene() -> tuple[calls.Asked, str]:
        async with opened(there) as session:
            return calls.usual(session, "k", "usage", stream=True), calls.usual_kind(session)

    asked, kind = run(scene)
    assert asked.path == f"/there/{kind}"
    assert " ".join(asked.body) == f"model {body} stream"
    assert asked.atom in str(asked.body)
    assert ("anthropic-version" in asked.headers) is (kind == "messages")


def test_a_target_that_generates_nothing_cannot_be_called(opened: Opened) -> None:
    there = msgspec.structs.replace(target(1), inference=(Endpoint(kind="embeddings", path="/e"),))

    async def scene() -> None:
        async with opened(there) as session:
            with pytest.raises(CannotObserve):
                calls.usual(session, "k", "usage")
            with pytest.raises(CannotObserve):
                calls.chat(session, "k", "usage")

    run(scene)
