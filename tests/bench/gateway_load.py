"""Rounds of load. Each opens its connections first and counts from then on: handshakes are in no figure."""

import asyncio
import statistics
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import uvloop

from tests.bench.gateway_client import USUAL_BYTES, Connection, Server, begun, chat_call, connected
from tests.bench.gateway_processes import Memory, cpu_seconds, memory

CONNECTIONS = 32
_PATIENCE_SECONDS = 60.0
_WARM_UP_SECONDS = 0.7

_Outcome = TypeVar("_Outcome")


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did, and what that cost the server's processes."""

    answers: int
    seconds: float
    cpu_seconds: float


def cpu_us(one: Round) -> float:
    """Microseconds of processor time per answer."""
    return one.cpu_seconds / one.answers * 1e6


def rate(one: Round) -> float:
    """Answers per second."""
    return one.answers / one.seconds


def in_turn(
    servers: Mapping[str, Server], load: Callable[[Server], Round], times: int
) -> dict[str, list[Round]]:
    """So many rounds of each server, in turn, so that what else the machine does meets them all.

    Each has had some calls before its first round, so that what is made once is in no figure.
    """
    for server in servers.values():
        calls(server, _WARM_UP_SECONDS)
    rounds: dict[str, list[Round]] = {name: [] for name in servers}
    order = list(servers)
    for _ in range(times):
        for name in order:
            rounds[name].append(load(servers[name]))
        # To and fro, so that none always follows the same other.
        order.reverse()
    return rounds


def median_ratio(ours: Iterable[Round], theirs: Iterable[Round], figure: Callable[[Round], float]) -> float:
    """Our figure by theirs, median over neighbouring rounds."""
    return statistics.median(figure(mine) / figure(other) for mine, other in zip(ours, theirs, strict=True))


def calls(server: Server, seconds: float) -> Round:
    """Chat calls of 1.2 kB on 32 kept connections, each asking again as soon as it was answered."""
    return _run(_calls(server, seconds))


def one_call(server: Server) -> None:
    """A single chat call on a connection of its own, answered when this returns."""
    _run(_latencies(server, 0))


def latencies(server: Server, times: int) -> list[float]:
    """Seconds that each of so many calls took, one after another on one connection that has served one before."""
    return _run(_latencies(server, times))


def streams(server: Server, count: int, stagger: float) -> Round:
    """So many streams at once, begun evenly within `stagger` seconds, read to their ends."""
    return _run(_streams(server, count, stagger))


def memory_of_open_streams(server: Server, count: int, size: int = USUAL_BYTES) -> Memory:
    """What the server has in memory while so many streams stand open and silent, an event behind them.

    `size`: bytes of each call's body.
    """
    return _run(_memory_of_open_streams(server, count, size))


def _run(main: Coroutine[Any, Any, _Outcome]) -> _Outcome:
    async def bounded() -> _Outcome:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await main

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(bounded())


async def _calls(server: Server, seconds: float) -> Round:
    message = chat_call(server, stream=False)
    async with connected(server, CONNECTIONS, first=message) as connections:
        before, began = cpu_seconds(server.process), time.perf_counter()

        async def repeated(connection: Connection) -> int:
            answers = 0
            while time.perf_counter() < began + seconds:
                await connection.ask(message)
                answers += 1
            return answers

        answers = sum(await asyncio.gather(*map(repeated, connections)))
        return Round(answers, time.perf_counter() - began, cpu_seconds(server.process) - before)


async def _latencies(server: Server, times: int) -> list[float]:
    message = chat_call(server, stream=False)
    taken = []
    async with connected(server, 1, first=message) as (connection,):
        for _ in range(times):
            began = time.perf_counter()
            await connection.ask(message)
            taken.append(time.perf_counter() - began)
    return taken


async def _streams(server: Server, count: int, stagger: float) -> Round:
    message = chat_call(server, stream=True)
    async with connected(server, count) as connections:
        before, began = cpu_seconds(server.process), time.perf_counter()

        async def delayed(place: int, connection: Connection) -> None:
            await asyncio.sleep(stagger * place / count)
            await connection.ask(message)

        await asyncio.gather(*(delayed(*numbered) for numbered in enumerate(connections)))
        return Round(count, time.perf_counter() - began, cpu_seconds(server.process) - before)


async def _memory_of_open_streams(server: Server, count: int, size: int) -> Memory:
    async with connected(server, count, begun, chat_call(server, stream=True, size=size)):
        return memory(server.process)
