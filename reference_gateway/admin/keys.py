"""Keys: made, shown, changed, rotated and ended. A key itself is in the answer to the first and the fourth only."""

from collections.abc import Collection
from typing import Any

from reference_gateway.admin.call import OFFSET_DIGITS, PAGE, Call
from reference_gateway.admin.fields import encoded
from reference_gateway.admin.shapes import KeyView, read_change, read_creation
from reference_gateway.ledger.accounts import Accounts, ApiKey, Issued, NoSuchAccountError
from reference_gateway.web.faults import Fault, RefusalError
from reference_gateway.web.outlet import Outlet


class KeyActs:
    """`offered` are the names of models. No act is repeated for its Idempotency-Key: a key is shown once."""

    def __init__(
        self, accounts: Accounts, view: KeyView, offered: Collection[str], body_seconds: float
    ) -> None:
        self._accounts = accounts
        self._view = view
        self._offered = offered
        self._body_seconds = body_seconds

    async def create(self, call: Call, outlet: Outlet) -> None:
        """201 with the key, this once."""
        new = read_creation(await call.body(self._body_seconds), self._offered)
        try:
            issued = await self._accounts.create(new, call.by)
        except NoSuchAccountError:
            raise RefusalError(Fault.NO_SUCH_ACCOUNT, param="account") from None
        await self._issued(201, issued, outlet)

    async def page(self, call: Call, outlet: Outlet) -> None:
        """A hundred keys from `offset` on, newest first."""
        keys = await self._accounts.page(call.number("offset", OFFSET_DIGITS), PAGE)
        await outlet.whole(200, encoded({"data": [self._view(key) for key in keys]}))

    async def get(self, call: Call, outlet: Outlet) -> None:
        """One key."""
        await self._shown(await self._accounts.get(call.subject(Fault.NO_SUCH_KEY)), outlet)

    async def change(self, call: Call, outlet: Outlet) -> None:
        """Changes a key; disabling takes effect before the answer."""
        key_id = call.subject(Fault.NO_SUCH_KEY)
        revise = read_change(await call.body(self._body_seconds), self._offered)
        await self._shown(await self._accounts.revise(key_id, revise, call.by), outlet)

    async def delete(self, call: Call, outlet: Outlet) -> None:
        """Ends a key before the answer."""
        if not await self._accounts.delete(call.subject(Fault.NO_SUCH_KEY), call.by):
            raise RefusalError(Fault.NO_SUCH_KEY)
        await outlet.whole(200, encoded({"deleted": True}))

    async def rotate(self, call: Call, outlet: Outlet) -> None:
        """A new secret with the same limit and usage; the old one is dead before the answer."""
        issued = await self._accounts.rotate(call.subject(Fault.NO_SUCH_KEY), call.by)
        if issued is None:
            raise RefusalError(Fault.NO_SUCH_KEY)
        await self._issued(200, issued, outlet)

    async def _shown(self, key: ApiKey | None, outlet: Outlet) -> None:
        if key is None:
            raise RefusalError(Fault.NO_SUCH_KEY)
        await outlet.whole(200, encoded({"data": self._view(key)}))

    async def _issued(self, status: int, issued: Issued, outlet: Outlet) -> None:
        answer: dict[str, Any] = {"data": self._view(issued.record), "key": issued.key}
        await outlet.whole(status, encoded(answer))
