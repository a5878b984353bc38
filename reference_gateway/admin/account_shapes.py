"""The account API's JSON: what may be asked, and how an account is shown."""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from reference_gateway import credential
from reference_gateway.admin.fields import (
    NO_LIMIT,
    Dollars,
    Name,
    Reset,
    budget_view,
    changed_limit,
    decoded,
    kept,
    limit_of,
    period_of,
)
from reference_gateway.ledger.accounts import Account, AccountTerms


class AccountCreation(Struct, frozen=True, forbid_unknown_fields=True):
    """A new account: a limit above those of the keys that will be made in it."""

    name: Name
    limit: Dollars = msgspec.field(default_factory=lambda: NO_LIMIT)
    limit_reset: Reset | None = None


class AccountChange(Struct, frozen=True, forbid_unknown_fields=True):
    """A change of an account; fields that are absent stay as they are."""

    name: Name | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    limit: Dollars = msgspec.field(default_factory=Raw)
    limit_reset: Reset | UnsetType | None = UNSET


_creation: Final = msgspec.json.Decoder(AccountCreation)
_change: Final = msgspec.json.Decoder(AccountChange)


def read_account_creation(body: bytes) -> AccountTerms:
    """The new account that is asked for. Raises RefusalError."""
    asked = decoded(_creation, body)
    return AccountTerms(name=asked.name, limit=limit_of(asked.limit), period=period_of(asked.limit_reset))


def read_account_change(body: bytes) -> Callable[[Account], AccountTerms]:
    """The change that is asked for, as a function of what is. Raises RefusalError before it is applied."""
    asked = decoded(_change, body)
    limit = changed_limit(asked.limit)
    period = UNSET if isinstance(asked.limit_reset, UnsetType) else period_of(asked.limit_reset)

    def revise(account: Account) -> AccountTerms:
        return AccountTerms(
            name=kept(asked.name, account.name),
            disabled=kept(asked.disabled, account.disabled),
            limit=kept(limit, account.limit),
            period=kept(period, account.period),
        )

    return revise


def account_view(account: Account) -> dict[str, Any]:
    """An account as create, list, get and update show it."""
    return {
        "id": credential.public_id(account.account_id),
        "name": account.name,
        "disabled": account.disabled,
        **budget_view(account),
    }
