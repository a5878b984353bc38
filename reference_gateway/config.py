"""The one configuration file: strict TOML to frozen values.

Whatever is wrong is the operator's to mend, so every error is one line that names the place.
"""

import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

import msgspec

from reference_gateway import money
from reference_gateway.config_file import (
    Amount,
    Bounds,
    File,
    ModelSource,
    Offer,
    PriceSource,
    ProviderSource,
    RateSource,
    Role,
    TokenSource,
)
from reference_gateway.price import Price, Rate, Tier

_MOST_PER_REQUEST: Final = 10**12  # nano-dollars; sums stay far below what a row can hold
_MIN_SECRET: Final = 32
_MIN_DISTINCT: Final = 8
_WELL_KNOWN: Final = ("sk-1234", "changeme", "change-me", "password", "secret", "admin", "example", "test")


class ConfigError(Exception):
    """The operator's configuration cannot be used; the message says where and why, in one line."""

    def __init__(self, message: str) -> None:
        # What is quoted from the file may hold line feeds, or letters that change how a terminal shows the rest.
        super().__init__("".join(letter if letter.isprintable() else "?" for letter in message))


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """Where a secret is. Each process reads what it needs itself, so that none holds another's."""

    place: str
    variable: str | None
    file: Path | None

    def read(self) -> str:
        """The secret. Raises ConfigError, which names the place and never the value."""
        value = _secret_file(self.place, self.file) if self.file else _variable(self.variable)
        if not value:
            source = f"the variable {self.variable}" if self.variable else "its file"
            raise ConfigError(f"{self.place}: {source} is empty or unset")
        if not (value.isascii() and value.isprintable() and " " not in value):
            raise ConfigError(f"{self.place}: must be printable ASCII without spaces")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A provider. `number` is its place in the configuration, by which the dialer knows it."""

    name: str
    number: int
    base_url: str
    ca_file: Path | None
    minimum_tls: str
    api_key: Secret
    authentication: str
    endpoints: frozenset[Offer]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminToken:
    """An admin credential; its name stands in the audit log."""

    name: str
    role: Role
    token: Secret

    def read(self) -> str:
        """The token. Raises ConfigError where it is unreadable or weak."""
        token = self.token.read()
        weak = len(token) < _MIN_SECRET or len(set(token)) < _MIN_DISTINCT
        if weak or any(word in token.lower() for word in _WELL_KNOWN):
            raise ConfigError(
                f"{self.token.place}: too weak; "
                f"want at least {_MIN_SECRET} random characters and no well-known word"
            )
        return token


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model. `place` is its place in the configuration, `number` stands for it in stored records."""

    name: str
    place: int
    number: int
    provider: Provider
    upstream_name: str
    price: Price
    max_output_tokens: int
    prompt_overhead_tokens: int
    image_tokens: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything the gateway needs to know, checked; of secrets only where they are."""

    environment: str
    host: str
    port: int
    workers: int
    certificate: Path
    private_key: Path
    admin_host: str
    admin_port: int
    admin_tokens: tuple[AdminToken, ...]
    ledger_path: Path
    providers: tuple[Provider, ...]
    models: tuple[Model, ...]
    bounds: Bounds

    def __repr__(self) -> str:
        return f"<config {self.host}:{self.port}>"


def load(path: Path) -> Config:
    """Reads and checks a configuration; relative paths start at its folder. Raises ConfigError."""
    try:
        parsed = msgspec.toml.decode(path.read_bytes(), type=File)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        # ValueError: what is no UTF-8, and integers of thousands of digits.
        raise ConfigError(f"{path}: {_line(error)}") from None
    return _resolve(parsed, path.parent)


def _line(error: Exception) -> str:
    return "not valid UTF-8" if isinstance(error, UnicodeDecodeError) else " ".join(str(error).split())


def read_tokens(tokens: Sequence[AdminToken]) -> list[tuple[str, Role, str]]:
    """(name, role, token) of each admin credential. Raises ConfigError where one is weak or there twice."""
    read = [(token.name, token.role, token.read()) for token in tokens]
    if len({text for _, _, text in read}) != len(read):
        raise ConfigError("[[admin.tokens]]: two credentials have the same token")
    return read


def _resolve(parsed: File, folder: Path) -> Config:
    providers = tuple(
        _provider(source, number, folder)
        for number, source in enumerate(_unique(parsed.providers, "providers"))
    )
    by_name = {provider.name: provider for provider in providers}
    models = tuple(
        _model(source, place, by_name) for place, source in enumerate(_unique(parsed.models, "models"))
    )
    if len({model.number for model in models}) != len(models):
        raise ConfigError("[[models]]: two names have the same CRC-32; rename one")
    return Config(
        environment=parsed.environment,
        host=parsed.listen.host,
        port=parsed.listen.port,
        workers=parsed.listen.workers,
        certificate=_existing("[listen] certificate", folder, parsed.listen.certificate),
        private_key=_existing("[listen] private_key", folder, parsed.listen.private_key),
        admin_host=parsed.admin.host,
        admin_port=parsed.admin.port,
        admin_tokens=tuple(_token(source, folder) for source in _unique(parsed.admin.tokens, "admin.tokens")),
        ledger_path=folder / parsed.ledger.path,
        providers=providers,
        models=models,
        bounds=parsed.bounds,
    )


Named = TypeVar("Named", TokenSource, ProviderSource, ModelSource)


def _unique(sources: tuple[Named, ...], table: str) -> tuple[Named, ...]:
    names = [source.name for source in sources]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"[[{table}]]: {twice!r} is there twice")
    return sources


def _token(source: TokenSource, folder: Path) -> AdminToken:
    place = f"[[admin.tokens]] {source.name} token"
    return AdminToken(
        name=source.name,
        role=source.role,
        token=_secret(place, source.token_env, source.token_file, folder),
    )


def _provider(source: ProviderSource, number: int, folder: Path) -> Provider:
    place = f"[[providers]] {source.name}"
    _check_address(f"{place} base_url", source.base_url)
    return Provider(
        name=source.name,
        number=number,
        base_url=source.base_url.rstrip("/"),
        ca_file=_existing(f"{place} ca_file", folder, source.ca_file) if source.ca_file else None,
        minimum_tls=source.minimum_tls,
        api_key=_secret(f"{place} api_key", source.api_key_env, source.api_key_file, folder),
        authentication=source.authentication,
        endpoints=frozenset(source.endpoints),
    )


def _check_address(place: str, address: str) -> None:
    """Raises ConfigError unless requests can be sent there: what no resolver takes is found here, not in service."""
    if not address.isascii() or not address.isprintable() or " " in address:
        raise ConfigError(f"{place}: must be printable ASCII without spaces")
    try:
        url = urlsplit(address)
        host, port = url.hostname or "", url.port
    except ValueError:
        raise ConfigError(f"{place}: is no URL, or its port is none") from None
    if url.scheme != "https" or not host or url.query or url.fragment or url.username or port == 0:
        raise ConfigError(f"{place}: must be an https URL without query or credentials")
    # RFC 1035, 2.3.4: 63 octets or less, and never none but behind the last dot.
    if any(not 0 < len(label) <= 63 for label in host.removesuffix(".").split(".")):
        raise ConfigError(f"{place}: {host!r} is no host name")


def _model(source: ModelSource, place: int, providers: Mapping[str, Provider]) -> Model:
    where = f"[[models]] {source.name}"
    provider = providers.get(source.provider)
    if provider is None:
        raise ConfigError(f"{where}: provider {source.provider!r} is not among [[providers]]")
    return Model(
        name=source.name,
        place=place,
        number=zlib.crc32(source.name.encode()),
        provider=provider,
        upstream_name=source.upstream_name or source.name,
        price=_price(where, source.price),
        max_output_tokens=source.max_output_tokens,
        prompt_overhead_tokens=source.prompt_overhead_tokens,
        image_tokens=source.image_tokens,
    )


def _price(where: str, source: PriceSource) -> Price:
    tiers = tuple(
        Tier(above=tier.above, rate=_rate(f"{where} price.tiers", tier))
        for tier in sorted(source.tiers, key=lambda tier: tier.above)
    )
    if len({tier.above for tier in tiers}) != len(tiers):
        raise ConfigError(f"{where} price.tiers: two begin at the same number of tokens")
    try:
        request = money.usd_to_nano(source.request)
    except money.NotMoneyError:
        request = -1
    if not 0 <= request <= _MOST_PER_REQUEST:
        raise ConfigError(f"{where} price.request: want dollars with at most nine decimals, at most 1000")
    return Price(rate=_rate(f"{where} price", source), tiers=tiers, request=request)


def _rate(where: str, source: RateSource) -> Rate:
    prompt = _amount(f"{where}.prompt", source.prompt)
    return Rate(
        prompt=prompt,
        completion=_amount(f"{where}.completion", source.completion),
        cached=prompt if source.cached is None else _amount(f"{where}.cached", source.cached),
        written=prompt if source.written is None else _amount(f"{where}.written", source.written),
    )


def _amount(place: str, price: Amount) -> int:
    try:
        pico = money.usd_per_million_to_pico(price) if isinstance(price, str) else price
    except money.NotMoneyError:
        pico = -1
    if not 0 <= pico <= money.MAX_PRICE_PICO:
        raise ConfigError(f"{place}: want dollars per million tokens, at most six decimals and 10000")
    return pico


def _existing(place: str, folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise ConfigError(f"{place}: {path} is not a file")
    return path


def _secret(place: str, variable: str | None, file: str | None, folder: Path) -> Secret:
    """A secret is in a variable or a file; never in the configuration itself."""
    if (variable is None) == (file is None):
        name = place.rpartition(" ")[2]
        raise ConfigError(f"{place}: give exactly one of {name}_env and {name}_file")
    return Secret(place=place, variable=variable, file=folder / file if file else None)


def _variable(name: str | None) -> str:
    return os.environ.get(name or "", "").strip()


def _secret_file(place: str, path: Path) -> str:
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"{place}: {path} is open to others; chmod 600 it")
        return path.read_text("ascii").strip()
    except OSError as error:
        raise ConfigError(f"{place}: {path} cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{place}: must be printable ASCII without spaces") from None
