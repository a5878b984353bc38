"""The grammar of a dialect: how one gateway's key and usage API is spoken, as data.

An operation is one or more HTTP calls. `{name}` in paths, queries, headers and bodies stands for a variable; a string
that is nothing but `{name}` takes the variable's own type, so that `"{limit}"` becomes a JSON number. JSON pointers
(RFC 6901) say where answers hold what the suite needs; what is captured in one call can be used in the next, and
everything captured at creation is remembered with the key.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of a dialect file; unknown keys are refused."""


def _doc(text: str) -> Meta:
    return Meta(description=text)


class Call(Rule, frozen=True, kw_only=True):
    """One HTTP call."""

    method: Annotated[Literal["GET", "POST", "PUT", "PATCH", "DELETE"], _doc("request method")]
    path: Annotated[str, _doc("path below the base URL of the API that is asked, with its query")]
    body: Annotated[
        dict[str, Any] | None,
        _doc("JSON body; strings may hold `{variables}`; a field whose variable is unset is left out"),
    ] = None
    headers: Annotated[dict[str, str], _doc("further headers")] = {}
    credential: Annotated[
        Literal["admin", "key"], _doc("who calls: the admin credential or the key itself")
    ] = "admin"
    at: Annotated[
        Literal["key-api", "content-api"],
        _doc(
            "whom it asks: the key API, or, for a call with the key itself, the first of `gateway.base_urls`, which is shown "
            "the key as `gateway.auth` says; the same place where there is no `gateway.admin_url`"
        ),
    ] = "key-api"
    success: Annotated[tuple[int, ...], _doc("status codes that mean success")] = (200, 201, 204)
    capture: Annotated[dict[str, str], _doc("variable → JSON pointer into the answer")] = {}


class Operation(Rule, frozen=True, kw_only=True):
    """What the suite wants done, as one or more calls in order."""

    calls: Annotated[tuple[Call, ...], _doc("the calls, in order"), Meta(min_length=1)]


class Pages(Rule, frozen=True, kw_only=True):
    """How a listing is walked through."""

    call: Annotated[
        Call, _doc("one page; `{offset}`, `{page}` (from 1) or `{cursor}` and `{size}` may be used")
    ]
    items: Annotated[str, _doc("pointer to the array of entries")]
    id: Annotated[str, _doc("pointer, inside an entry, to the public id; empty: the entry itself is the id")]
    name: Annotated[
        str, _doc("pointer, inside an entry, to the name given at creation; empty: entries have none")
    ] = ""
    limit: Annotated[
        str, _doc("pointer, inside an entry, to its spending limit, null where it has none; empty: not told")
    ] = ""
    created: Annotated[
        str,
        _doc(
            "pointer, inside an entry, to the time of its creation, in ISO 8601 or Unix seconds; empty: not told"
        ),
    ] = ""
    used: Annotated[
        str,
        _doc("pointer, inside an entry, to the time of its last use, likewise; null where it never was used"),
    ] = ""
    label: Annotated[
        str,
        _doc(
            "pointer, inside an entry, to a text that tells a key's environment, such as what it begins with; empty: not told"
        ),
    ] = ""
    style: Annotated[Literal["offset", "page", "cursor", "none"], _doc("how further pages are asked for")] = (
        "none"
    )
    cursor: Annotated[str, _doc("pointer to the next cursor, for style `cursor`")] = ""
    size: Annotated[int, _doc("entries asked for per page"), Meta(gt=0)] = 100


class Dialect(Rule, frozen=True, kw_only=True):
    """One gateway's key and usage API.

    Variables that operations may use: `{name}` (unique name of the new key), `{limit}` (in the gateway's unit), `{limit_text}`
    (the same, for amounts that are strings), `{key}` (the secret), whatever was captured, and the target file's
    `dialect.variables`. `create` must capture `secret` and `id`; `read` and `own` may capture `limit` and `usage`. What
    `create_account` captured can be used in all that is done to the account and its keys.
    """

    name: Annotated[str, _doc("what it is called")]
    about: Annotated[str, _doc("one sentence, with the version it was read from")] = ""
    per_usd: Annotated[
        int,
        _doc("money units per US dollar: 1 for dollars, 100 for cents, 500000 for quota points"),
        Meta(gt=0),
    ] = 1
    auth_header: Annotated[str, _doc("header that carries the credential of the key API")] = "Authorization"
    auth_value: Annotated[str, _doc("its value; `{credential}` stands for the admin credential or key")] = (
        "Bearer {credential}"
    )
    limit_owner: Annotated[Literal["key", "user", "team"], _doc("what a spending limit hangs on")] = "key"
    unlimited: Annotated[
        tuple[str, ...],
        _doc("limits that the gateway documents to mean no limit at all, as JSON writes them, such as `-1`"),
    ] = ()
    create: Annotated[Operation, _doc("makes a key without a limit, or with `{limit}`")]
    create_limited: Annotated[
        Operation | None, _doc("makes a key with a limit, where that takes other calls than `create`")
    ] = None
    create_windowed: Annotated[
        Operation | None, _doc("makes a key whose `{limit}` starts anew with each window of time")
    ] = None
    create_expiring: Annotated[
        Operation | None,
        _doc(
            "makes a key that ends at `{ends_at}` (ISO 8601, UTC), which is `{ends_unix}` in Unix seconds and "
            "`{ends_in}` seconds from now; captures `expires`, which the gateway says of it"
        ),
    ] = None
    window_seconds: Annotated[
        int,
        _doc(
            "length of such a window, of which the first began at 1970-01-01T00:00Z: 86400 for days that end at midnight UTC"
        ),
        Meta(gt=0),
    ] = 86400
    read: Annotated[Operation | None, _doc("reads a key's limit and usage as admin")] = None
    own: Annotated[Operation | None, _doc("reads them with the key itself")] = None
    listing: Annotated[Pages | None, _doc("lists the keys")] = None
    set_limit: Annotated[Operation | None, _doc("changes the limit to `{limit}`")] = None
    disable: Annotated[Operation | None, _doc("suspends a key")] = None
    enable: Annotated[Operation | None, _doc("ends the suspension")] = None
    revoke: Annotated[Operation, _doc("ends a key for good")]
    rotate: Annotated[Operation | None, _doc("gives the key a new secret; captures `secret`")] = None
    remove_owner: Annotated[
        Operation | None, _doc("removes the user or team that `create` made, after the key is gone")
    ] = None
    create_account: Annotated[
        Operation | None,
        _doc(
            "makes an account with the limit `{limit}`: a user, team, project or whatever else several keys spend from; "
            "captures `account`, which names it"
        ),
    ] = None
    create_in_account: Annotated[
        Operation | None, _doc("makes a key without a limit of its own that spends from `{account}`")
    ] = None
    set_account_limit: Annotated[Operation | None, _doc("changes the limit of `{account}` to `{limit}`")] = (
        None
    )
    remove_account: Annotated[Operation | None, _doc("removes `{account}`, after its keys are gone")] = None
    further_reads: Annotated[
        tuple[Call, ...], _doc("further calls that answer with key data: exports, audit logs, spend records")
    ] = ()
    prices: Annotated[
        dict[str, str],
        _doc(
            "`items`, `model`, `prompt`, `completion`: pointers into the models endpoint's answer, prices in USD"
        ),
    ] = {}
    price_tokens: Annotated[
        int,
        _doc("for how many tokens each of these prices is: 1, or 1000000 where they are per million"),
        Meta(gt=0),
    ] = 1
    error_code: Annotated[str, _doc("pointer to the machine-readable code in a refusal; evidence only")] = ""
    absent: Annotated[
        dict[str, str],
        _doc("operation → why this gateway has no such thing; accepted only where the interface shows it"),
    ] = {}
