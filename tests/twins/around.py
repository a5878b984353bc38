"""Parts of the reference gateway with something around them: each class passes everything on, a twin overrides one method."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from reference_gateway.content.opener import unsealed
from reference_gateway.content.sealed import Sealed
from reference_gateway.content.upstream import Answer, Outbound, Upstream
from reference_gateway.ledger.accounts import (
    Account,
    Accounts,
    AccountTerms,
    Act,
    ApiKey,
    AuditEntry,
    Issued,
    NewKey,
    Revise,
)
from reference_gateway.ledger.wire import (
    AskBalance,
    Authorise,
    Balance,
    Held,
    Ledger,
    Refused,
    Reserve,
    Settle,
    Standing,
)
from reference_gateway.web.asgi import App, Message, Receive, Scope, Send


class LedgerAround:
    """A ledger with something around it."""

    def __init__(self, inner: Ledger) -> None:
        self.inner = inner

    async def authorise(self, message: Authorise) -> Standing | Refused:
        return await self.inner.authorise(message)

    async def balance(self, message: AskBalance) -> Balance | Refused:
        return await self.inner.balance(message)

    async def reserve(self, message: Reserve) -> Held | Refused:
        return await self.inner.reserve(message)

    def settle(self, message: Settle) -> None:
        self.inner.settle(message)

    def on_revoked(self, listener: Callable[[int], None]) -> None:
        self.inner.on_revoked(listener)


class AccountsAround:
    """Accounts with something around them."""

    def __init__(self, inner: Accounts) -> None:
        self.inner = inner

    async def create(self, new: NewKey, by: str) -> Issued:
        return await self.inner.create(new, by)

    async def rotate(self, key_id: int, by: str) -> Issued | None:
        return await self.inner.rotate(key_id, by)

    async def revise(self, key_id: int, revise: Revise, by: str) -> ApiKey | None:
        return await self.inner.revise(key_id, revise, by)

    async def delete(self, key_id: int, by: str) -> bool:
        return await self.inner.delete(key_id, by)

    async def get(self, key_id: int) -> ApiKey | None:
        return await self.inner.get(key_id)

    async def page(self, offset: int, size: int) -> tuple[ApiKey, ...]:
        return await self.inner.page(offset, size)

    async def create_account(self, terms: AccountTerms, by: str) -> Account:
        return await self.inner.create_account(terms, by)

    async def revise_account(
        self, account_id: int, revise: Callable[[Account], AccountTerms], by: str
    ) -> Account | None:
        return await self.inner.revise_account(account_id, revise, by)

    async def account(self, account_id: int) -> Account | None:
        return await self.inner.account(account_id)

    async def account_page(self, offset: int, size: int) -> tuple[Account, ...]:
        return await self.inner.account_page(offset, size)

    async def note(self, act: Act, by: str) -> None:
        await self.inner.note(act, by)

    async def audit(self, after: int, size: int) -> tuple[AuditEntry, ...]:
        return await self.inner.audit(after, size)


class UpstreamAround:
    """The way to the provider with something around it: bodies may be changed, answers listened to."""

    def __init__(self, inner: Upstream) -> None:
        self.inner = inner

    def rewritten(self, body: dict[str, Any]) -> dict[str, Any]:
        """What is sent instead of a body."""
        return body

    @asynccontextmanager
    async def send(self, request: Outbound) -> AsyncIterator[Answer]:
        body = json.dumps(self.rewritten(json.loads(unsealed(request.body)))).encode()
        async with self.inner.send(replace(request, body=Sealed(body))) as answer:
            yield answer

    async def close(self) -> None:
        await self.inner.close()


@dataclass(slots=True)
class Exchange:
    """A request and its answer as they went by. Header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    request: bytes = b""
    status: int = 0
    answer: bytes = b""
    chunks: list[bytes] = field(default_factory=list)


def overheard(tell: Callable[[Exchange], None]) -> Callable[[App], App]:
    """An application whose exchanges are told to somebody, each at its end."""

    def around(app: App) -> App:
        async def listening(scope: Scope, receive: Receive, send: Send) -> None:
            headers = {
                name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
            }
            exchange = Exchange(path=scope["path"], headers=headers)

            async def received() -> Message:
                message = await receive()
                exchange.request += message.get("body", b"")
                return message

            async def sent(message: Message) -> None:
                exchange.status = message.get("status", exchange.status)
                exchange.answer += message.get("body", b"")
                await send(message)

            try:
                await app(scope, received, sent)
            finally:
                tell(exchange)

        return listening

    return around
