"""Fields that are the gateway's to keep, sent along with ordinary changes of a key, and read back."""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from msgspec import structs

from conformance.catalogue import Cost, Phase, observes
from conformance.dialects.grammar import Call, Dialect, Operation
from conformance.dialects.speak import Key, KeyApi, KeyApiTrouble
from conformance.dialects.template import follow
from conformance.model.evidence import CannotObserve
from conformance.model.money import PICO_PER_USD, to_units
from conformance.model.scale import Disruption, Fault, Level
from conformance.model.tenancy import Assigned, Assignment
from conformance.probes import calls, described
from conformance.probes.door import Answer
from conformance.probes.keys.acting import named, shown, speaking
from conformance.probes.keys.endpoints import decisive
from conformance.session import Session
from conformance.target_file import secret

# What an answer about a key may tell of it, and nobody may write: what was spent, and what it may do to others.
_KEPT = re.compile(r"usage|spen[dt]|used|consumed|balance|remaining", re.IGNORECASE)
_RANK = re.compile(r"role|admin|superuser|scopes?$|permission|privilege", re.IGNORECASE)
_RANKS: Mapping[str, object] = {"role": "admin", "is_admin": True, "admin": True, "permissions": ["*"]}
_MOST = 8  # fields of an answer
_ODD = 3  # units of the gateway's money, that no fresh key has used
_RAISED = 50 * PICO_PER_USD
_NOT_THERE = {404, 405, 501, None}  # RFC 9110, 15.5.5, 15.5.6 and 15.6.2: nothing takes this method here
How = Literal["create", "change", "own"]


@observes(
    phase=Phase.TRESPASS,
    level=Level.OPERATOR,
    disruption=Disruption.STATE_CHANGING,
    access=("admin",),
    cost=lambda _target, _sample: Cost(requests=100),
)
async def assignment(session: Session) -> Assignment:
    """Send fields along that only the gateway may write, when a key is made and when it is changed."""
    api = session.keys()
    if api.dialect.read is None or session.target.credentials.admin is None:
        raise CannotObserve(
            "the dialect describes no reading of a key, so that nothing shows what became of a field",
            fault=Fault.OPERATOR,
            decide="describe `read` in the dialect",
        )
    admin = secret(session.target.credentials.admin, session.base)
    key = await api.create("assigned", PICO_PER_USD)
    document = await described.described(session, session.target.key_api_url(), shown(api, admin))
    writer = _Writer(session, api, admin, key, document)
    changed = await writer.changes_at_all()
    fields = [field async for field in writer.fields()]
    return Assignment(changed=changed, fields=tuple(fields), administers=await writer.administers())


@dataclass(slots=True)
class _Writer:
    """Sends what nobody should be able to write, with a key of its own for it."""

    session: Session
    api: KeyApi
    admin: str
    key: Key
    document: tuple[described.Operation, ...]

    async def changes_at_all(self) -> bool:
        """Whether an ordinary change of the limit is read back: else nothing that is sent could be."""
        if self.api.dialect.set_limit is None:
            return (await self.api.read(self.key)).limit == self.key.limit
        limit = await self.api.set_limit(self.key, 2 * PICO_PER_USD)
        return (await self.api.read(self.key)).limit == limit

    async def fields(self) -> AsyncIterator[Assigned]:
        """Each field by itself, since one that is refused would hide the others."""
        told = _scalars(await self._read(self.key))
        for name, value in _wanted(told).items():
            if self.api.dialect.set_limit is not None:
                yield await self._changed(name, value)
            yield await self._created(name, value)
        async for field in self._by_itself():
            yield field

    async def administers(self) -> bool | None:
        """Whether a key that was to become an administrator sees another's key, which that one does not see of it."""
        if self.api.dialect.listing is None:
            return None
        # What the API's own document offers may be meant so.
        ranks = {name: value for name, value in _RANKS.items() if not self._offers("create", name)}
        writer = speaking(self.session, self.api, self.admin, along(self.api.dialect, "create", ranks))
        try:
            raised = await writer.create("assigned-admin")
        except KeyApiTrouble as trouble:
            return False if trouble.answer is not None and decisive(trouble.answer) else None
        ordinary = await self._sees(self.key, raised)
        return None if ordinary or ordinary is None else await self._sees(raised, self.key)

    async def _sees(self, caller: Key, other: Key) -> bool | None:
        """Whether a key is shown another in the listing; None where that was not answered."""
        try:
            pages = await speaking(self.session, self.api, caller.secret).pages()
        except KeyApiTrouble as trouble:
            return False if trouble.answer is not None and decisive(trouble.answer) else None
        return any(named(other, page) for page in pages)

    async def _changed(self, name: str, value: object) -> Assigned:
        before = _scalars(await self._read(self.key)).get(name)
        dialect = along(self.api.dialect, "set_limit", {name: value})
        api = speaking(self.session, self.api, self.admin, dialect)
        try:
            answer = await api.do("set_limit", self.key, limit=to_units(2 * PICO_PER_USD, self.api.per_usd))
        except KeyApiTrouble as trouble:
            return self._refused("change", name, trouble)
        after = _scalars(await self._read(self.key)).get(name)
        return self._assigned("change", name, answer, took=_same(after, value) and not _same(before, value))

    async def _created(self, name: str, value: object) -> Assigned:
        dialect = along(self.api.dialect, "create", {name: value})
        dialect = along(dialect, "create_limited", {name: value})
        try:
            made = await speaking(self.session, self.api, self.admin, dialect).create(
                "assigned-new", PICO_PER_USD
            )
            after = _scalars(await self._read(made)).get(name)
        except KeyApiTrouble as trouble:
            return self._refused("create", name, trouble)
        usual = _scalars(await self._read(self.key)).get(name)
        return self._assigned(
            "create", name, made.creation, took=_same(after, value) and not _same(usual, value)
        )

    async def _by_itself(self) -> AsyncIterator[Assigned]:
        """A key that would change its own limit, at the place where it may read it."""
        own = self.api.dialect.own
        if own is None:
            return
        call = own.calls[-1]
        limit, raised = _leaf(call.capture.get("limit", "")), to_units(_RAISED, self.api.per_usd)
        for method in ("PATCH", "PUT", "POST"):
            asked = structs.replace(call, method=method, body={limit or "limit": raised}, capture={})
            dialect = structs.replace(self.api.dialect, own=Operation(calls=(asked,)))
            before = await self.api.read(self.key)
            try:
                answer = await speaking(self.session, self.api, self.admin, dialect).do("own", self.key)
            except KeyApiTrouble as trouble:
                if trouble.status not in _NOT_THERE:
                    yield self._refused("own", f"{method} {limit or 'limit'}", trouble)
                continue
            after = await self.api.read(self.key)
            yield self._assigned(
                "own", f"{method} {limit or 'limit'}", answer, took=after.limit != before.limit
            )

    async def _read(self, key: Key) -> list[Any]:
        """The answers that speak of a key, each as JSON."""
        assert self.api.dialect.read is not None  # noqa: S101 - asked before a writer is made
        answers = []
        for call in self.api.dialect.read.calls:
            dialect = structs.replace(self.api.dialect, read=Operation(calls=(call,)))
            answer = await speaking(self.session, self.api, self.admin, dialect).do("read", key)
            answers.append(_holder(answer, call))
        return answers

    def _assigned(self, how: How, name: str, answer: Answer, *, took: bool) -> Assigned:
        offered = self._offers(how, name)
        return Assigned(how=how, field=name, told=calls.told(answer), took=took, described=offered)

    def _offers(self, how: How, name: str) -> bool:
        """Whether the API's own document says that a field can be written so."""
        return any(name in one.fields for one in self.document if self._is(how, one))

    def _refused(self, how: How, name: str, trouble: KeyApiTrouble) -> Assigned:
        answer = trouble.answer
        told = "no answer" if answer is None else calls.told(answer)
        decided = answer is not None and decisive(answer)
        return Assigned(how=how, field=name, told=told, took=False, decided=decided)

    def _is(self, how: How, operation: described.Operation) -> bool:
        """Whether an operation of the document is the one that a field was sent with."""
        dialect = self.api.dialect
        spoken = {
            "create": (dialect.create, dialect.create_limited),
            "change": (dialect.set_limit,),
            "own": (),
        }[how]
        return any(
            call.method == operation.method and operation.like(call.path)
            for one in spoken
            for call in (one.calls if one is not None else ())
        )


def along(dialect: Dialect, name: str, more: Mapping[str, object]) -> Dialect:
    """The dialect with further fields in the body of an operation's last call that has one."""
    operation: Operation | None = getattr(dialect, name)
    if operation is None:
        return dialect
    last = max((at for at, call in enumerate(operation.calls) if call.body is not None), default=-1)
    changed = [
        structs.replace(call, body={**(call.body or {}), **more}) if at == last else call
        for at, call in enumerate(operation.calls)
    ]
    return structs.replace(dialect, **{name: Operation(calls=tuple(changed))})


def _holder(answer: Answer, call: Call) -> Any:
    """The object of an answer in which what the dialect reads stands."""
    pointer = next((call.capture[name] for name in ("usage", "limit") if name in call.capture), "")
    return follow(answer.json(), pointer.rpartition("/")[0])


def _scalars(documents: list[Any]) -> dict[str, object]:
    """The fields of these objects that hold no further ones."""
    return {
        name: value
        for document in documents
        if isinstance(document, dict)
        for name, value in document.items()
        if not isinstance(value, dict | list)
    }


def _wanted(told: Mapping[str, object]) -> dict[str, object]:
    """Of what is told of a key, the fields that nobody may write, each with a value that it does not have."""
    wanted: dict[str, object] = {}
    for name, value in told.items():
        if isinstance(value, bool):
            wanted |= {name: not value} if _RANK.search(name) else {}
        elif isinstance(value, int | Decimal) and _KEPT.search(name):
            wanted[name] = value + _ODD
        elif (value is None or isinstance(value, str)) and _RANK.search(name):
            wanted[name] = "admin"
    return dict(list(wanted.items())[:_MOST])


def _same(found: object, sent: object) -> bool:
    return type(found) is not bool and found == sent if not isinstance(sent, bool) else found is sent


def _leaf(pointer: str) -> str:
    return pointer.rpartition("/")[2]
