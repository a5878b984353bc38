"""The time of refusals, taken at servers that are slow for some keys, for all, or that do not play along."""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable

import pytest

from conformance.model.presented import State
from conformance.model.refusal_times import RefusalTimes
from conformance.probes.keys.refusal_times import Times, measured
from conformance.target import Endpoint
from tests.probes.conftest import Opened, run, target
from tests.probes.servers import Script, listening, request

KEYS: tuple[tuple[State, str], ...] = (
    ("unknown", "sk-nobody"),
    ("wrong secret", "sk-known-1"),
    ("revoked", "sk-known-2"),
)
MODELS = Endpoint(kind="models", path="/v1/models", billable=False)
ROUNDS = 100


def refusing(
    wait: Callable[[bytes], Awaitable[object]], *, status: int = 401, closes: bool = False
) -> Script:
    """A gateway that refuses every key, once it has waited as long as the key deserves."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ = True
        while open_:
            head, _ = await request(reader)
            shown = re.search(rb"(?i)authorization: bearer (\S+)", head)
            await wait(shown[1] if shown else b"")
            more = b"Connection: close\r\n" if closes else b""
            writer.write(b"HTTP/1.1 %d X\r\n%bContent-Length: 2\r\n\r\n{}" % (status, more))
            open_ = not closes

    return script


async def at_once(_key: bytes) -> None:
    """No wait."""


async def known_later(key: bytes) -> None:
    """Three milliseconds for whoever is known."""
    await asyncio.sleep(0.003 if key.startswith(b"sk-known") else 0)


def jitter(seed: int) -> Callable[[bytes], Awaitable[None]]:
    """A wait that has nothing to do with the key."""
    dice = random.Random(seed)
    return lambda _key: asyncio.sleep(dice.random() * 0.004)


def taken(opened: Opened, script: Script) -> Times:
    """What is measured there."""

    async def scene() -> Times:
        async with listening(script) as port, opened(target(port)) as session:
            return await measured(session, MODELS, KEYS, ROUNDS)

    return run(scene)


def found(times: Times) -> dict[State, bool]:
    """Which states were found to take another time than the first."""
    states = tuple(state for state, _ in KEYS)
    seen = RefusalTimes(states=states, rounds=tuple(times.rounds), most=ROUNDS)
    return {state: one.beyond for state, one in seen.differences().items()}


@pytest.mark.parametrize("closes", [False, True], ids=["kept open", "closed each time"])
def test_a_key_that_is_known_and_refused_later_is_told_apart(opened: Opened, closes: bool) -> None:
    times = taken(opened, refusing(known_later, closes=closes))

    assert not times.trouble
    assert found(times) == {"wrong secret": True, "revoked": True}


@pytest.mark.parametrize("wait", [at_once, jitter(1)], ids=["at once", "with jitter"])
def test_a_wait_that_owes_nothing_to_the_key_tells_nothing(
    opened: Opened, wait: Callable[[bytes], Awaitable[None]]
) -> None:
    times = taken(opened, refusing(wait))

    assert not times.trouble
    assert found(times) == {"wrong secret": False, "revoked": False}


@pytest.mark.parametrize("status", [200, 429, 503])
def test_what_is_no_refusal_ends_the_rounds(opened: Opened, status: int) -> None:
    times = taken(opened, refusing(at_once, status=status))

    assert times.trouble == f"a key that should be refused was answered {status}"
    assert not times.rounds
