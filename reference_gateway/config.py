"""The one configuration file: strict TOML to frozen values.

Whatever is wrong is the operator's to mend, so every error is one line that names the place.
"""

import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from reference_gateway import money

_MIN_SECRET: Final = 32
_MIN_DISTINCT: Final = 8
_WELL_KNOWN: Final = ("sk-1234", "changeme", "change-me", "password", "secret", "admin", "example", "test")

Port = Annotated[int, Meta(ge=0, le=65535)]
Text = Annotated[str, Meta(min_length=1, max_length=200)]
Count = Annotated[int, Meta(ge=1, le=10_000_000)]
Seconds = Annotated[float, Meta(gt=0, le=3600)]
Price = int | str


class ConfigError(Exception):
    """The operator's configuration cannot be used; the message says where and why."""


class Listen(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where callers connect. Port 0 takes a free one."""

    host: Text = "127.0.0.1"
    port: Port = 0
    certificate: Text
    private_key: Text


class AdminSource(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the admin token is: the name of a variable, or a file."""

    token_env: Text | None = None
    token_file: Text | None = None


class LedgerFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The SQLite file."""

    path: Text


class ProviderSource(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An OpenAI-compatible provider; `base_url` ends where `/chat/completions` begins."""

    name: Text
    base_url: Text
    ca_file: Text | None = None
    minimum_tls: Literal["1.2", "1.3"] = "1.3"
    api_key_env: Text | None = None
    api_key_file: Text | None = None


class PriceSource(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Integers are pico-dollars per token, strings are dollars per million tokens."""

    prompt: Price
    completion: Price


class ModelSource(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A model on offer. `prompt_overhead_tokens` covers what a provider adds to the caller's prompt."""

    name: Text
    provider: Text
    upstream_name: Text | None = None
    price: PriceSource
    max_output_tokens: Count
    prompt_overhead_tokens: Annotated[int, Meta(ge=0, le=1_000_000)] = 1024


class Bounds(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Sizes in bytes, times in seconds; every one is hard."""

    max_head: Annotated[int, Meta(ge=1024, le=1_048_576)] = 32_768
    max_body: Annotated[int, Meta(ge=1024, le=67_108_864)] = 1_048_576
    max_answer: Annotated[int, Meta(ge=1024, le=268_435_456)] = 16_777_216
    max_connections: Annotated[int, Meta(ge=1, le=100_000)] = 2000
    head_seconds: Seconds = 10.0
    body_seconds: Seconds = 30.0
    write_seconds: Seconds = 30.0
    connect_seconds: Seconds = 5.0
    provider_idle_seconds: Seconds = 60.0
    request_seconds: Seconds = 600.0
    drain_seconds: Seconds = 30.0
    stop_seconds: Seconds = 10.0


class _File(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    listen: Listen
    admin: AdminSource
    ledger: LedgerFile
    providers: Annotated[tuple[ProviderSource, ...], Meta(min_length=1)]
    models: Annotated[tuple[ModelSource, ...], Meta(min_length=1)]
    bounds: Bounds = Bounds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A provider with its secret resolved."""

    name: str
    base_url: str
    ca_file: Path | None
    minimum_tls: str
    api_key: str

    def __repr__(self) -> str:
        return f"<provider {self.name}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model with its price in pico-dollars per token. `number` stands for it in the ledger."""

    name: str
    number: int
    provider: Provider
    upstream_name: str
    prompt_price: int
    completion_price: int
    max_output_tokens: int
    prompt_overhead_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything the gateway needs to know, checked."""

    host: str
    port: int
    certificate: Path
    private_key: Path
    admin_token: str
    ledger_path: Path
    models: tuple[Model, ...]
    bounds: Bounds

    def __repr__(self) -> str:
        return f"<config {self.host}:{self.port}>"


def load(path: Path) -> Config:
    """Reads and checks a configuration; relative paths start at its folder. Raises ConfigError."""
    try:
        parsed = msgspec.toml.decode(path.read_bytes(), type=_File)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {_line(error)}") from None
    return _resolve(parsed, path.parent)


def _line(error: Exception) -> str:
    return "not valid UTF-8" if isinstance(error, UnicodeDecodeError) else " ".join(str(error).split())


def _resolve(parsed: _File, folder: Path) -> Config:
    providers = {source.name: _provider(source, folder) for source in parsed.providers}
    if len(providers) != len(parsed.providers):
        raise ConfigError("[[providers]]: a name occurs twice")
    models = tuple(_model(source, providers) for source in parsed.models)
    if len({model.name for model in models}) != len(models):
        raise ConfigError("[[models]]: a name occurs twice")
    if len({model.number for model in models}) != len(models):
        raise ConfigError("[[models]]: two names have the same CRC-32; rename one")
    return Config(
        host=parsed.listen.host,
        port=parsed.listen.port,
        certificate=_existing("[listen] certificate", folder, parsed.listen.certificate),
        private_key=_existing("[listen] private_key", folder, parsed.listen.private_key),
        admin_token=_admin_token(parsed.admin, folder),
        ledger_path=folder / parsed.ledger.path,
        models=models,
        bounds=parsed.bounds,
    )


def _provider(source: ProviderSource, folder: Path) -> Provider:
    place = f"[[providers]] {source.name}"
    url = urlsplit(source.base_url)
    if url.scheme != "https" or not url.hostname or url.query or url.fragment or url.username:
        raise ConfigError(f"{place}: base_url must be an https URL without query or credentials")
    return Provider(
        name=source.name,
        base_url=source.base_url.rstrip("/"),
        ca_file=_existing(f"{place} ca_file", folder, source.ca_file) if source.ca_file else None,
        minimum_tls=source.minimum_tls,
        api_key=_secret(f"{place} api_key", source.api_key_env, source.api_key_file, folder),
    )


def _model(source: ModelSource, providers: dict[str, Provider]) -> Model:
    place = f"[[models]] {source.name}"
    provider = providers.get(source.provider)
    if provider is None:
        raise ConfigError(f"{place}: provider {source.provider!r} is not among [[providers]]")
    return Model(
        name=source.name,
        number=zlib.crc32(source.name.encode()),
        provider=provider,
        upstream_name=source.upstream_name or source.name,
        prompt_price=_price(f"{place} price.prompt", source.price.prompt),
        completion_price=_price(f"{place} price.completion", source.price.completion),
        max_output_tokens=source.max_output_tokens,
        prompt_overhead_tokens=source.prompt_overhead_tokens,
    )


def _price(place: str, price: Price) -> int:
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


def _secret(place: str, variable: str | None, file: str | None, folder: Path) -> str:
    """A secret from a variable or a file; never from the configuration itself."""
    if (variable is None) == (file is None):
        name = place.rpartition(" ")[2]
        raise ConfigError(f"{place}: give exactly one of {name}_env and {name}_file")
    value = (
        _secret_file(place, folder / str(file)) if variable is None else os.environ.get(variable, "").strip()
    )
    if not value:
        raise ConfigError(
            f"{place}: {'the variable ' + variable if variable else 'its file'} is empty or unset"
        )
    if not (value.isascii() and value.isprintable() and " " not in value):
        raise ConfigError(f"{place}: must be printable ASCII without spaces")
    return value


def _secret_file(place: str, path: Path) -> str:
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"{place}: {path} is open to others; chmod 600 it")
        return path.read_text("ascii").strip()
    except OSError as error:
        raise ConfigError(f"{place}: {path} cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{place}: must be printable ASCII without spaces") from None


def _admin_token(source: AdminSource, folder: Path) -> str:
    token = _secret("[admin] token", source.token_env, source.token_file, folder)
    weak = len(token) < _MIN_SECRET or len(set(token)) < _MIN_DISTINCT
    if weak or any(word in token.lower() for word in _WELL_KNOWN):
        raise ConfigError(
            f"[admin] token: too weak; want at least {_MIN_SECRET} random characters and no well-known word"
        )
    return token
