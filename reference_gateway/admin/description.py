"""The admin plane as an OpenAPI 3.1 document."""

from collections.abc import Iterable
from typing import Final

from reference_gateway.admin.call import LINE_DIGITS, MAX_BODY, OFFSET_DIGITS, PAGE
from reference_gateway.admin.metrics import CONTENT_TYPE
from reference_gateway.admin.schemas import ID, schemas
from reference_gateway.config import Config
from reference_gateway.description.document import (
    ANY_BODY,
    NO_CREDENTIAL,
    Json,
    answer,
    body,
    document,
    record,
    ref,
    refusals,
)
from reference_gateway.web.faults import Fault

_ABOUT: Final = """\
Keys and accounts are made, changed and ended here; no content passes. Every request but that for `/health`
needs an admin credential as a bearer token. Its role says what it may do: `admin` everything, `keys` all
that concerns keys, `viewer` all that reads. Query parameters that are not described are ignored, and so is
`Idempotency-Key`: a creation that is sent twice makes two, since a key is shown once.
"""
_AUDIT: Final = """\
The append-only audit log, oldest first. Each line's `link` is SHA-256 over the link before it (32 zero bytes
before line 1), four 64-bit big-endian integers (`number`, `at`, `code`, and the number that the base62 digits
of `subject` spell, 0 for null; digits are 0-9, A-Z, a-z), and the UTF-8 of `actor`. The chain does not show
that lines at its end are missing: keep the latest number and link elsewhere. Of refused credentials and roles
ten are written at once, then one a minute; `/metrics` counts all.
"""
_BODY_FAULTS: Final = (*ANY_BODY, Fault.UNKNOWN_FIELD)


def admin_description(config: Config) -> bytes:
    """The document as JSON. It names the models on offer."""
    return document(
        title="Reference gateway: admin API",
        about=_ABOUT,
        paths=_key_paths() | _account_paths() | _other_paths(),
        schemas=schemas(config),
        security={"credential": {"type": "http", "scheme": "bearer"}},
    )


def _key_paths() -> dict[str, Json]:
    shown = answer("The key, without its secret.", record({"data": ref("Key")}))
    issued = answer("The key, this once.", ref("IssuedKey"))
    deleted = answer("The key is dead.", record({"deleted": {"const": True}}))
    missing, change = (Fault.NO_SUCH_KEY,), (Fault.WEAK_ROLE,)
    return {
        "/api/v1/keys": {
            "get": _operation(
                "listKeys",
                "Keys, newest first.",
                {"200": answer(f"At most {PAGE} keys.", _list("Key"))},
                (Fault.BAD_VALUE,),
                parameters=[_offset()],
            ),
            "post": _operation(
                "createKey",
                "Makes a key. Names of models and endpoints must be those on offer.",
                {"201": _leading(issued, "/data/hash", "getKey", "changeKey", "rotateKey", "deleteKey")},
                (*_BODY_FAULTS, *change, Fault.NO_SUCH_ACCOUNT),
                asked="KeyCreation",
            ),
        },
        "/api/v1/keys/{id}": {
            "parameters": [_id()],
            "get": _operation("getKey", "One key.", {"200": shown}, missing),
            "patch": _operation(
                "changeKey",
                "Changes what is named, before the answer. A key that is disabled or expired by it is dead.",
                {"200": shown},
                (*_BODY_FAULTS, *change, *missing),
                asked="KeyChange",
            ),
            "delete": _operation(
                "deleteKey", "Ends a key for good, before the answer.", {"200": deleted}, (*change, *missing)
            ),
        },
        "/api/v1/keys/{id}/rotate": {
            "parameters": [_id()],
            "post": _operation(
                "rotateKey",
                "Gives a key a new secret. The old one is dead before the answer.",
                {"200": issued},
                (*change, *missing),
            ),
        },
    }


def _account_paths() -> dict[str, Json]:
    data = record({"data": ref("Account")})
    missing, role = (Fault.NO_SUCH_ACCOUNT,), (Fault.WEAK_ROLE,)
    return {
        "/api/v1/accounts": {
            "get": _operation(
                "listAccounts",
                "Accounts, newest first.",
                {"200": answer(f"At most {PAGE} accounts.", _list("Account"))},
                (*role, Fault.BAD_VALUE),
                parameters=[_offset()],
            ),
            "post": _operation(
                "createAccount",
                "Makes an account: a limit above those of its keys.",
                {"201": _leading(answer("The account.", data), "/data/id", "getAccount", "changeAccount")},
                (*_BODY_FAULTS, *role),
                asked="AccountCreation",
            ),
        },
        "/api/v1/accounts/{id}": {
            "parameters": [_id()],
            "get": _operation(
                "getAccount", "One account.", {"200": answer("The account.", data)}, (*role, *missing)
            ),
            "patch": _operation(
                "changeAccount",
                "Changes what is named, before the answer. The keys of a disabled account are dead.",
                {"200": answer("The account.", data)},
                (*_BODY_FAULTS, *role, *missing),
                asked="AccountChange",
            ),
        },
    }


def _other_paths() -> dict[str, Json]:
    lines = answer(f"At most {PAGE} lines.", _list("AuditLine"))
    text = answer("Prometheus's text format.", {"type": "string"}, media=CONTENT_TYPE.decode())
    return {
        "/api/v1/audit": {
            "get": _operation(
                "readAuditLog",
                _AUDIT,
                {"200": lines},
                (Fault.WEAK_ROLE, Fault.BAD_VALUE),
                parameters=[_number("after", LINE_DIGITS, "lines with numbers above it")],
            )
        },
        "/metrics": {"get": _plain("readMetrics", "Counters and durations, by enums.", {"200": text})},
        "/openapi.json": {
            "get": _plain("describe", "This document.", {"200": answer("The document.", {"type": "object"})})
        },
        "/health": {
            "get": {
                "operationId": "health",
                "security": [],
                "description": "For everybody.",
                "responses": {**refusals(()), "200": _status("ok"), "503": _status("no ledger")},
            }
        },
    }


def _status(word: str) -> Json:
    return answer("Whether the ledger can be read.", record({"status": {"const": word}}))


def _operation(
    name: str,
    about: str,
    responses: Json,
    faults: Iterable[Fault],
    *,
    asked: str | None = None,
    parameters: list[Json] | None = None,
) -> Json:
    """What asks the ledger."""
    operation = _plain(name, about, responses, (*faults, Fault.LEDGER_DOWN))
    if asked is not None:
        operation["requestBody"] = body(ref(asked), MAX_BODY)
    if parameters is not None:
        operation["parameters"] = parameters
    return operation


def _plain(name: str, about: str, responses: Json, faults: Iterable[Fault] = ()) -> Json:
    """What needs a credential."""
    return {
        "operationId": name,
        "description": about,
        "responses": {**responses, **refusals((*NO_CREDENTIAL, *faults))},
    }


def _leading(response: Json, pointer: str, *operations: str) -> Json:
    """A response with an id, to operations that take it."""
    parameters = {"id": f"$response.body#{pointer}"}
    return response | {
        "links": {name: {"operationId": name, "parameters": parameters} for name in operations}
    }


def _list(name: str) -> Json:
    return record({"data": {"type": "array", "items": ref(name), "maxItems": PAGE}})


def _id() -> Json:
    return {"name": "id", "in": "path", "required": True, "schema": ID}


def _offset() -> Json:
    return _number("offset", OFFSET_DIGITS, "how many to skip")


def _number(name: str, digits: int, about: str) -> Json:
    schema = {"type": "integer", "minimum": 0, "maximum": 10**digits - 1, "default": 0}
    return {"name": name, "in": "query", "description": about, "schema": schema}
