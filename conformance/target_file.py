"""Reading target files: TOML in, a frozen `Target` out, or one sentence that names file, line and key."""

import ipaddress
import os
import re
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from conformance.claims.catalogue import claim_ids
from conformance.dialects.grammar import Dialect
from conformance.dialects.shipped import shipped
from conformance.model.money import from_usd, price_per_token
from conformance.target import Secret, Target

SURFACE_KINDS = ("files", "sqlite")


class OperatorError(Exception):
    """Something in the operator's hands is wrong; the message says what, where, and what to do."""


def load(path: Path) -> Target:
    """The target that a file describes. Raises OperatorError on anything a person could have got wrong."""
    text = _read(path)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as trouble:
        raise OperatorError(f"{path}: not valid TOML: {trouble}") from None
    try:
        target = msgspec.convert(document, Target)
        _consider(target)
    except (msgspec.ValidationError, _Misfit) as trouble:
        message, where = _split(str(trouble))
        raise OperatorError(f"{path}{_line_of(text, where)}: {_plain(message, where)}") from None
    return target


def secret(reference: Secret, base: Path) -> str:
    """The credential that a reference points to; relative files are taken from `base`, the target file's folder.

    Raises OperatorError where it is not there or empty.
    """
    if reference.env:
        value = os.environ.get(reference.env, "").strip()
        if not value:
            raise OperatorError(
                f"the environment variable {reference.env} is not set; it should hold a credential"
            )
        return value
    path = base / reference.file
    try:
        value = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as trouble:
        raise OperatorError(f"the credential file {path} cannot be read: {trouble}") from None
    if not value:
        raise OperatorError(f"the credential file {path} is empty")
    return value


def dialect_of(target: Target) -> Dialect | None:
    """The dialect that the target speaks, shipped or its own."""
    if target.dialect is None:
        return None
    return target.dialect.own or shipped()[target.dialect.use]


class _Misfit(Exception):
    """A value of the right type that cannot be meant; the message ends like msgspec's, with its place."""

    def __init__(self, message: str, *place: str) -> None:
        super().__init__(f"{message} - at `$.{'.'.join(place)}`")


def _consider(target: Target) -> None:
    for url in target.gateway.base_urls:
        parts = urlsplit(url)
        if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.username:
            raise _Misfit(
                f"'{url}' is not an origin such as https://gateway.example:8443", "gateway", "base_urls"
            )
    for addresses in target.gateway.resolve.values():
        for address in addresses:
            _address(address)
    _consider_credentials(target)
    _consider_money(target)
    _consider_choices(target)


def _address(text: str) -> None:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise _Misfit(f"'{text}' is not an IP address", "gateway", "resolve") from None


def _consider_credentials(target: Target) -> None:
    places = {"admin": target.credentials.admin, "key": target.credentials.key}
    for name, reference in places.items():
        if reference is not None and bool(reference.env) == bool(reference.file):
            raise _Misfit("give either `env` or `file`", "credentials", name)
    if "{key}" not in target.gateway.auth.value:
        raise _Misfit("the value must hold {key}", "gateway", "auth", "value")


def _consider_money(target: Target) -> None:
    for place, amount in (
        (("limits", "money"), target.limits.money),
        (("claims", "soft_limit"), target.claims.soft_limit),
        (("claims", "usage_unit"), target.claims.usage_unit),
    ):
        _amount(amount, place)
    for name, model in target.models.items():
        for key, price in (
            ("prompt_price", model.prompt_price),
            ("completion_price", model.completion_price),
        ):
            if price:
                _amount(price, ("models", name, key), per_million=True)
        if bool(model.prompt_price) != bool(model.completion_price):
            raise _Misfit("give both prices or none", "models", name)


def _amount(text: str, place: tuple[str, ...], *, per_million: bool = False) -> None:
    try:
        price_per_token(text) if per_million else from_usd(text)
    except ValueError as trouble:
        raise _Misfit(str(trouble), *place) from None


def _consider_choices(target: Target) -> None:
    known = claim_ids()
    for place, ids in ((("claims", "made"), target.claims.made), (("gate", "require"), target.gate.require)):
        for claim in ids:
            if claim not in known:
                raise _Misfit(f"there is no claim '{claim}'; known: {', '.join(known)}", *place)
    if target.dialect is not None:
        _consider_dialect(target)
    for surface in target.surfaces:
        if surface.kind not in SURFACE_KINDS:
            raise _Misfit(
                f"'{surface.kind}' is not a kind of surface; known: {', '.join(SURFACE_KINDS)}", "surfaces"
            )
    if target.witness is not None:
        _consider_witness(target)


def _consider_dialect(target: Target) -> None:
    choice = target.dialect
    assert choice is not None  # noqa: S101 - narrowed by the caller
    if bool(choice.use) == (choice.own is not None):
        raise _Misfit("give either `use` or `own`", "dialect")
    if choice.use and choice.use not in shipped():
        raise _Misfit(
            f"there is no dialect '{choice.use}'; shipped: {', '.join(sorted(shipped()))}", "dialect", "use"
        )


def _consider_witness(target: Target) -> None:
    place = target.witness
    assert place is not None  # noqa: S101 - narrowed by the caller
    host, _, port = place.listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise _Misfit(f"'{place.listen}' is not address:port", "witness", "listen")
    if bool(place.certificate) != bool(place.private_key):
        raise _Misfit("give both `certificate` and `private_key`, or neither for plain HTTP", "witness")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise OperatorError(
            f"there is no target file {path}; `gateproof demo --keep-target DIR` writes one to start from"
        ) from None
    except (OSError, UnicodeDecodeError) as trouble:
        raise OperatorError(f"the target file {path} cannot be read: {trouble}") from None


def _split(message: str) -> tuple[str, tuple[str, ...]]:
    """msgspec's message and the place it names, as a path of keys and indexes."""
    text, _, place = message.partition(" - at `")
    keys = re.findall(r"[^.\[\]`$]+", place)
    unknown = re.search(r"unknown field `([^`]+)`", text)
    return text, (*keys, unknown.group(1)) if unknown else tuple(keys)


def _plain(message: str, where: tuple[str, ...]) -> str:
    unknown = re.search(r"unknown field `([^`]+)`", message)
    if unknown:
        return f"unknown key '{'.'.join(where)}'; TARGET.md lists every key"
    missing = re.search(r"missing required field `([^`]+)`", message)
    if missing:
        return f"the required key '{'.'.join((*where, missing.group(1)))}' is missing"
    return f"'{'.'.join(where)}': {message}" if where else message


def _line_of(text: str, where: tuple[str, ...]) -> str:
    """`:LINE` of the deepest table or key of a path that stands in the text; empty where none does."""
    names = [key for key in where if not key.isdigit()]
    index = next((int(key) for key in where if key.isdigit()), 0)
    for depth in range(len(names), 0, -1):
        lines = _places(text).get(tuple(names[:depth]))
        if lines:
            return f":{lines[min(index, len(lines) - 1)]}"
    return ""


def _places(text: str) -> dict[tuple[str, ...], list[int]]:
    """Line numbers of every table header and key, by dotted path. Good for messages; parsing is tomllib's."""
    places: dict[tuple[str, ...], list[int]] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[\[?\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$", line)
        if header:
            table = _keys(header.group(1))
            places.setdefault(table, []).append(number)
            continue
        pair = re.match(
            r"\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*=", line
        )
        if pair:
            places.setdefault((*table, *_keys(pair.group(1))), []).append(number)
    return places


def _keys(dotted: str) -> tuple[str, ...]:
    return tuple(key.strip().strip("\"'") for key in re.findall(r"\"[^\"]*\"|'[^']*'|[^.]+", dotted))


def as_document(target: Target) -> dict[str, Any]:
    """The target as plain data, for the run record; it never holds a credential, only where one is found."""
    document: dict[str, Any] = msgspec.to_builtins(target)
    return document
