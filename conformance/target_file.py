"""Reading target files: TOML in, a frozen `Target` out, or one sentence that names file, line and key."""

import ipaddress
import math
import os
import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from conformance.claims.catalogue import claim_ids
from conformance.dialects.grammar import Dialect
from conformance.dialects.shipped import shipped
from conformance.dialects.sound import complaint
from conformance.model.money import from_usd, price_per_token
from conformance.target import Secret, Target
from conformance.target_sound import credentials, processes_complaint, surface_complaint, zone_complaint
from conformance.toml_lines import ANY, line_of

_MOVED = {"dialect.url": "gateway.admin_url"}  # keys of earlier versions, and where they stand now
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # a token: RFC 9110, 5.6.2
_MOST_PORT = 65535


class OperatorError(Exception):
    """Something in the operator's hands is wrong; the message says what, where, and what to do."""


def load(path: Path) -> Target:
    """The target that a file describes. Raises OperatorError on anything a person could have got wrong."""
    text = _read(path)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as trouble:
        raise OperatorError(f"{path}: not valid TOML: {trouble}") from None
    except (RecursionError, ValueError):
        raise OperatorError(f"{path}: not valid TOML: nested too deep, or a number too long") from None
    try:
        target = msgspec.convert(document, Target)
        _consider(target)
    except msgspec.ValidationError as trouble:
        message, where = _split(str(trouble))
        raise OperatorError(f"{path}{_line(text, where)}: {_plain(message, where)}") from None
    except _Misfit as trouble:
        where = trouble.place
        raise OperatorError(f"{path}{_line(text, where)}: {_plain(str(trouble), where)}") from None
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
        return _in_a_header(value, f"the environment variable {reference.env}")
    path = base / reference.file
    try:
        value = path.read_text().strip()
    except (OSError, ValueError) as trouble:
        raise OperatorError(f"the credential file {path} cannot be read: {trouble}") from None
    if not value:
        raise OperatorError(f"the credential file {path} is empty")
    return _in_a_header(value, f"the credential file {path}")


def _in_a_header(value: str, where: str) -> str:
    if not _is_plain(value):
        raise OperatorError(
            f"{where} holds more than a credential: a line break, or characters that no header carries"
        )
    return value


def _is_plain(text: str) -> bool:
    """Whether a header field can carry the text: printable ASCII (RFC 9110, 5.5)."""
    return text.isascii() and text.isprintable()


def dialect_of(target: Target) -> Dialect | None:
    """The dialect that the target speaks, shipped or its own."""
    if target.dialect is None:
        return None
    return target.dialect.own or shipped()[target.dialect.use]


class _Misfit(Exception):
    """A value of the right type that cannot be meant, and the path of the key that holds it."""

    def __init__(self, message: str, *place: str) -> None:
        super().__init__(message)
        self.place = place


def _consider(target: Target) -> None:
    _consider_gateway(target)
    if target.other_environment is not None:
        _origin(target.other_environment.base_url, "other_environment", "base_url")
        if urlsplit(target.other_environment.base_url).scheme != "https":
            raise _Misfit("keys travel there: https only", "other_environment", "base_url")
    _consider_credentials(target)
    _consider_money(target)
    for key in ("rate", "seconds"):
        if not math.isfinite(getattr(target.limits, key)):
            raise _Misfit("a limit is a finite number", "limits", key)
    if not math.isfinite(target.limits.sequences.seconds):
        raise _Misfit("a limit is a finite number", "limits", "sequences", "seconds")
    _consider_choices(target)
    _consider_tables(target)


def _consider_gateway(target: Target) -> None:
    gateway = target.gateway
    for url in gateway.base_urls:
        _origin(url, "gateway", "base_urls")
    if gateway.admin_url:
        _origin(gateway.admin_url, "gateway", "admin_url")
        if urlsplit(gateway.admin_url).scheme != "https":
            raise _Misfit("the admin credential travels there: https only", "gateway", "admin_url")
    for key, ports in (("tls_ports", gateway.tls_ports), ("cleartext_ports", gateway.cleartext_ports)):
        for port in ports:
            if not 0 < port <= _MOST_PORT:
                raise _Misfit(f"{port} is not a port", "gateway", key)
    for addresses in gateway.resolve.values():
        for address in addresses:
            _address(address)


def _origin(url: str, *place: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"https", "http"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # half an IPv6 address, or a port that is none
        good = False
    if not good or parts.query or parts.fragment or "@" in parts.netloc or not _is_plain(url):
        raise _Misfit(f"'{url}' is not an origin such as https://gateway.example:8443", *place)


def _address(text: str) -> None:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise _Misfit(f"'{text}' is not an IP address", "gateway", "resolve") from None


def _consider_credentials(target: Target) -> None:
    for place, reference in credentials(target).items():
        if reference is not None and bool(reference.env) == bool(reference.file):
            raise _Misfit("give either `env` or `file`", *place)
    auth = target.gateway.auth
    if not _HEADER_NAME.fullmatch(auth.header):
        raise _Misfit(f"'{auth.header}' is not the name of a header", "gateway", "auth", "header")
    if "{key}" not in auth.value or not _is_plain(auth.value):
        raise _Misfit("the value must hold {key}, in printable ASCII", "gateway", "auth", "value")


def _consider_money(target: Target) -> None:
    for place, amount in (
        (("limits", "money"), target.limits.money),
        (("limits", "sequences", "money"), target.limits.sequences.money),
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
    if target.witness is not None:
        _consider_witness(target)
    if target.authorisation is not None:
        _day(target.authorisation.until)


def _consider_tables(target: Target) -> None:
    for number, endpoint in enumerate(target.inference):
        if not endpoint.path.startswith("/"):
            message = f"the path '{endpoint.path}' does not begin with '/'"
            raise _Misfit(message, "inference", str(number), "path")
    for number, surface in enumerate(target.surfaces):
        if (wrong := surface_complaint(surface)) is not None:
            raise _Misfit(wrong[1], "surfaces", str(number), wrong[0])
    if target.processes is not None and (wrong := processes_complaint(target.processes)) is not None:
        raise _Misfit(wrong[1], "processes", wrong[0])
    for number, document in enumerate(target.documents):
        if document.claim not in claim_ids():
            raise _Misfit(f"there is no claim '{document.claim}'", "documents", str(number), "claim")


def _day(text: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise _Misfit(f"'{text}' is not a day such as 2027-01-31", "authorisation", "until") from None


def _consider_dialect(target: Target) -> None:
    choice = target.dialect
    assert choice is not None  # noqa: S101 - narrowed by the caller
    if bool(choice.use) == (choice.own is not None):
        raise _Misfit("give either `use` or `own`", "dialect")
    if choice.use and choice.use not in shipped():
        raise _Misfit(
            f"there is no dialect '{choice.use}'; shipped: {', '.join(sorted(shipped()))}", "dialect", "use"
        )
    if choice.per_usd < 0:
        raise _Misfit("a number of units per dollar is not negative", "dialect", "per_usd")
    if choice.own is not None and (wrong := complaint(choice.own)) is not None:
        raise _Misfit(wrong[1], "dialect", "own", wrong[0])


def _consider_witness(target: Target) -> None:
    place = target.witness
    assert place is not None  # noqa: S101 - narrowed by the caller
    host, _, port = place.listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > _MOST_PORT:
        raise _Misfit(f"'{place.listen}' is not address:port", "witness", "listen")
    if bool(place.certificate) != bool(place.private_key):
        raise _Misfit("give both `certificate` and `private_key`, or neither for plain HTTP", "witness")
    if (wrong := zone_complaint(place.zone, place.dns_listen)) is not None:
        raise _Misfit(wrong[1], "witness", wrong[0])


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
    """msgspec's message and the place it names, as a path of keys and indexes; `$.models[...]` does not say which."""
    text, _, place = message.partition(" - at `")
    keys = re.findall(r"\.{3}|[^.\[\]`$]+", place)
    unknown = re.search(r"unknown field `([^`]+)`", text)
    path = tuple(ANY if key == "..." else key for key in keys)
    return text, (*path, unknown.group(1)) if unknown else path


def _plain(message: str, where: tuple[str, ...]) -> str:
    message = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in message)
    if re.search(r"unknown field `([^`]+)`", message):
        key = ".".join(where)
        known = f"it is '{_MOVED[key]}' now" if key in _MOVED else "TARGET.md lists every key"
        return f"unknown key '{key}'; {known}"
    missing = re.search(r"missing required field `([^`]+)`", message)
    if missing:
        return f"the required key '{'.'.join((*where, missing.group(1)))}' is missing"
    return f"'{'.'.join(where)}': {message}" if where else message


def _line(text: str, where: tuple[str, ...]) -> str:
    line = line_of(text, where)
    return "" if line is None else f":{line}"


def as_document(target: Target) -> dict[str, Any]:
    """The target as plain data, for the run record; it never holds a credential, only where one is found."""
    document: dict[str, Any] = msgspec.to_builtins(target)
    return document
