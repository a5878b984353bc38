"""Twins of the reference gateway that show secrets again."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from reference_gateway.ledger.accounts import ApiKey, Issued, NewKey
from reference_gateway.parts import Parts
from tests.twins import registry
from tests.twins.around import AccountsAround
from tests.twins.checks import SHOWN_ONCE

twin = partial(registry.twin, host="reference")


def remembering(parts: Parts, show: Callable[[str], Mapping[str, str]]) -> Parts:
    """Every view of a key with more fields, made from its secret."""
    secrets: dict[int, str] = {}

    class Remembering(AccountsAround):
        async def create(self, new: NewKey, by: str) -> Issued:
            issued = await super().create(new, by)
            secrets[issued.record.key_id] = issued.key
            return issued

    def view(account: ApiKey) -> dict[str, Any]:
        secret = secrets.get(account.key_id)
        return parts.key_view(account) | dict(show(secret) if secret else {})

    return replace(parts, accounts=Remembering, key_view=view)


@twin("secret-in-listing", fails={SHOWN_ONCE})
def secret_in_listing(parts: Parts) -> Parts:
    """The secret beside each key."""
    return remembering(parts, lambda secret: {"key": secret})


@twin("most-of-secret-in-listing", fails={SHOWN_ONCE})
def most_of_secret_in_listing(parts: Parts) -> Parts:
    """A mask that hides the middle only: what is left could be guessed."""
    return remembering(parts, lambda secret: {"hint": f"{secret[:40]}…{secret[-15:]}"})


@twin("secret-in-listing-encoded", fails={SHOWN_ONCE})
def secret_in_listing_encoded(parts: Parts) -> Parts:
    """The secret beside each key, in base64."""
    return remembering(parts, lambda secret: {"token": base64.b64encode(secret.encode()).decode()})
