"""An ordinary key in the place of the admin credential: every operation of the key API, on itself and on another key."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from conformance.catalogue import Cost, Phase, observes
from conformance.dialects.grammar import Operation
from conformance.dialects.speak import Key, KeyApi, KeyApiTrouble
from conformance.model.money import PICO_PER_USD, from_usd, to_units
from conformance.model.scale import Disruption, Level
from conformance.model.tenancy import Act, Tenancy
from conformance.probes import calls
from conformance.probes.door import Answer, Reply
from conformance.probes.keys.endpoints import decisive
from conformance.session import Session

_RAISED = 50 * PICO_PER_USD
_LEAST_ID = 8  # characters; a shorter id stands in any text by chance


@observes(
    phase=Phase.TRESPASS,
    level=Level.OPERATOR,
    disruption=Disruption.STATE_CHANGING,
    access=("admin",),
    cost=lambda _target, _sample: Cost(requests=60),
)
async def tenancy(session: Session) -> Tenancy:
    """Try with an ordinary key what only an administrator may."""
    api = session.keys()
    mine, other = await api.create("tenant", PICO_PER_USD), await api.create("tenant-other", PICO_PER_USD)
    before, limits = await _sees(api, other), await _limits(api, (mine, other))
    caller = _Caller(_as(session, api, mine), api.per_usd, mine, other)
    acts = [act async for act in caller.acts()]
    after, kept = await _sees(api, other), await _limits(api, (mine, other))
    serves = None
    if session.sees_provider():
        serves = calls.admitted(await calls.send(session, calls.chat(session, other.secret, "tenancy")))
    return Tenancy(
        acts=tuple(acts),
        unanswered=sum(not act.decided for act in acts),
        admin_before=before,
        admin_after=after,
        other_serves=serves,
        limit_kept=None if None in (*limits, *kept) else limits == kept,
    )


def _as(session: Session, api: KeyApi, key: Key) -> KeyApi:
    """The key API as somebody speaks it who has this key only. What it makes is in the same journal."""
    target = session.target
    return KeyApi(
        api.dialect,
        session.door,
        session.journal,
        url=target.key_api_url(),
        credential=key.secret,
        per_usd=api.per_usd,
        grain=from_usd(target.claims.usage_unit),
        run=session.tag.removeprefix("gateproof-"),
        variables=target.dialect.variables if target.dialect else {},
    )


async def _sees(api: KeyApi, key: Key) -> bool:
    """Whether the administrator can read a key, or find it in the listing."""
    try:
        if api.dialect.read is not None:
            await api.read(key)
            return True
        return any(_named(key, answer) for answer in await api.pages())
    except KeyApiTrouble:
        return False


async def _limits(api: KeyApi, keys: Iterable[Key]) -> tuple[int | None, ...]:
    if api.dialect.read is None:
        return (None,)
    try:
        return tuple([(await api.read(key)).limit for key in keys])
    except KeyApiTrouble:
        return (None,)


@dataclass(slots=True)
class _Caller:
    """Somebody with a key, and another's of which the identifiers are known."""

    api: KeyApi
    per_usd: int
    mine: Key
    other: Key

    async def acts(self) -> AsyncIterator[Act]:
        """Everything that the dialect describes; what ends the other key comes last."""
        dialect, raised = self.api.dialect, to_units(_RAISED, self.per_usd)
        if dialect.listing is not None:
            yield await self._tried("listing", "all", self._pages)
        yield await self._tried("create", "all", self._create)
        for key, about in ((self.mine, "itself"), (self.other, "another")):
            if dialect.set_limit is not None:
                ask = partial(self._do, "set_limit", key, limit=raised)
                yield await self._tried("set_limit", "itself" if about == "itself" else "another", ask)
        if _is_admins(dialect.read):
            yield await self._tried("read", "another", partial(self._do, "read", self.other))
        for name in ("disable", "enable", "rotate", "revoke"):
            if _is_admins(getattr(dialect, name)):
                yield await self._tried(name, "another", partial(self._do, name, self.other))
        for path, reply in await self.api.further_reads(self.other):
            yield self._act(path, "another", reply, allowed=calls.admitted(reply))

    async def _tried(
        self, operation: str, about: Literal["all", "itself", "another"], ask: Callable[[], Awaitable[Reply]]
    ) -> Act:
        try:
            return self._act(operation, about, await ask(), allowed=True)
        except KeyApiTrouble as trouble:
            if trouble.answer is None:
                return Act(operation=operation, about=about, told="no answer", allowed=False, decided=False)
            return self._act(operation, about, trouble.answer, allowed=calls.admitted(trouble.answer))

    def _act(
        self, operation: str, about: Literal["all", "itself", "another"], reply: Reply, *, allowed: bool
    ) -> Act:
        names = isinstance(reply, Answer) and allowed and _named(self.other, reply)
        return Act(
            operation=operation,
            about=about,
            told=calls.told(reply),
            allowed=allowed,
            names=names,
            decided=decisive(reply),
        )

    async def _pages(self) -> Reply:
        pages = await self.api.pages()
        return next((page for page in pages if _named(self.other, page)), pages[0])

    async def _create(self) -> Reply:
        return (await self.api.create("tenant-made", PICO_PER_USD)).creation

    async def _do(self, operation: str, key: Key, **more: object) -> Reply:
        return await self.api.do(operation, key, **more)


def _is_admins(operation: Operation | None) -> bool:
    """Whether an operation is the administrator's, in all its calls."""
    return operation is not None and all(call.credential == "admin" for call in operation.calls)


def _named(key: Key, answer: Answer) -> bool:
    text = answer.body.decode("utf-8", errors="replace")
    return key.name in text or (len(key.id) >= _LEAST_ID and key.id in text)
