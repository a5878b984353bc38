"""What group commit is worth: holds and bills per second through the ledger's socket, by one commit for each.

`python -m tests.bench.gateway_ledger FILE DESCRIPTOR` is the ledger's process; it prints a new key.
"""

import asyncio
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvloop

from reference_gateway import credential
from reference_gateway.content.ledger_client import LedgerClient
from reference_gateway.ledger.accounts import NewKey
from reference_gateway.ledger.book import Book
from reference_gateway.ledger.connection import Connection
from reference_gateway.ledger.keys import Hashing
from reference_gateway.ledger.server import LedgerServer
from reference_gateway.ledger.storage.sqlite import open_sqlite
from reference_gateway.ledger.wire import (
    EPOCH,
    Answer,
    AskBalance,
    Authorise,
    Balance,
    Endpoint,
    Held,
    Outcome,
    Question,
    Reserve,
    Settle,
    Standing,
)
from reference_gateway.price import Price, Rate
from tests.bench.gateway_provider import new_folder
from tests.bench.measure import measurement

_IN_FLIGHT, _ROUNDS, _SECONDS = 64, 5, 0.8
_ENVIRONMENT = "bench"
_PRICE = Price(rate=Rate(prompt=10**6, completion=2 * 10**6, cached=10**6, written=10**6))
_PROMPT, _COMPLETION = 250, 16
_COST = _PRICE.cost(_PROMPT, _COMPLETION)
_LIMIT = 10**15  # nano-dollars; it is checked at each hold, and never reached


@measurement(
    "gateway.ledger_vs_commit_per_op",
    unit="times",
    target=8,
    better="higher",
    how=f"durable reserve+settle pairs per second on one key, {_IN_FLIGHT} in flight through the socket to the "
    f"ledger's process, by those of the same storage with a commit for each operation and nothing else; median of "
    f"{_ROUNDS} rounds in turn on one disk",
)
def ledger_beside_commit_per_op() -> float:
    """Both do the same statements on the same schema, both with every commit on the disk."""
    with (
        new_folder() as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        _ledger_process(folder / "grouped.sqlite3") as (end, key),
    ):
        grouped = runner.run(_Grouped.opened(end, key))
        single = runner.run(_Single.opened(folder / "single.sqlite3"))
        ratio = statistics.median(
            runner.run(grouped.pairs_per_second()) / single.pairs_per_second() for _ in range(_ROUNDS)
        )
        runner.run(grouped.close())
        single.close()
        return ratio


def _reserve(standing: Standing) -> Reserve:
    return Reserve(
        key_id=standing.key_id,
        generation=standing.generation,
        limited=standing.limited,
        endpoint=Endpoint.CHAT,
        model=0,
        prompt_bound=1300,
        completion_bound=1024,
    )


def _settle(answer: Answer) -> Settle:
    assert isinstance(answer, Held)
    return Settle(
        rid=answer.rid, outcome=Outcome.METERED, prompt_tokens=_PROMPT, completion_tokens=_COMPLETION
    )


def _check(balance: Answer, pairs: int) -> None:
    """Every pair was billed, so none was counted that is not on the disk."""
    assert isinstance(balance, Balance)
    assert (balance.total, balance.reserved) == (pairs * _COST, 0)


def _presented(key: str) -> credential.Presented:
    presented = credential.parse(_ENVIRONMENT, key)
    assert presented is not None
    return presented


class _Grouped:
    """Many at once, through the client that content workers have."""

    def __init__(self, client: LedgerClient, key: credential.Presented, standing: Standing) -> None:
        self._client = client
        self._key = key
        self._reserve = _reserve(standing)
        self._pairs = 0

    @classmethod
    async def opened(cls, end: socket.socket, key: str) -> "_Grouped":
        client, presented = LedgerClient(end), _presented(key)
        await client.open(on_lost=lambda: None)
        standing = await client.authorise(Authorise(presented.key_id, presented.tail, Endpoint.CHAT))
        assert isinstance(standing, Standing)
        return cls(client, presented, standing)

    async def pairs_per_second(self) -> float:
        before, began = self._pairs, time.perf_counter()

        async def one_after_another() -> None:
            while time.perf_counter() < began + _SECONDS:
                self._client.settle(_settle(await self._client.reserve(self._reserve)))
                self._pairs += 1

        await asyncio.gather(*(one_after_another() for _ in range(_IN_FLIGHT)))
        # The ledger answers in order: with the balance, the last bills are on the disk too.
        balance = await self._client.balance(AskBalance(self._key.key_id, self._key.tail))
        seconds = time.perf_counter() - began
        _check(balance, self._pairs)
        return (self._pairs - before) / seconds

    async def close(self) -> None:
        self._client.close()


class _Single:
    """One at a time, each a batch of its own, in this process: not even a socket is in the way."""

    def __init__(self, book: Book, key: credential.Presented) -> None:
        self._book = book
        self._connection = Connection(bytes(EPOCH))
        self._key = key
        self._pairs = 0
        standing = self._asked(Authorise(key.key_id, key.tail, Endpoint.CHAT))
        assert isinstance(standing, Standing)
        self._reserve = _reserve(standing)

    @classmethod
    async def opened(cls, file: Path) -> "_Single":
        book = _book(file)
        return cls(book, _presented(await _new_key(book)))

    def _asked(self, question: Question) -> Answer:
        ((_, _, answer),) = self._book.answer([(self._connection, 1, question)])
        return answer

    def pairs_per_second(self) -> float:
        before, began = self._pairs, time.perf_counter()
        while time.perf_counter() < began + _SECONDS:
            settle = _settle(self._asked(self._reserve))
            self._book.answer([(self._connection, 0, settle)])
            self._pairs += 1
        seconds = time.perf_counter() - began
        _check(self._asked(AskBalance(self._key.key_id, self._key.tail)), self._pairs)
        return (self._pairs - before) / seconds

    def close(self) -> None:
        self._book.close()


def _book(file: Path) -> Book:
    prices = [(1, "model", _PRICE)]
    return Book(open_sqlite(file), lambda _event: None, Hashing(), _ENVIRONMENT, prices)


async def _new_key(book: Book) -> str:
    return (await book.create(NewKey(name="bench", limit=_LIMIT), by="bench")).key


@contextmanager
def _ledger_process(file: Path) -> Iterator[tuple[socket.socket, str]]:
    """The ledger as a process of its own: the worker's end of a channel to it, and a key."""
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", __name__, str(file), str(theirs.fileno())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, pass_fds=[theirs.fileno()]) as process:
        theirs.close()
        assert process.stdout is not None
        try:
            yield ours, process.stdout.readline().strip()
        finally:
            process.terminate()


async def _serve(file: Path, descriptor: int) -> None:
    book = _book(file)
    server = LedgerServer(book)
    server.add(socket.socket(fileno=descriptor))
    print(await _new_key(book), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve(Path(sys.argv[1]), int(sys.argv[2])))
