"""The key API's JSON, in OpenRouter's shape: what may be asked, and how a key is shown."""

from collections.abc import Callable, Collection
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from reference_gateway import credential
from reference_gateway.admin.fields import (
    NO_LIMIT,
    Dollars,
    Moment,
    Name,
    PublicId,
    Reset,
    budget_view,
    changed_limit,
    decoded,
    kept,
    limit_of,
    milliseconds_of,
    moment_text,
    period_of,
)
from reference_gateway.ledger.accounts import ApiKey, NewKey, Revise, Revision, Scope
from reference_gateway.ledger.wire import Endpoint
from reference_gateway.web.faults import Fault, RefusalError

# By the last part of their path. `GET key` is not among them: no scope keeps a key from asking after itself.
EndpointName = Literal["chat/completions", "completions", "responses", "embeddings", "messages", "models"]
_ENDPOINTS: Final[dict[EndpointName, Endpoint]] = {
    "chat/completions": Endpoint.CHAT,
    "completions": Endpoint.COMPLETIONS,
    "responses": Endpoint.RESPONSES,
    "embeddings": Endpoint.EMBEDDINGS,
    "messages": Endpoint.MESSAGES,
    "models": Endpoint.MODELS,
}

KeyView = Callable[[ApiKey], dict[str, Any]]


class KeyCreation(Struct, frozen=True, forbid_unknown_fields=True):
    """A new key. `models` and `endpoints` are what it is for, null is everything; `account` is above it."""

    name: Name
    limit: Dollars = msgspec.field(default_factory=lambda: NO_LIMIT)
    limit_reset: Reset | None = None
    expires_at: Moment | None = None
    models: list[str] | None = None
    endpoints: list[EndpointName] | None = None
    account: PublicId | None = None


class KeyChange(Struct, frozen=True, forbid_unknown_fields=True):
    """A change of a key; fields that are absent stay as they are."""

    name: Name | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    limit: Dollars = msgspec.field(default_factory=Raw)
    limit_reset: Reset | UnsetType | None = UNSET
    expires_at: Moment | UnsetType | None = UNSET
    models: list[str] | UnsetType | None = UNSET
    endpoints: list[EndpointName] | UnsetType | None = UNSET


_creation = msgspec.json.Decoder(KeyCreation)
_change = msgspec.json.Decoder(KeyChange)


def read_creation(body: bytes, offered: Collection[str]) -> NewKey:
    """The new key that is asked for; `offered` are the names of models. Raises RefusalError."""
    asked = decoded(_creation, body)
    return NewKey(
        name=asked.name,
        account=_account_id(asked.account),
        scope=Scope(models=_models(asked.models, offered), endpoints=_endpoints(asked.endpoints)),
        limit=limit_of(asked.limit),
        period=period_of(asked.limit_reset),
        expires_at=milliseconds_of(asked.expires_at),
    )


def read_change(body: bytes, offered: Collection[str]) -> Revise:
    """The change that is asked for, as a function of what is. Raises RefusalError before it is applied."""
    asked = decoded(_change, body)
    limit = changed_limit(asked.limit)
    period = UNSET if isinstance(asked.limit_reset, UnsetType) else period_of(asked.limit_reset)
    expires = UNSET if isinstance(asked.expires_at, UnsetType) else milliseconds_of(asked.expires_at)
    models = UNSET if isinstance(asked.models, UnsetType) else _models(asked.models, offered)
    endpoints = UNSET if isinstance(asked.endpoints, UnsetType) else _endpoints(asked.endpoints)

    def revise(key: ApiKey) -> Revision:
        return Revision(
            name=kept(asked.name, key.name),
            disabled=kept(asked.disabled, key.disabled),
            scope=Scope(
                models=kept(models, key.scope.models), endpoints=kept(endpoints, key.scope.endpoints)
            ),
            limit=kept(limit, key.limit),
            period=kept(period, key.period),
            expires_at=kept(expires, key.expires_at),
        )

    return revise


def key_view(environment: str) -> KeyView:
    """A key as list, get and update show it: nothing of the secret, not even its end."""

    def view(key: ApiKey) -> dict[str, Any]:
        return {
            "hash": credential.public_id(key.key_id),
            "label": credential.label(environment, key.key_id),
            "name": key.name,
            "disabled": key.disabled,
            **budget_view(key),
            "expires_at": None if key.expires_at is None else moment_text(key.expires_at),
            "models": None if key.scope.models is None else sorted(key.scope.models),
            "endpoints": _endpoint_names(key.scope.endpoints),
            "account": None if key.account is None else credential.public_id(key.account),
        }

    return view


def _account_id(public_id: str | None) -> int | None:
    if public_id is None:
        return None
    account_id = credential.parse_public_id(public_id)
    if account_id is None:
        raise RefusalError(Fault.NO_SUCH_ACCOUNT, param="account")
    return account_id


def _models(names: list[str] | None, offered: Collection[str]) -> frozenset[str] | None:
    if names is None:
        return None
    if not set(names) <= set(offered):
        raise RefusalError(Fault.BAD_VALUE, param="models")
    return frozenset(names)


def _endpoints(names: list[EndpointName] | None) -> frozenset[Endpoint] | None:
    return None if names is None else frozenset(_ENDPOINTS[name] for name in names)


def _endpoint_names(endpoints: frozenset[Endpoint] | None) -> list[EndpointName] | None:
    if endpoints is None:
        return None
    return [name for name, endpoint in _ENDPOINTS.items() if endpoint in endpoints]
