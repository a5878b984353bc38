"""Speaking a dialect: keys made, read, limited, rotated and revoked through whatever API the target has.

There is no code path for any particular gateway here; what differs between gateways is data (`grammar.Dialect`).
"""

import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec

from conformance.dialects.grammar import Dialect, Operation
from conformance.dialects.keys import Key, KeyApiTrouble, Look, Reading, Sent
from conformance.dialects.leftovers import end, ended
from conformance.dialects.speaker import NOTHING_MORE, Speaker
from conformance.dialects.template import follow
from conformance.evidence.journal import Journal, Leftover
from conformance.model.money import from_units, to_units
from conformance.probes.door import Answer, Door, NoAnswer, Reply

__all__ = ["Key", "KeyApi", "KeyApiTrouble", "Look", "Reading"]

_AGAIN = " again"  # behind a name in the journal: there may be a second key of that name


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
        self._journal = journal
        self._run = run
        self._grain = max(1, grain)
        self._speaker = Speaker(dialect, door, url=url, credential=credential, run=run, variables=variables)

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
            operation = self._speaker.offered("create_in_account", self.dialect.create_in_account)
        variables: dict[str, Any] = {
            **self._speaker.variables,
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
            captured, answer = await self._speaker.perform(
                "create", operation, variables, headers or {}, made
            )
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
            raise self._speaker.trouble(
                "create", "the answer holds no secret where the dialect says it is", answer
            )
        if public is None:
            raise self._speaker.trouble(
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
            return self._speaker.offered("create_expiring", self.dialect.create_expiring)
        if windowed:
            return self._speaker.offered("create_windowed", self.dialect.create_windowed)
        return (limited and self.dialect.create_limited) or self.dialect.create

    async def read(self, key: Key) -> Reading:
        """A key's limit and usage, as admin where the dialect offers it, else with the key itself."""
        if self.dialect.read is not None:
            return await self._reading("read", self.dialect.read, key)
        return await self.read_own(key)

    async def read_own(self, key: Key) -> Reading:
        """A key's limit and usage, asked with the key itself."""
        return await self._reading("own", self._speaker.offered("own", self.dialect.own), key)

    async def create_account(self, purpose: str, limit: int) -> Key:
        """Make an account with a limit in picodollars, from which several keys can spend: no key, but named and ended as one."""
        name = f"gateproof-{self._run}-{purpose}-{secrets.token_hex(3)}"
        operation = self._speaker.offered("create_account", self.dialect.create_account)
        limit = self._rounded(limit)
        known = {
            **self._speaker.variables,
            "name": name,
            "run": self._run,
            "limit": to_units(limit, self.per_usd),
        }
        captured, answer = await self._speaker.perform("create_account", operation, known)
        identifiers = {key: str(value) for key, value in captured.items() if value is not None}
        if "account" not in identifiers:
            raise self._speaker.trouble("create_account", "the answer does not name the account", answer)
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
        captured, answer = await self._speaker.perform(
            "rotate", self._speaker.offered("rotate", self.dialect.rotate), self._speaker.of(key)
        )
        secret = captured.pop("secret", None)
        if not isinstance(secret, str) or not secret:
            raise self._speaker.trouble("rotate", "the answer holds no new secret", answer)
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
        reply = await self._speaker.send(call, key.shown_by.variables, key.shown_by.headers)
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
            await self._speaker.perform("revoke", self.dialect.revoke, self._speaker.of(second))
            self._journal.gone(noted)

    async def revoke(self, key: Key) -> Answer:
        """End a key for good, then the user or team that was made for it; or an account, where the dialect can."""
        answer = await end(self._speaker, key)
        self._journal.gone(key.name)
        self._alive.pop(key.name, None)
        return answer

    async def do(self, operation: str, key: Key, **more: Any) -> Answer:
        """Perform an operation of the dialect by its name on a key; raises `KeyApiTrouble` where it is absent or refused."""
        offered = self._speaker.offered(operation, getattr(self.dialect, operation))
        _, answer = await self._speaker.perform(operation, offered, {**self._speaker.of(key), **more})
        return answer

    async def further_reads(self, key: Key) -> tuple[tuple[str, Reply], ...]:
        """What the dialect's further reading calls answer for a key, by path."""
        return tuple(
            [
                (f"{call.method} {call.path}", await self._speaker.send(call, self._speaker.of(key)))
                for call in self.dialect.further_reads
            ]
        )

    async def _reading(self, name: str, operation: Operation, key: Key) -> Reading:
        captured, answer = await self._speaker.perform(name, operation, self._speaker.of(key))
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

    async def pages(self) -> tuple[Answer, ...]:
        """Every page of the listing of keys, the first fifty at most; empty where the dialect has none."""
        return await self._speaker.pages()

    def look(self, key: Key | None) -> Look | None:
        """What may be asked without any harm, without any key's secret in it; see `Speaker.look`."""
        return self._speaker.look(key)

    async def clear(self, leftover: Leftover) -> None:
        """Revoke what an interrupted audit left. Raises KeyApiTrouble where it is not known to be gone afterwards."""
        name = leftover.name.removesuffix(_AGAIN)
        await ended(self._speaker, name, leftover.variables, again=name != leftover.name)
        self._journal.gone(leftover.name)
        if name == leftover.name:
            self._alive.pop(name, None)
