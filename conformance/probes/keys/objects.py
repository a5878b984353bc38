"""What one caller's calls made, asked for by another caller and by nobody, between two looks by its owner."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from itertools import product
from typing import Literal
from urllib.parse import quote

from conformance.catalogue import Cost, Phase, observes
from conformance.model.money import PICO_PER_USD
from conformance.model.scale import Disruption, Level
from conformance.model.tenancy import ObjectAct, ObjectSeparation
from conformance.probes import calls
from conformance.probes.described import described
from conformance.probes.door import Answer, Reply
from conformance.probes.keys.acting import settled
from conformance.probes.keys.endpoints import decisive
from conformance.probes.keys.made_objects import Made, below, known, make, names
from conformance.session import Session
from conformance.target_file import secret

_AT_ONCE = 8
_MOST_DESCRIBED = 40  # paths of the target's own document
_SECONDS = 3.0  # for one answer: a document may describe streams, which have no end
_CHANGING = ("PUT", "PATCH", "POST", "DELETE")  # what ends something comes last
_INVENTED = "gateproof-no-such-object"
Who = Literal["another key", "another account's key", "nobody"]


@observes(
    phase=Phase.TRESPASS,
    level=Level.OPERATOR,
    disruption=Disruption.STATE_CHANGING,
    access=("admin", "witness"),
    cost=lambda _target, _sample: Cost(requests=500),
)
async def object_separation(session: Session) -> ObjectSeparation:
    """Ask with another key, and with none, for what one key's calls made."""
    session.require_provider()
    api = session.keys()
    owner = (await api.create("owner", 10 * PICO_PER_USD)).secret
    who, stranger = await _stranger(session)
    made = await make(session, owner)
    places = await _places(session, owner)
    asked, looks = await _looks(session, owner, places, made.ids)
    acts: list[ObjectAct] = []
    others: tuple[tuple[Who, str | None], ...] = ((who, stranger), ("nobody", None))
    for name, key in others:
        acts += [act async for act in _shown(session, name, key, looks)]
    acts += [act async for act in _changed(session, who, stranger, places, looks)]
    lost = [look.template for look in looks if not await _still(session, owner, look)]
    await _removed(session, owner, made, looks)
    return ObjectSeparation(
        made=made.paths,
        ids=len(made.ids),
        asked=asked,
        readable=len(looks),
        acts=tuple(acts),
        lost=tuple(lost),
    )


async def _stranger(session: Session) -> tuple[Who, str]:
    """An ordinary key that is not the owner's: of another account, where one is declared."""
    account = session.target.other_account
    if account is not None and account.key is not None:
        return "another account's key", secret(account.key, session.base)
    return "another key", (await session.keys().create("stranger", 10 * PICO_PER_USD)).secret


@dataclass(frozen=True, slots=True)
class _Places:
    """Templates of paths, in which `{id}` stands for an object's id."""

    looks: tuple[str, ...]
    parts: tuple[str, ...]
    lists: tuple[str, ...]
    changes: tuple[tuple[str, str], ...]  # with their methods


async def _places(session: Session, key: str) -> _Places:
    """Those that APIs of this kind have, and those of the target's own document."""
    every = await described(session, session.target.origin(), session.door.auth(key))
    paths = known()
    gets = [one for one in every if one.method == "GET"]
    looks = [one.template() for one in gets if one.takes_id()][:_MOST_DESCRIBED]
    changes = [
        (method, one.template())
        for method in _CHANGING
        for one in every
        if one.method == method and one.takes_id() and "{" in one.path
    ]
    return _Places(
        looks=_distinct([*(below(session, path) for path in paths.looks), *looks]),
        parts=_distinct(below(session, path) for path in paths.parts),
        lists=_distinct(
            [
                *(below(session, path) for path in paths.lists),
                *[one.path for one in gets if one.takes_nothing()][:_MOST_DESCRIBED],
            ]
        ),
        changes=tuple(changes),
    )


def _distinct(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(paths))


@dataclass(frozen=True, slots=True)
class _Look:
    """A path at which its owner is shown something of an object."""

    template: str
    id: str
    reply: Answer

    @property
    def path(self) -> str:
        return _filled(self.template, self.id)

    def shows(self, reply: Reply) -> bool:
        """Whether an answer shows what the owner is shown."""
        if not isinstance(reply, Answer) or not calls.admitted(reply):
            return False
        return names(reply, self.id) or (bool(reply.body) and reply.body == self.reply.body)


def _filled(template: str, id_: str) -> str:
    return template.replace("{id}", quote(id_, safe=""))


async def _looks(
    session: Session, owner: str, places: _Places, ids: tuple[str, ...]
) -> tuple[int, list[_Look]]:
    """How often the owner asked, and the paths that answered with what is the owner's."""
    tried = [*product(places.looks, ids), *product(places.lists, ids[:1])]
    genuine = await _genuine(session, owner, await _asked(session, owner, tried, ids))
    roots = tuple(look.path for look in genuine if "?" not in look.path)
    parts = [
        (template, id_)
        for template, id_ in product(places.parts, ids)
        if roots and _filled(template, id_).startswith(roots)
    ]
    shown = await _genuine(session, owner, await _asked(session, owner, parts, ids, named=False))
    return len(tried) + len(parts), [*genuine, *shown]


async def _genuine(session: Session, owner: str, looks: Iterable[_Look | None]) -> list[_Look]:
    """Those that look something up: whoever is answered with whatever id was asked for looks nothing up."""
    return [look for look in looks if look is not None and not await _answers_anything(session, owner, look)]


async def _asked(
    session: Session,
    owner: str,
    tried: list[tuple[str, str]],
    ids: tuple[str, ...],
    *,
    named: bool = True,
) -> list[_Look | None]:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def ask(template: str, id_: str) -> _Look | None:
        async with gate:
            reply = await _get(session, owner, _filled(template, id_))
        if not isinstance(reply, Answer) or not calls.admitted(reply):
            return None
        about = [id_] if "{id}" in template else [one for one in ids if names(reply, one)]
        if not about or (named and not names(reply, about[0])):
            return None
        return _Look(template, about[0], reply)

    return list(await asyncio.gather(*(ask(template, id_) for template, id_ in tried)))


async def _answers_anything(session: Session, owner: str, look: _Look) -> bool:
    if "{id}" not in look.template:
        return False
    reply = await _get(session, owner, _filled(look.template, _INVENTED))
    return calls.admitted(reply) and (names(reply, _INVENTED) or look.shows(reply))


async def _get(session: Session, key: str | None, path: str) -> Reply:
    headers = session.door.auth(key) if key is not None else {}
    return await session.door.send("GET", path, headers=headers, deadline=_SECONDS)


async def _shown(session: Session, who: Who, key: str | None, looks: list[_Look]) -> AsyncIterator[ObjectAct]:
    for look in looks:
        reply = await _get(session, key, look.path)
        yield _act(who, "GET", look.template, reply, allowed=look.shows(reply))


async def _changed(
    session: Session, who: Who, key: str, places: _Places, looks: list[_Look]
) -> AsyncIterator[ObjectAct]:
    """What would change or end an object: whatever the document describes of it, and to delete it."""
    roots = [look for look in looks if "{id}" in look.template and "?" not in look.template]
    deletes = [("DELETE", look.template, look) for look in roots]
    described_ = [
        (method, template, look)
        for look in roots
        for method, template in places.changes
        if _filled(template, look.id).startswith(look.path)
        and (method, template) != ("DELETE", look.template)
    ]
    for method, template, look in [*described_, *deletes]:
        body: dict[str, object] | None = {} if method in {"PUT", "PATCH", "POST"} else None
        reply = await session.door.send(
            method,
            _filled(template, look.id),
            headers=session.door.auth(key),
            json=body,
            deadline=_SECONDS,
        )
        yield _act(who, method, template, reply, allowed=look.shows(reply))


def _act(who: Who, method: str, template: str, reply: Reply, *, allowed: bool) -> ObjectAct:
    return ObjectAct(
        who=who,
        method=method,
        path=template,
        told=calls.told(reply),
        allowed=allowed,
        decided=settled(reply),
    )


async def _still(session: Session, owner: str, look: _Look) -> bool:
    """Whether the owner is shown the object as before; an answer that says nothing is no loss."""
    reply = await _get(session, owner, look.path)
    return not decisive(reply) or look.shows(reply)


async def _removed(session: Session, owner: str, made: Made, looks: list[_Look]) -> None:
    """What can be deleted again is."""
    paths = [look.path for look in looks if "{id}" in look.template and "?" not in look.template]
    paths += [f"{path}/{quote(id_, safe='')}" for path, id_ in product(made.paths, made.ids)]
    for path in dict.fromkeys(paths):
        await session.door.send("DELETE", path, headers=session.door.auth(owner), deadline=_SECONDS)
