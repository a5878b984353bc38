"""Somebody whose credential is not the owner's, and whatever the key API might let them do to a key."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import Literal

from msgspec import structs

from conformance.dialects import grammar
from conformance.dialects.speak import Key, KeyApi, KeyApiTrouble
from conformance.model.money import PICO_PER_USD, from_usd, to_units
from conformance.model.tenancy import Act
from conformance.probes import calls
from conformance.probes.described import Operation, described
from conformance.probes.door import Answer, Reply
from conformance.probes.keys.endpoints import decisive
from conformance.session import Session

_RAISED = 50 * PICO_PER_USD
_LEAST_ID = 8  # characters; a shorter id stands in any text by chance
_MOST_ROUTES = 60
_MOST_SILENT = 3
_SECONDS = 3.0  # for one answer: a document may describe streams, which have no end
_CHANGING = ("PUT", "PATCH", "POST", "DELETE")  # what ends something comes last


def speaking(
    session: Session, api: KeyApi, credential: str, dialect: grammar.Dialect | None = None
) -> KeyApi:
    """The key API as somebody speaks it who has this credential only. What it makes is in the same journal."""
    target = session.target
    return KeyApi(
        dialect or api.dialect,
        session.door,
        session.journal,
        url=target.key_api_url(),
        credential=credential,
        per_usd=api.per_usd,
        grain=from_usd(target.claims.usage_unit),
        run=session.tag.removeprefix("gateproof-"),
        variables=target.dialect.variables if target.dialect else {},
    )


def shown(api: KeyApi, credential: str) -> dict[str, str]:
    """The header that shows a credential to the key API."""
    return {api.dialect.auth_header: api.dialect.auth_value.replace("{credential}", credential)}


def named(key: Key, answer: Answer) -> bool:
    """Whether an answer is about a key, by its name or by an id that is not in any text by chance."""
    text = answer.body.decode("utf-8", errors="replace")
    return key.name in text or (len(key.id) >= _LEAST_ID and key.id in text)


def settled(reply: Reply) -> bool:
    """Whether an answer decides what was asked for: a method that nobody implements (RFC 9110, 15.6.2) is refused, too."""
    return decisive(reply) or (isinstance(reply, Answer) and reply.status == 501)


@dataclass(frozen=True, slots=True)
class Standing:
    """How the owner finds a key: whether it is there, and the limits of some. None: the API does not tell."""

    there: bool
    limits: tuple[int | None, ...] | None

    @classmethod
    async def of(cls, api: KeyApi, key: Key, keys: Iterable[Key]) -> "Standing":
        """As the owner reads it."""
        return cls(await _sees(api, key), await _limits(api, keys))

    def kept(self, later: "Standing") -> bool | None:
        """Whether the limits are what they were; None where they were not read."""
        return None if None in (self.limits, later.limits) else self.limits == later.limits


async def _sees(api: KeyApi, key: Key) -> bool:
    try:
        if api.dialect.read is not None:
            await api.read(key)
            return True
        return any(named(key, answer) for answer in await api.pages())
    except KeyApiTrouble:
        return False


async def _limits(api: KeyApi, keys: Iterable[Key]) -> tuple[int | None, ...] | None:
    if api.dialect.read is None:
        return None
    try:
        limits = tuple([(await api.read(key)).limit for key in keys])
    except KeyApiTrouble:
        return None
    return None if None in limits else limits


@dataclass(frozen=True, slots=True)
class Route:
    """An operation of the API's own document that its owner is answered with something about a key."""

    operation: Operation
    path: str

    @property
    def name(self) -> str:
        """As reports call it: without the id."""
        return f"{self.operation.method} {self.operation.path}"


async def routes(session: Session, headers: Mapping[str, str], key: Key) -> list[Route]:
    """The operations that are about a key, as the owner's headers show; and those that would change it, which are not made."""
    base, api = session.target.key_api_url(), session.keys()
    every = sorted(await described(session, base, headers), key=lambda one: -_near(one.path, api.dialect))
    ids = [value for value in dict.fromkeys((key.id, *key.variables.values())) if value != key.name][:3]
    gets = [one for one in every if one.method == "GET"]
    looks = [Route(one, one.filled()) for one in gets if one.takes_nothing()]
    looks += [Route(one, one.filled(value)) for one in gets if one.takes_id() for value in ids]
    looks.sort(key=lambda look: -_near(look.operation.path, api.dialect))
    found = await _about(session, base, headers, key, looks[:_MOST_ROUTES])
    own = tuple(look.path for look in found if look.operation.takes_id() and "?" not in look.path)
    changes = [
        Route(one, path)
        for method in _CHANGING
        for one in every
        if one.method == method and one.takes_id() and "{" in one.path
        for path in map(one.filled, ids)
        if path.startswith(own)
    ]
    return [*found, *changes] if own else found


def _near(path: str, dialect: grammar.Dialect) -> int:
    """How many leading parts a path has in common with some path of the dialect: the nearest are looked at first."""
    places = [
        call.path
        for one in (dialect.create, dialect.read, dialect.revoke)
        if one is not None
        for call in one.calls
    ]
    return max(
        sum(
            1
            for _ in takewhile(
                lambda pair: pair[0] == pair[1], zip(path.split("/"), place.split("/"), strict=False)
            )
        )
        for place in places
    )


async def _about(
    session: Session, base: str, headers: Mapping[str, str], key: Key, looks: Iterable[Route]
) -> list[Route]:
    """Those that the owner is answered with something about the key; nothing more is asked once several gave no answer."""
    found, silent = [], 0
    for look in looks:
        reply = await session.door.send("GET", base + look.path, headers=headers, deadline=_SECONDS)
        silent += not isinstance(reply, Answer)
        if silent > _MOST_SILENT:
            break
        if isinstance(reply, Answer) and calls.admitted(reply) and named(key, reply):
            found.append(look)
    return found


@dataclass(slots=True)
class Caller:
    """Somebody with a credential, and the key of somebody else of which the identifiers are known.

    `mine` is the key that is the credential; None: an administrator's, who may make keys, and look at those.
    """

    session: Session
    api: KeyApi
    headers: Mapping[str, str]
    other: Key
    mine: Key | None = None

    async def acts(self, routes: Iterable[Route]) -> AsyncIterator[Act]:
        """Everything that the dialect and the document describe; what ends the other key comes last."""
        routes = tuple(routes)
        if self.api.dialect.listing is not None:
            yield await self._tried("listing", "all", self._pages)
        if self.mine is not None:
            yield await self._tried("create", "all", self._create)
        async for act in self._limits_raised():
            yield act
        for path, reply in await self.api.further_reads(self.other):
            yield self._act(path, "another", reply, allowed=calls.admitted(reply))
        for route in routes:
            if route.operation.method == "GET":
                yield await self._routed(route)
        async for act in self._endings():
            yield act
        for route in routes:
            if route.operation.method != "GET":
                yield await self._routed(route)

    async def _limits_raised(self) -> AsyncIterator[Act]:
        if self.api.dialect.set_limit is None:
            return
        raised = to_units(_RAISED, self.api.per_usd)
        if self.mine is not None:
            ask = partial(self.api.do, "set_limit", self.mine, limit=raised)
            yield await self._tried("set_limit", "itself", ask)
        yield await self._tried(
            "set_limit", "another", partial(self.api.do, "set_limit", self.other, limit=raised)
        )

    async def _endings(self) -> AsyncIterator[Act]:
        for name in ("read", "disable", "enable", "rotate", "revoke"):
            if _is_admins(getattr(self.api.dialect, name)):
                yield await self._tried(name, "another", partial(self.api.do, name, self.other))

    async def _routed(self, route: Route) -> Act:
        method, url = route.operation.method, self.session.target.key_api_url() + route.path
        body: dict[str, object] | None = {} if method in {"PUT", "PATCH", "POST"} else None
        reply = await self.session.door.send(method, url, headers=self.headers, json=body, deadline=_SECONDS)
        about: Literal["all", "another"] = "another" if route.operation.takes_id() else "all"
        act = self._act(route.name, about, reply, allowed=calls.admitted(reply))
        return structs.replace(act, changes=method != "GET")

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
        names = isinstance(reply, Answer) and allowed and named(self.other, reply)
        return Act(
            operation=operation,
            about=about,
            told=calls.told(reply),
            allowed=allowed,
            names=names,
            decided=settled(reply),
        )

    async def _pages(self) -> Reply:
        pages = await self.api.pages()
        return next((page for page in pages if named(self.other, page)), pages[0])

    async def _create(self) -> Reply:
        return (await self.api.create("tenant-made", PICO_PER_USD)).creation


def _is_admins(operation: grammar.Operation | None) -> bool:
    """Whether an operation is the administrator's, in all its calls."""
    return operation is not None and all(call.credential == "admin" for call in operation.calls)
