"""The key API's JSON, in OpenRouter's shape: what may be asked, and how a key is shown."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from reference_gateway import money
from reference_gateway.credential import PREFIX, public_id
from reference_gateway.ledger.accounts import Account, NewKey, Revision
from reference_gateway.ledger.spend import Period
from reference_gateway.web.faults import Fault, RefusalError

Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
Moment = Annotated[datetime, Meta(tz=True)]

_RESETS: Final = {"daily": Period.DAILY, "weekly": Period.WEEKLY, "monthly": Period.MONTHLY}
_RESET_NAMES: Final = {period: name for name, period in _RESETS.items()}

Body = TypeVar("Body")
KeyView = Callable[[Account], dict[str, Any]]


class CreateBody(Struct, frozen=True, forbid_unknown_fields=True):
    """`limit` stays as text, so that no float comes between the caller's dollars and ours."""

    name: Name
    limit: Raw = Raw(b"null")
    limit_reset: str | None = None
    expires_at: Moment | None = None


class PatchBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Fields that are absent stay as they are."""

    name: Name | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    limit: Raw = Raw()
    limit_reset: str | UnsetType | None = UNSET
    expires_at: Moment | UnsetType | None = UNSET


_create = msgspec.json.Decoder(CreateBody)
_patch = msgspec.json.Decoder(PatchBody)
_encoder = msgspec.json.Encoder(decimal_format="number")


def read_create(body: bytes) -> NewKey:
    """The new key that is asked for. Raises RefusalError."""
    asked = _decode(_create, body)
    return NewKey(
        name=asked.name,
        limit=_limit(asked.limit),
        period=_period(asked.limit_reset),
        expires_at=_milliseconds(asked.expires_at),
    )


def read_patch(body: bytes) -> Callable[[Account], Revision]:
    """The change that is asked for, as a function of what is. Raises RefusalError before it is applied."""
    asked: PatchBody = _decode(_patch, body)
    limit = _limit(asked.limit) if bytes(asked.limit) else UNSET
    period = _period(asked.limit_reset) if not isinstance(asked.limit_reset, UnsetType) else UNSET
    expires = _milliseconds(asked.expires_at) if not isinstance(asked.expires_at, UnsetType) else UNSET

    def revise(account: Account) -> Revision:
        return Revision(
            name=account.name if isinstance(asked.name, UnsetType) else asked.name,
            disabled=account.disabled if isinstance(asked.disabled, UnsetType) else asked.disabled,
            limit=account.limit if isinstance(limit, UnsetType) else limit,
            period=account.period if isinstance(period, UnsetType) else period,
            expires_at=account.expires_at if isinstance(expires, UnsetType) else expires,
        )

    return revise


def key_view(account: Account) -> dict[str, Any]:
    """A key as list, get and update show it: nothing of the secret, not even its end."""
    limit = account.limit
    remaining = None if limit is None else money.nano_to_usd(max(0, limit - account.spent))
    return {
        "hash": public_id(account.key_id),
        "label": f"{PREFIX}{public_id(account.key_id)}",
        "name": account.name,
        "disabled": account.disabled,
        "limit": None if limit is None else money.nano_to_usd(limit),
        "limit_remaining": remaining,
        "limit_reset": _RESET_NAMES.get(account.period),
        "usage": money.nano_to_usd(account.total),
        "created_at": _moment(account.created_at),
        "updated_at": _moment(account.updated_at),
        "expires_at": None if account.expires_at is None else _moment(account.expires_at),
    }


def encode(value: dict[str, Any]) -> bytes:
    """JSON with exact decimals as numbers."""
    return _encoder.encode(value)


def _decode(decoder: msgspec.json.Decoder[Body], body: bytes) -> Body:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        raise RefusalError(Fault.BAD_VALUE) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise RefusalError(Fault.NOT_JSON) from None


def _limit(raw: Raw) -> int | None:
    text = bytes(raw)
    if text == b"null":
        return None
    try:
        return money.usd_to_nano(text.decode("latin-1"))
    except money.NotMoneyError:
        raise RefusalError(Fault.BAD_VALUE, param="limit") from None


def _period(name: str | None) -> Period:
    if name is None:
        return Period.NEVER
    period = _RESETS.get(name)
    if period is None:
        raise RefusalError(Fault.BAD_VALUE, param="limit_reset")
    return period


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)


def _moment(milliseconds: int) -> str:
    text = datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
