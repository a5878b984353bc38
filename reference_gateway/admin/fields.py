"""What the bodies and views of keys and accounts have in common: names, dollars, windows, moments.

Bodies are read by strict structures, which also describe them (`admin.description`). Of a duplicate JSON
key the last value counts, here and everywhere: nobody else reads the body.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Raw, UnsetType

from reference_gateway import money
from reference_gateway.ledger.accounts import Account, ApiKey
from reference_gateway.ledger.spend import Period
from reference_gateway.web.faults import Fault, RefusalError

# `$` alone would let a line feed at the end through.
Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)")]
PublicId = Annotated[str, Meta(pattern=r"^[0-9A-Za-z]{11}$(?!\n)")]
Moment = Annotated[datetime, Meta(tz=True)]
Reset = Literal["daily", "weekly", "monthly"]

# So that a limit and what may be held beside it stay far from the end of 64 bits.
MAX_DOLLARS: Final = 9_000_000_000
# As text, so that no float comes between the caller's dollars and ours.
Dollars = Annotated[
    Raw,
    Meta(
        extra_json_schema={
            "type": ["number", "null"],
            "minimum": 0,
            "maximum": MAX_DOLLARS,
            "multipleOf": 1e-9,
            "description": "US dollars with at most nine decimals; null is no limit.",
        }
    ),
]
NO_LIMIT: Final = Raw(b"null")

_RESETS: Final[dict[Reset, Period]] = {
    "daily": Period.DAILY,
    "weekly": Period.WEEKLY,
    "monthly": Period.MONTHLY,
}
_RESET_NAMES: Final = {period: name for name, period in _RESETS.items()}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# What a decoder says of a field, at the end of its sentence; before it stands what the caller typed.
_PLACE: Final = re.compile(r"(?: - at `\$\.|missing required field `)([a-z_]+)[^`]*`$")

Body = TypeVar("Body", bound=msgspec.Struct)
Value = TypeVar("Value")

_encoder: Final = msgspec.json.Encoder(decimal_format="number")


def decoded(decoder: msgspec.json.Decoder[Body], body: bytes) -> Body:
    """The body as the decoder's structure. Raises RefusalError, which names fields of ours at most."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _refusal(str(error), decoder.type.__struct_fields__) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise RefusalError(Fault.NOT_JSON) from None


def _refusal(sentence: str, known: tuple[str, ...]) -> RefusalError:
    if sentence.startswith("Object contains unknown field"):
        return RefusalError(Fault.UNKNOWN_FIELD)
    found = _PLACE.search(sentence)
    return RefusalError(Fault.BAD_VALUE, param=found[1] if found and found[1] in known else None)


def encoded(value: dict[str, Any]) -> bytes:
    """JSON with exact decimals as numbers."""
    return _encoder.encode(value)


def kept(new: Value | UnsetType, old: Value) -> Value:
    """What a field is after a change that may not mention it."""
    return old if isinstance(new, UnsetType) else new


def limit_of(raw: Raw) -> int | None:
    """A limit in nano-dollars. Raises RefusalError."""
    text = bytes(raw)
    if text == b"null":
        return None
    try:
        limit = money.usd_to_nano(text.decode("latin-1"))
    except money.NotMoneyError:
        raise RefusalError(Fault.BAD_VALUE, param="limit") from None
    if limit > money.usd_to_nano(str(MAX_DOLLARS)):
        raise RefusalError(Fault.BAD_VALUE, param="limit")
    return limit


def changed_limit(raw: Raw) -> int | UnsetType | None:
    """The same where the field may be absent."""
    return limit_of(raw) if bytes(raw) else msgspec.UNSET


def period_of(reset: Reset | None) -> Period:
    """The window of a limit; none is for ever."""
    return Period.NEVER if reset is None else _RESETS[reset]


def milliseconds_of(moment: datetime | None) -> int | None:
    """UTC milliseconds. Raises RefusalError for what is outside the years 1 to 9999 in UTC."""
    if moment is None:
        return None
    try:
        return (moment.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)
    except OverflowError:
        raise RefusalError(Fault.BAD_VALUE, param="expires_at") from None


def moment_text(milliseconds: int) -> str:
    """A moment as RFC 3339 has it, in UTC."""
    text = (_EPOCH + timedelta(milliseconds=milliseconds)).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def budget_view(record: ApiKey | Account) -> dict[str, Any]:
    """Limit and spending in dollars; `limit_remaining` of the present window, `usage` for ever."""
    limit = record.limit
    return {
        "limit": None if limit is None else money.nano_to_usd(limit),
        "limit_remaining": None if limit is None else money.nano_to_usd(max(0, limit - record.spent)),
        "limit_reset": _RESET_NAMES.get(record.period),
        "usage": money.nano_to_usd(record.total),
        "created_at": moment_text(record.created_at),
        "updated_at": moment_text(record.updated_at),
    }
