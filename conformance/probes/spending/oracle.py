"""The oracle: what the witness says that calls cost, and the controls that make a refusal mean the limit."""

import asyncio
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from conformance.dialects.speak import Key, KeyApiTrouble
from conformance.dialects.template import follow
from conformance.model.evidence import CannotObserve
from conformance.model.money import from_usd, in_usd
from conformance.model.preflight import Price
from conformance.model.scale import Fault
from conformance.model.spend import Control, Spent
from conformance.probes import calls
from conformance.probes.door import Answer, Reply
from conformance.session import Session
from conformance.target import Target
from conformance.witness.ledger import WitnessCall

AMPLE = 10**15  # picodollars
REVIVAL_SECONDS = 2.0  # that a raised limit may take to be noticed, on top of the declared revocation latency
_PAUSE = 0.003
_PLAIN = re.compile(r"[\w.:-]{1,60}")


def bill(seen: Sequence[WitnessCall], price: Price) -> int:
    """What the provider bills for calls, in picodollars; nothing for those that it refused."""
    return sum(
        price.bill(call.prompt_tokens, call.completion_tokens)
        for call in seen
        if call.prompt_tokens or call.completion_tokens
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    atom: str
    reply: Reply
    left: float
    answered: float
    mark: int
    counted: bool


class Book:
    """The calls on one key, in order. The provider's bill is read when it is asked for: answers may still be under way."""

    def __init__(self, session: Session, price: Price | None = None) -> None:
        """`price` is that of the model that is called, where it is not the one that probes call."""
        self._session = session
        self._price = price or session.price()
        self._began = asyncio.get_running_loop().time()
        self._made: list[_Made] = []

    def add(
        self, atom: str, reply: Reply, left: float, *, mark: int, answered: float = 0.0, counted: bool = True
    ) -> None:
        """Enter a call: when it left and was answered (loop time), the witness's mark before it.

        One that is not `counted` costs nothing, whatever it cost: its provider lied about it.
        """
        ended = answered or asyncio.get_running_loop().time()
        self._made.append(
            _Made(atom=atom, reply=reply, left=left, answered=ended, mark=mark, counted=counted)
        )

    def bill(self) -> int:
        """What the provider bills for all of them so far."""
        return sum(call.cost for call in self.spent())

    def spent(self) -> tuple[Spent, ...]:
        """All calls as evidence."""
        return tuple(self._spent(made) for made in self._made)

    def last(self) -> Spent:
        """The newest call as evidence."""
        return self._spent(self._made[-1])

    async def quiet(self) -> None:
        """Wait until no call is under way at the provider any more, for one timeout at most."""
        await settled(self._session, lambda: (call for made in self._made for call in self._seen(made)))

    def _seen(self, made: _Made) -> tuple[WitnessCall, ...]:
        return self._session.provider().carrying(made.atom, made.mark)

    def _spent(self, made: _Made) -> Spent:
        seen = self._seen(made)
        code, retry = _said(self._session, made.reply)
        ended = [call.ended for call in seen if call.ended is not None]
        return Spent(
            left_ms=self._ms(made.left),
            answered_ms=self._ms(made.answered),
            told=calls.told(made.reply),
            served=calls.admitted(made.reply),
            reached=len(seen),
            cost=bill(seen, self._price) if made.counted else 0,
            begun_ms=self._ms(min(call.begun for call in seen)) if seen else None,
            ended_ms=self._ms(max(ended)) if ended else None,
            code=code,
            retry=retry,
        )

    def _ms(self, moment: float) -> int:
        return int((moment - self._began) * 1000)


async def settled(session: Session, under_way: Callable[[], Iterable[WitnessCall]]) -> None:
    """Wait until none of the witness's calls is under way any more, for one timeout at most."""
    await until(session, lambda: all(call.ended is not None for call in under_way()))


async def until(session: Session, happened: Callable[[], bool]) -> None:
    """Wait for what the witness sees, for one timeout at most."""
    deadline = asyncio.get_running_loop().time() + session.target.limits.timeout
    while not happened() and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - the witness tells nobody
        await asyncio.sleep(_PAUSE)


def _said(session: Session, reply: Reply) -> tuple[str, tuple[str, ...]]:
    """The code of a refusal and what its headers say of trying again, where they are plain words."""
    if not isinstance(reply, Answer) or calls.admitted(reply):
        return "", ()
    pointer = session.key_api.dialect.error_code if session.key_api else ""
    code = str(follow(reply.json(), pointer)) if pointer else ""
    retry = tuple(
        f"{name.lower()}: {value}"
        for name, value in reply.headers
        if "retry" in name.lower() and _PLAIN.fullmatch(name) and _PLAIN.fullmatch(value)
    )
    return code if _PLAIN.fullmatch(code) else "", retry


async def plain_call(session: Session, key: Key, book: Book) -> Reply:
    """One call of the fixed shape, entered in a book."""
    asked = calls.usual(session, key.secret, "spend")
    loop, mark = asyncio.get_running_loop(), session.provider().mark()
    left = loop.time()
    reply = await calls.send(session, asked)
    book.add(asked.atom, reply, left, mark=mark)
    return reply


async def cost_of_one(session: Session, ample: Key) -> int:
    """The provider's bill for one call of the fixed shape."""
    book = Book(session)
    reply = await plain_call(session, ample, book)
    cost = book.bill()
    if not calls.admitted(reply) or cost <= 0:
        raise CannotObserve(
            f"a call on a key with an ample limit was answered {calls.told(reply)} and billed {in_usd(cost)}",
            fault=Fault.TARGET,
            decide="repeat the audit when the gateway serves",
        )
    return cost


async def served(session: Session, key: Key) -> bool:
    """Whether a call of the fixed shape is served and reaches the provider."""
    asked = calls.usual(session, key.secret, "ample")
    return calls.admitted(await calls.send(session, asked)) and bool(calls.reached(session, asked))


async def controlled(
    session: Session, ample: Key, key: Key, limit: int, *, before: bool, account: Key | None = None
) -> Control:
    """The controls after an attempt: an ample key is served, and so is the spent key once its limit is raised to `limit`, or
    that of the account from which it spends.

    Where they cannot be made any more, they count as failed: a breach that was seen needs none.
    """
    try:
        after = await served(session, ample)
        alive = await revived(session, key, limit, account=account)
        return Control(ample_before=before, ample_after=after, revived=alive)
    except CannotObserve:
        return Control(ample_before=before, ample_after=False, revived=False)


async def revived(session: Session, key: Key, limit: int, *, account: Key | None = None) -> bool | None:
    """Whether a refused key is served again once its limit is raised; None where the dialect knows no way to raise it."""
    dialect = session.keys().dialect
    if (dialect.set_limit if account is None else dialect.set_account_limit) is None:
        return None
    try:
        await session.keys().set_limit(account or key, limit)
    except KeyApiTrouble:
        return False
    loop = asyncio.get_running_loop()
    deadline = loop.time() + session.target.claims.revocation_latency + REVIVAL_SECONDS
    while loop.time() < deadline:
        if await served(session, key):
            return True
        await asyncio.sleep(0.1)
    return False


def tolerated(session: Session) -> int:
    """What the target file lets a bill go beyond a limit, in picodollars: only beyond that is a limit broken."""
    return from_usd(session.target.claims.soft_limit)


def at_once(target: Target, most: int) -> int:
    """How many calls may arrive at once: they all fall into one second, so the declared rate bounds them too."""
    return max(1, min(most, target.limits.connections, int(target.limits.rate)))
