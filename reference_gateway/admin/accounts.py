"""Accounts: made, shown and changed. There is no end of one: its keys would be without their limit."""

from reference_gateway.admin.account_shapes import (
    account_view,
    read_account_change,
    read_account_creation,
)
from reference_gateway.admin.call import OFFSET_DIGITS, PAGE, Call
from reference_gateway.admin.fields import encoded
from reference_gateway.ledger.accounts import Account, Accounts
from reference_gateway.web.faults import Fault, RefusalError
from reference_gateway.web.outlet import Outlet


class AccountActs:
    """What can be done to an account."""

    def __init__(self, accounts: Accounts, body_seconds: float) -> None:
        self._accounts = accounts
        self._body_seconds = body_seconds

    async def create(self, call: Call, outlet: Outlet) -> None:
        """201 with the account."""
        terms = read_account_creation(await call.body(self._body_seconds))
        await self._shown(201, await self._accounts.create_account(terms, call.by), outlet)

    async def page(self, call: Call, outlet: Outlet) -> None:
        """A hundred accounts from `offset` on, newest first."""
        accounts = await self._accounts.account_page(call.number("offset", OFFSET_DIGITS), PAGE)
        await outlet.whole(200, encoded({"data": [account_view(account) for account in accounts]}))

    async def get(self, call: Call, outlet: Outlet) -> None:
        """One account."""
        await self._shown(200, await self._accounts.account(call.subject(Fault.NO_SUCH_ACCOUNT)), outlet)

    async def change(self, call: Call, outlet: Outlet) -> None:
        """Changes an account; disabling stops all of its keys before the answer."""
        account_id = call.subject(Fault.NO_SUCH_ACCOUNT)
        revise = read_account_change(await call.body(self._body_seconds))
        await self._shown(200, await self._accounts.revise_account(account_id, revise, call.by), outlet)

    async def _shown(self, status: int, account: Account | None, outlet: Outlet) -> None:
        if account is None:
            raise RefusalError(Fault.NO_SUCH_ACCOUNT)
        await outlet.whole(status, encoded({"data": account_view(account)}))
