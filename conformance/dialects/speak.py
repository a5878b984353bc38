"""Speaking a dialect: keys made, read, limited, rotated and revoked through whatever API the target has.

There is no code path for any particular gateway here; what differs between gateways is data (`grammar.Dialect`).
"""

import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import msgspec

from conformance.dialects.grammar import Call, Dialect, Operation, Pages
from conformance.dialects.template import UnknownVariable, entries, fill_json, fill_text, follow
from conformance.evidence.journal import Journal, Leftover
from conformance.model.evidence import CannotObserve
from conformance.model.money import from_units, to_units
from conformance.model.scale import Fault
from conformance.probes.door import Answer, Door, NoAnswer, Reply

_MAX_PAGES = 50
_AGAIN = " again"  # behind a name in the journal: there may be a second key of that name
NOTHING_MORE: Mapping[str, str] = {}

_GONE = {404, 410}  # RFC 9110, 15.5.5 and 15.5.11
_REACH = {
    "unreachable": Fault.NETWORK,
    "refused": Fault.NETWORK,
    "timeout": Fault.NETWORK,
    "tls": Fault.OPERATOR,
}


class KeyApiTrouble(CannotObserve):
    """The key API did not do what the dialect says it does.

    `answer` is what it answered instead, None where it did not; `call` is the place of that call in its operation, from 0;
    `sent` is false where the call cannot have reached it.
    """

    def __init__(
        self,
        reason: str,
        *,
        fault: Fault,
        decide: str,
        answer: Answer | None = None,
        call: int = 0,
        sent: bool = True,
    ) -> None:
        super().__init__(reason, fault=fault, decide=decide)
        self.answer = answer
        self.call = call
        self.sent = sent

    @property
    def status(self) -> int | None:
        """The status of the answer, None where there was none."""
        return None if self.answer is None else self.answer.status


@dataclass(frozen=True, slots=True)
class Key:
    """A key that the audit made. `variables` are its public identifiers; the secret is never printed."""

    name: str
    secret: str = field(repr=False)
    id: str
    limit: int | None  # picodollars
    variables: Mapping[str, str]
    creation: Answer = field(repr=False)
    shown_by: "Sent | None" = field(
        default=None, repr=False, compare=False
    )  # the call that showed its secret

    def names(self) -> tuple[str, ...]:
        """Everything public by which the gateway may know the key or its owner, each once."""
        return tuple(dict.fromkeys((self.name, self.id, *self.variables.values())))


@dataclass(frozen=True, slots=True)
class Sent:
    """A call of a dialect as it was made: with which variables, and with which headers beside the dialect's own."""

    call: Call
    variables: Mapping[str, Any] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the gateway says of a key: its limit and recorded usage in picodollars, None where it does not say."""

    limit: int | None
    usage: int | None
    answer: Answer = field(repr=False)


@dataclass(frozen=True, slots=True)
class Look:
    """A GET that changes nothing: `headers` hold no credential, `admitted` are the same with the admin's."""

    path: str  # below the base URL of the key API
    headers: Mapping[str, str]
    admitted: Mapping[str, str] = field(repr=False)


class KeyApi:
    """The key API of one target."""

    def __init__(
        self,
        dialect: Dialect,
        door: Door,
        journal: Journal,
        *,
        url: str,
        credential: str,
        per_usd: int,
        grain: int,
        run: str,
        variables: Mapping[str, str],
    ) -> None:
        """`url` is its base; `run` names the audit in every key's name; `credential` is the admin's and goes to `url` only;
        `per_usd` are the money units per dollar; `grain` is the smallest amount the gateway can express, in picodollars:
        limits are rounded up to it.
        """
        self.dialect = dialect
        self.per_usd = per_usd
        self.created: list[Key] = []
        self._alive: dict[str, Key] = {}
        self._door = door
        self._journal = journal
        self._url = url.rstrip("/")
        self._credential = credential
        self._run = run
        self._variables = dict(variables)
        self._grain = max(1, grain)
        self._answered = False  # whether the key API ever answered

    def alive(self) -> tuple[Key, ...]:
        """Keys of this audit that were not revoked yet."""
        return tuple(self._alive.values())

    async def create(
        self,
        purpose: str,
        limit: int | None = None,
        *,
        literal: str = "",
        windowed: bool = False,
        ends: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        account: Mapping[str, str] = NOTHING_MORE,
    ) -> Key:
        """Make a key, with a limit in picodollars where given; `Key.limit` is what was set.

        `literal` is sent as the limit instead, as it stands: JSON that means no amount, or no JSON at all. A `windowed` limit
        starts anew with each window, where the dialect has such; `ends` are the variables of `create_expiring`; `headers` go
        along with the dialect's own; `account` are the variables of one that it spends from. The journal knows its name before
        the gateway does.
        """
        name = f"gateproof-{self._run}-{purpose}-{secrets.token_hex(3)}"
        limited = limit is not None or bool(literal)
        operation = self._making(limited=limited, windowed=windowed, ends=ends is not None)
        if account:
            operation = self._offered("create_in_account", self.dialect.create_in_account)
        variables: dict[str, Any] = {
            **self._variables,
            **account,
            **(ends or {}),
            "name": name,
            "run": self._run,
        }
        if limit is not None:
            limit = self._rounded(limit)
            variables["limit"] = to_units(limit, self.per_usd)
        if literal:
            variables["limit"] = msgspec.Raw(literal.encode())
        made: list[Sent] = []
        self._journal.intend(name)
        try:
            captured, answer = await self._perform("create", operation, variables, headers or {}, made)
        except KeyApiTrouble as trouble:
            refused = trouble.status is not None and 400 <= trouble.status < 500
            if trouble.call == 0 and (refused or not trouble.sent):
                self._journal.gone(name)  # refused at the first call, or never asked: nothing was made
            raise
        secret, public = captured.pop("secret", None), captured.get("id")
        identifiers = {**account, **{key: str(value) for key, value in captured.items() if value is not None}}
        if public is not None:
            self._journal.made(name, identifiers)
        if not isinstance(secret, str) or not secret:
            raise self._trouble("create", "the answer holds no secret where the dialect says it is", answer)
        if public is None:
            raise self._trouble(
                "create", "the answer holds no public id where the dialect says it is", answer
            )
        shown_by = next(sent for sent in made if "secret" in sent.call.capture)
        key = Key(name, secret, str(public), limit, identifiers, answer, shown_by)
        self.created.append(key)
        self._alive[name] = key
        return key

    def _making(self, *, limited: bool, windowed: bool, ends: bool) -> Operation:
        """The operation that makes such a key. Raises KeyApiTrouble where the dialect has none."""
        if ends:
            return self._offered("create_expiring", self.dialect.create_expiring)
        if windowed:
            return self._offered("create_windowed", self.dialect.create_windowed)
        return (limited and self.dialect.create_limited) or self.dialect.create

    async def read(self, key: Key) -> Reading:
        """A key's limit and usage, as admin where the dialect offers it, else with the key itself."""
        if self.dialect.read is not None:
            return await self._reading("read", self.dialect.read, key)
        return await self.read_own(key)

    async def read_own(self, key: Key) -> Reading:
        """A key's limit and usage, asked with the key itself."""
        return await self._reading("own", self._offered("own", self.dialect.own), key)

    async def create_account(self, purpose: str, limit: int) -> Key:
        """Make an account with a limit in picodollars, from which several keys can spend: no key, but named and ended as one."""
        name = f"gateproof-{self._run}-{purpose}-{secrets.token_hex(3)}"
        operation = self._offered("create_account", self.dialect.create_account)
        limit = self._rounded(limit)
        known = {**self._variables, "name": name, "run": self._run, "limit": to_units(limit, self.per_usd)}
        captured, answer = await self._perform("create_account", operation, known)
        identifiers = {key: str(value) for key, value in captured.items() if value is not None}
        if "account" not in identifiers:
            raise self._trouble("create_account", "the answer does not name the account", answer)
        self._journal.made(name, identifiers)
        return Key(name, "", "", limit, identifiers, answer)

    async def set_limit(self, key: Key, limit: int) -> int:
        """Change the limit of a key or account, in picodollars; returns it as it was set."""
        limit = self._rounded(limit)
        operation = "set_limit" if key.id else "set_account_limit"
        await self.do(operation, key, limit=to_units(limit, self.per_usd))
        return limit

    async def rotate(self, key: Key) -> Key:
        """Give the key a new secret; the answer is the key as it is now."""
        captured, answer = await self._perform(
            "rotate", self._offered("rotate", self.dialect.rotate), self._of(key)
        )
        secret = captured.pop("secret", None)
        if not isinstance(secret, str) or not secret:
            raise self._trouble("rotate", "the answer holds no new secret", answer)
        changed = {name: str(value) for name, value in captured.items() if value is not None}
        identifiers = {**key.variables, **changed}
        self._journal.made(key.name, identifiers)
        rotated = replace(
            key, secret=secret, id=identifiers.get("id", key.id), variables=identifiers, creation=answer
        )
        self.created.append(rotated)
        self._alive[key.name] = rotated
        return rotated

    async def create_again(self, key: Key) -> Reply:
        """Send the call that showed a key's secret once more, as it was; a second key that comes of it is revoked at once.

        Raises ValueError for a key that this object did not make.
        """
        if key.shown_by is None:
            raise ValueError(f"nothing is known of how {key.name} was made")
        call, noted = key.shown_by.call, key.name + _AGAIN
        self._journal.intend(noted)
        reply = await self._send(call, key.shown_by.variables, key.shown_by.headers)
        if isinstance(reply, NoAnswer):
            if not reply.sent:
                self._journal.gone(noted)
            return reply
        public = follow(reply.json(), call.capture.get("id", "/id"))
        if reply.status in call.success and public is not None and str(public) != key.id:
            await self._revoke_again(noted, key, str(public))
        elif reply.status < 500 and (reply.status not in call.success or public is not None):
            self._journal.gone(noted)  # refused, or the same key
        return reply

    async def _revoke_again(self, noted: str, first: Key, public: str) -> None:
        second = replace(first, secret="", id=public, variables={**first.variables, "id": public})
        self._journal.made(noted, dict(second.variables))
        with suppress(KeyApiTrouble):  # it is tried again when the audit clears up
            await self._perform("revoke", self.dialect.revoke, self._of(second))
            self._journal.gone(noted)

    async def revoke(self, key: Key) -> Answer:
        """End a key for good, then the user or team that was made for it; or an account, where the dialect can."""
        answer = await self._end(key)
        self._journal.gone(key.name)
        self._alive.pop(key.name, None)
        return answer

    async def _end(self, key: Key) -> Answer:
        if not key.id and "account" in key.variables:
            return (
                key.creation if self.dialect.remove_account is None else await self.do("remove_account", key)
            )
        _, answer = await self._perform("revoke", self.dialect.revoke, self._of(key))
        if self.dialect.remove_owner is not None and "account" not in key.variables:
            await self._perform("remove_owner", self.dialect.remove_owner, self._of(key))
        return answer

    async def do(self, operation: str, key: Key, **more: Any) -> Answer:
        """Perform an operation of the dialect by its name on a key; raises `KeyApiTrouble` where it is absent or refused."""
        offered = self._offered(operation, getattr(self.dialect, operation))
        _, answer = await self._perform(operation, offered, {**self._of(key), **more})
        return answer

    async def pages(self) -> tuple[Answer, ...]:
        """Every page of the listing of keys, the first fifty at most; empty where the dialect has none."""
        pages = self.dialect.listing
        if pages is None:
            return ()
        answers: list[Answer] = []
        variables = self._first_page(pages)
        while len(answers) < _MAX_PAGES:
            answer = self._expect("listing", pages.call, await self._send(pages.call, variables))
            items = follow(answer.json(), pages.items)
            if answers and items == follow(answers[-1].json(), pages.items):
                break  # the gateway does not page: it gave the same entries again
            answers.append(answer)
            count = len(items) if isinstance(items, list) else 0
            cursor = follow(answer.json(), pages.cursor) if pages.cursor else None
            more = bool(cursor) if pages.style == "cursor" else count > 0 and pages.style != "none"
            if not more:
                break
            variables |= {
                "offset": variables["offset"] + count,
                "page": variables["page"] + 1,
                "cursor": cursor or "",
            }
        return tuple(answers)

    def look(self, key: Key | None) -> Look | None:
        """What may be asked without any harm: the first page of the listing, else what reads `key`.

        None where the dialect describes neither as a single GET with the admin credential. The key's secret is in no part
        of it: paths stand in evidence.
        """
        asked: list[tuple[Call, Mapping[str, Any]]] = []
        if self.dialect.listing is not None:
            asked.append((self.dialect.listing.call, self._first_page(self.dialect.listing)))
        if self.dialect.read is not None and key is not None:
            asked.append((self.dialect.read.calls[0], {**self._of(key), "key": None}))
        for call, variables in asked:
            if (call.method, call.credential, call.body) != ("GET", "admin", None):
                continue
            try:
                path, headers, _ = self._filled(call, variables)
            except KeyApiTrouble:
                continue
            return Look(path, headers, {**self._authority(call, variables), **headers})
        return None

    async def further_reads(self, key: Key) -> tuple[tuple[str, Reply], ...]:
        """What the dialect's further reading calls answer for a key, by path."""
        return tuple(
            [
                (f"{call.method} {call.path}", await self._send(call, self._of(key)))
                for call in self.dialect.further_reads
            ]
        )

    async def clear(self, leftover: Leftover) -> None:
        """Revoke what an interrupted audit left. Raises KeyApiTrouble where it is not known to be gone afterwards."""
        name = leftover.name.removesuffix(_AGAIN)
        variables = dict(leftover.variables) or await self._find(name)
        if not variables:
            self._journal.gone(leftover.name)
            return
        key = Key(
            name=name,
            secret="",
            id=variables.get("id", ""),
            limit=None,
            variables=variables,
            creation=Answer(status=0, headers=(), body=b"", ms=0),
        )
        try:
            await self._end(key)
        except KeyApiTrouble as trouble:
            # Revoked before, and the audit was killed before it could note that? Only the listing can tell.
            if trouble.status not in _GONE or await self._find(name):
                raise
        if name != leftover.name and await self._find(name):
            raise KeyApiTrouble(
                f"there is still a key of the name '{name}'",
                fault=Fault.TARGET,
                decide="run `gateproof cleanup` once more",
            )
        self._journal.gone(leftover.name)
        if name == leftover.name:
            self._alive.pop(name, None)

    async def _find(self, name: str) -> dict[str, str]:
        """The identifiers of a key by its name; empty where the listing, read whole, does not hold it."""
        pages = self.dialect.listing
        if pages is None or not pages.name:
            raise KeyApiTrouble(
                f"the dialect '{self.dialect.name}' cannot list keys by name, so it is unknown whether '{name}' exists",
                fault=Fault.OPERATOR,
                decide="look for keys of this name on the gateway by hand",
            )
        listed = [(answer, entries(answer.json(), pages.items)) for answer in await self.pages()]
        names: list[Any] = []
        for answer, items in listed:
            if items is None:
                raise self._trouble(
                    "listing", "the answer holds no array where the dialect says it is", answer
                )
            for item in items:
                names.append(follow(item, pages.name))
                public = follow(item, pages.id)
                if names[-1] == name and public is not None:
                    return {"id": str(public), "name": name}
        # Not found means something only where the reading of names can find, and where nothing was left unread.
        if name in names or (names and not any(names)) or len(listed) >= _MAX_PAGES:
            raise self._trouble(
                "listing",
                f"{len(names)} keys were read, and it does not show whether '{name}' is one",
                listed[-1][0],
            )
        return {}

    async def _reading(self, name: str, operation: Operation, key: Key) -> Reading:
        captured, answer = await self._perform(name, operation, self._of(key))
        return Reading(
            limit=self._money(captured.get("limit")), usage=self._money(captured.get("usage")), answer=answer
        )

    def _rounded(self, limit: int) -> int:
        return -(-limit // self._grain) * self._grain

    def _money(self, amount: Any) -> int | None:
        """Picodollars in what the gateway told, None where that is no amount of money."""
        if isinstance(amount, bool) or not isinstance(amount, int | str | Decimal):
            return None
        try:
            return from_units(Decimal(amount), self.per_usd)
        except (ArithmeticError, ValueError):
            return None

    def _first_page(self, pages: Pages) -> dict[str, Any]:
        return {**self._variables, "size": pages.size, "offset": 0, "page": 1, "cursor": ""}

    def _of(self, key: Key) -> dict[str, Any]:
        return {
            **self._variables,
            **key.variables,
            "name": key.name,
            "id": key.id,
            "key": key.secret or None,
            "run": self._run,
        }

    def _offered(self, name: str, operation: Operation | None) -> Operation:
        if operation is not None:
            return operation
        reason = self.dialect.absent.get(name, "the dialect does not describe it")
        raise KeyApiTrouble(
            f"'{self.dialect.name}' offers no '{name}': {reason}",
            fault=Fault.OPERATOR,
            decide=f"describe `{name}` in the dialect, where the gateway has it",
        )

    async def _perform(
        self,
        name: str,
        operation: Operation,
        variables: dict[str, Any],
        headers: Mapping[str, str] = NOTHING_MORE,
        made: list[Sent] | None = None,
    ) -> tuple[dict[str, Any], Answer]:
        """What the calls of an operation captured, and the last answer; each is noted in `made` as it was sent."""
        captured: dict[str, Any] = {}
        for number, call in enumerate(operation.calls):
            sent = Sent(call, {**_with_text(variables), **captured}, headers)
            try:
                answer = self._expect(name, call, await self._send(call, sent.variables, headers))
            except KeyApiTrouble as trouble:
                trouble.call = number
                raise
            if made is not None:
                made.append(sent)
            document = answer.json()
            captured |= {variable: follow(document, pointer) for variable, pointer in call.capture.items()}
        return captured, answer

    async def _send(
        self, call: Call, variables: Mapping[str, Any], more: Mapping[str, str] = NOTHING_MORE
    ) -> Reply:
        path, headers, body = self._filled(call, variables)
        # The door takes a mere path below the content API's base URL.
        url = path if call.at == "content-api" else self._url + path
        headers = {**more, **self._authority(call, variables), **headers}
        return await self._door.send(call.method, url, headers=headers, json=body)

    def _authority(self, call: Call, variables: Mapping[str, Any]) -> dict[str, str]:
        """The header that carries the credential of a call."""
        if call.at == "content-api":
            return self._door.auth(str(variables.get("key") or ""))
        credential = self._credential if call.credential == "admin" else str(variables.get("key") or "")
        return {self.dialect.auth_header: self.dialect.auth_value.replace("{credential}", credential)}

    def _filled(self, call: Call, variables: Mapping[str, Any]) -> tuple[str, dict[str, str], Any]:
        """Path, headers without the credential, and body of a call."""
        try:
            headers = {name: fill_text(value, variables) for name, value in call.headers.items()}
            path = fill_text(call.path, variables, escape=True)
            body = None if call.body is None else fill_json(call.body, variables)
        except UnknownVariable as trouble:
            raise KeyApiTrouble(
                f"the dialect '{self.dialect.name}': {trouble}",
                fault=Fault.OPERATOR,
                decide="set it under `dialect.variables`, or capture it in an earlier call",
            ) from None
        return path, headers, body

    def _expect(self, name: str, call: Call, reply: Reply) -> Answer:
        if isinstance(reply, NoAnswer):
            raise KeyApiTrouble(
                f"{call.method} {call.path} ({name}) was not answered: {reply.kind}",
                fault=_REACH.get(reply.kind, Fault.TARGET),
                decide="see what keeps the key API from answering, which it did before; lower `limits.connections` and "
                "`limits.rate` if that many requests do, and repeat the audit"
                if self._answered
                else "repeat the audit when the key API answers",
                sent=reply.sent,
            )
        self._answered = True
        if reply.status not in call.success:
            raise self._trouble(name, f"{call.method} {call.path} answered {reply.status}", reply)
        return reply

    def _trouble(self, name: str, what: str, answer: Answer) -> KeyApiTrouble:
        # Whatever is neither overload nor breakdown was a well-formed answer to what the dialect made us ask.
        busy = answer.status == 429 or answer.status >= 500
        return KeyApiTrouble(
            f"key API, '{name}': {what}",
            fault=Fault.TARGET if busy else Fault.OPERATOR,
            decide="check the admin credential and the dialect against the gateway's API",
            answer=answer,
        )


def _with_text(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables, and the limit once more as the text that stands for it, for key APIs whose amounts are strings."""
    match variables.get("limit"):
        case None:
            return dict(variables)
        case Decimal() as amount:
            text = f"{amount:f}"
        case msgspec.Raw() as literal:
            text = bytes(literal).decode()
        case told:  # an earlier answer held it
            text = str(told)
    return {**variables, "limit_text": text}
