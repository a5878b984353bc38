"""`kill -9` of the ledger in the middle of its work: nothing that was confirmed is lost, and nothing is free."""

import asyncio
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from reference_gateway.content.ledger_client import LedgerClient
from reference_gateway.ledger.accounts import AccountTerms, Issued
from reference_gateway.ledger.storage.sqlite import SqliteStorage
from reference_gateway.ledger.wire import Held, LedgerDownError, Outcome, Reserve, Standing
from tests.reference_gateway.ledger_parts import Desk, authorise, done, metered, on_disk, reserve_for
from tests.reference_gateway.ledger_socket import played

BOUND = 100  # nano-dollars that one call can cost
LIMIT = 90_000  # nano-dollars; reached before the last round
ROUNDS = 4
CALLERS = 16


@dataclass
class Bill:
    """What the provider billed, kept outside the ledger: a call is billed as soon as its hold is confirmed."""

    calls: dict[int, int] = field(default_factory=dict)  # by rid
    told: set[int] = field(default_factory=set)  # rids whose usage the ledger was told
    certain: set[int] = field(default_factory=set)  # of these, the ones that it answered something behind


@contextmanager
def ledger_process(path: Path) -> Iterator[tuple[subprocess.Popen[bytes], socket.socket]]:
    """A ledger that serves one worker, and the worker's end."""
    ours, theirs = socket.socketpair()
    command = [
        sys.executable,
        "-m",
        "tests.reference_gateway.ledger_process",
        str(path),
        str(theirs.fileno()),
    ]
    with subprocess.Popen(command, pass_fds=(theirs.fileno(),)) as process:
        theirs.close()
        try:
            yield process, ours
        finally:
            process.kill()
            ours.close()


class Round:
    """Callers who reserve and settle through one ledger process, until it is killed at the given answer."""

    def __init__(
        self, process: subprocess.Popen[bytes], client: LedgerClient, bill: Bill, dies_at: int
    ) -> None:
        self._process = process
        self._client = client
        self._bill = bill
        self._left = dies_at
        self._told: set[int] = set()  # in this round

    async def run(self, issued: Issued, chance: random.Random) -> None:
        """Ends when the ledger has."""
        await self._client.open(lambda: None)
        standing = await self._client.authorise(authorise(issued))
        assert isinstance(standing, Standing)
        wish = reserve_for(standing)
        await asyncio.gather(*(self._calls(wish, random.Random(chance.random())) for _ in range(CALLERS)))

    async def _calls(self, wish: Reserve, chance: random.Random) -> None:
        try:
            while True:
                await self._one_call(wish, chance)
        except LedgerDownError:
            return

    async def _one_call(self, wish: Reserve, chance: random.Random) -> None:
        before = set(self._told)
        answer = await self._client.reserve(wish)
        self._bill.certain |= before
        self._count_down()
        if isinstance(answer, Held):
            billed = self._bill.calls[answer.rid] = chance.randint(0, BOUND)
            if chance.random() < 0.8:  # the others' callers hang
                self._client.settle(metered(answer.rid, billed))
                self._told.add(answer.rid)
                self._bill.told.add(answer.rid)

    def _count_down(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._process.send_signal(signal.SIGKILL)


def found(folder: Path, copy: Path) -> tuple[set[int], list[int]]:
    """Rids, and what is left of each limit, as they lie on the disk; of a copy, to leave all as it was."""
    shutil.copytree(folder, copy)
    database = sqlite3.connect(copy / "ledger.sqlite3")
    rids = database.execute("SELECT rid FROM reservation UNION SELECT rid FROM usage_record").fetchall()
    left = database.execute(
        "SELECT lim - spent - reserved FROM api_key UNION SELECT lim - spent - reserved FROM account"
    ).fetchall()
    database.close()
    return {rid for (rid,) in rids}, [amount for (amount,) in left]


def charges(storage: SqliteStorage) -> dict[int, tuple[int, int]]:
    """(outcome, charge) of everything that ever was settled, by rid."""
    rows = storage._db.execute("SELECT rid, outcome, charged FROM usage_record")
    return {rid: (outcome, charged) for rid, outcome, charged in rows}


def test_whenever_the_ledger_is_killed_all_that_it_confirmed_is_billed_and_no_limit_is_passed(
    tmp_path: Path,
) -> None:
    chance, bill, folder = random.Random(21), Bill(), tmp_path / "live"
    folder.mkdir()
    desk = Desk(on_disk(folder, SqliteStorage))
    account = done(desk.book.create_account(AccountTerms(name="a", limit=LIMIT), "x")).account_id
    issued = desk.new_key(limit=2 * LIMIT, account=account)
    desk.book.close()

    for number in range(ROUNDS):
        with ledger_process(folder / "ledger.sqlite3") as (process, ours):
            client = LedgerClient(ours)
            played(Round(process, client, bill, chance.randint(50, 900)).run(issued, chance))
            process.wait(20)
        rids, left = found(folder, tmp_path / f"after {number}")
        assert bill.calls.keys() <= rids
        assert min(left) >= 0

    desk = Desk(on_disk(folder, SqliteStorage))  # charges what the last one left
    charged, key = charges(desk.storage), desk.record(issued)
    shared = done(desk.book.account(account))
    desk.book.close()
    assert shared is not None
    # Nothing that was confirmed is lost.
    assert bill.calls.keys() <= charged.keys()
    # What the ledger was told, and answered behind, costs what was told.
    assert all(charged[rid] == (Outcome.METERED, bill.calls[rid]) for rid in bill.certain)
    # What it was never told costs the whole hold; what it may not have heard, either.
    full = (Outcome.ORPHANED, BOUND)
    assert all(charged[rid] == full for rid in charged.keys() - bill.told)
    assert all(charged[rid] in {full, (Outcome.METERED, bill.calls[rid])} for rid in bill.told)
    # The true bill, what was charged and the limits, in this order.
    total = sum(charge for _, charge in charged.values())
    assert sum(bill.calls.values()) <= total == key.spent == key.total == shared.spent == shared.total
    assert LIMIT - 2 * CALLERS * BOUND < total <= LIMIT
    assert (key.reserved, shared.reserved) == (0, 0)
