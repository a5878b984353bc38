"""The schemas of the admin plane: what is asked by the structures that read it, what is shown by hand."""

from typing import Any, Final

import msgspec

from reference_gateway import credential
from reference_gateway.admin.account_shapes import AccountChange, AccountCreation
from reference_gateway.admin.fields import Reset
from reference_gateway.admin.shapes import EndpointName, KeyChange, KeyCreation
from reference_gateway.config import Config
from reference_gateway.description.document import Json, nullable, record, ref
from reference_gateway.ledger.accounts import Act

ID: Final[Json] = {"type": "string", "pattern": "^[0-9A-Za-z]{11}$"}
_BASE62: Final = "[0-9A-Za-z]"
_MOMENT: Final[Json] = {"type": "string", "format": "date-time"}
_USD: Final[Json] = {"type": "number", "minimum": 0, "description": "US dollars"}


def schemas(config: Config) -> dict[str, Json]:
    """Bodies by the structures that read them, and what is shown."""
    _, asked = msgspec.json.schema_components(
        (KeyCreation, KeyChange, AccountCreation, AccountChange), ref_template="#/components/schemas/{name}"
    )
    names = {"enum": sorted(model.name for model in config.models), "title": "Model"}
    for one in (asked["KeyCreation"], asked["KeyChange"]):
        listed, null = one["properties"]["models"]["anyOf"]
        one["properties"]["models"]["anyOf"] = [listed | {"items": ref("Model")}, null]
    return asked | {
        "Model": names,
        "Key": record(_key(config.environment)),
        "IssuedKey": record({"data": ref("Key"), "key": _secret(config.environment)}),
        "Account": record({"id": ID, **_budget()}),
        "AuditLine": record(_audit_line()),
    }


def _key(environment: str) -> dict[str, Json]:
    named = {
        "hash": ID | {"description": "the key's id, which is public"},
        "label": {"type": "string", "pattern": f"^{_label(environment)}$"},
    }
    scope = {
        "models": nullable({"type": "array", "items": ref("Model")}),
        "endpoints": nullable({"type": "array", "items": _literal(EndpointName)}),
    }
    return {
        **named,
        **_budget(),
        "expires_at": nullable(_MOMENT),
        **scope,
        "account": nullable(ID),
    }


def _label(environment: str) -> str:
    return f"{credential.PREFIX}{environment}_{_BASE62}{{{credential.ID_DIGITS}}}"


def _secret(environment: str) -> Json:
    digits = credential.SECRET_DIGITS + credential.CHECKSUM_DIGITS
    return {"type": "string", "pattern": f"^{_label(environment)}_{_BASE62}{{{digits}}}$"}


def _budget() -> dict[str, Json]:
    return {
        "name": {"type": "string", "maxLength": 100},
        "disabled": {"type": "boolean"},
        "limit": nullable(_USD),
        "limit_remaining": nullable(_USD | {"description": "US dollars, in the present window"}),
        "limit_reset": nullable(_literal(Reset)),
        "usage": _USD | {"description": "US dollars, ever since it was made"},
        "created_at": _MOMENT,
        "updated_at": _MOMENT,
    }


def _audit_line() -> dict[str, Json]:
    return {
        "number": {"type": "integer", "minimum": 1},
        "at": {"type": "integer", "description": "UTC milliseconds"},
        "actor": {"type": "string", "description": "the name of the credential, empty where there was none"},
        "act": {"enum": [act.name.lower() for act in Act]},
        "code": {"enum": [int(act) for act in Act]},
        "subject": nullable(ID | {"description": "the id of a key or account"}),
        "link": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    }


def _literal(names: Any) -> Json:
    return msgspec.json.schema(names)
