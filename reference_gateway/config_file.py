"""The shape of the configuration file: strict TOML, every field with its bounds, unknown fields refused."""

from enum import StrEnum
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

Port = Annotated[int, Meta(ge=0, le=65535)]
# No control characters: no path, host or name has any, and `$` alone would let a line feed at the end through.
Text = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$(?!\n)")]
Count = Annotated[int, Meta(ge=1, le=10_000_000)]
Seconds = Annotated[float, Meta(gt=0, le=3600)]
Amount = int | str


class Listen(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where callers connect, and how many content workers serve them. Port 0 takes a free one."""

    host: Text = "127.0.0.1"
    port: Port = 0
    certificate: Text
    private_key: Text
    workers: Annotated[int, Meta(ge=1, le=64)] = 1


class Role(StrEnum):
    """What an admin credential may do."""

    ADMIN = "admin"  # everything
    KEYS = "keys"  # make, change, rotate and end keys; no accounts
    VIEWER = "viewer"  # read


class TokenSource(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One admin credential. The token is in a variable or a file; `name` stands in the audit log."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
    role: Role = Role.ADMIN
    token_env: Text | None = None
    token_file: Text | None = None


class AdminSource(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where administrators connect: a listener of its own, with the certificate of `[listen]`."""

    host: Text = "127.0.0.1"
    port: Port = 0
    tokens: Annotated[tuple[TokenSource, ...], Meta(min_length=1, max_length=100)]


class LedgerFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The SQLite file."""

    path: Text


class Offer(StrEnum):
    """The endpoints that a provider may have, by the last part of their path."""

    CHAT = "chat/completions"
    COMPLETIONS = "completions"
    RESPONSES = "responses"
    EMBEDDINGS = "embeddings"
    MESSAGES = "messages"


_USUAL_OFFERS: Final = (Offer.CHAT, Offer.COMPLETIONS, Offer.RESPONSES, Offer.EMBEDDINGS)


class ProviderSource(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An OpenAI-compatible provider; `base_url` ends where `/chat/completions` begins.

    Where it has no `messages`, Anthropic-shaped requests are translated to chat completions.
    """

    name: Text
    base_url: Text
    ca_file: Text | None = None
    minimum_tls: Literal["1.2", "1.3"] = "1.3"
    api_key_env: Text | None = None
    api_key_file: Text | None = None
    authentication: Literal["bearer", "x-api-key"] = "bearer"
    endpoints: tuple[Offer, ...] = _USUAL_OFFERS


class RateSource(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Integers are pico-dollars per token, strings are dollars per million tokens.

    `cached` and `written` are for tokens read from and written to the provider's cache; without them
    such tokens cost what a prompt token costs.
    """

    prompt: Amount
    completion: Amount
    cached: Amount | None = None
    written: Amount | None = None


class TierSource(RateSource, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The price of a request whose prompt has more than `above` tokens."""

    above: Count


class PriceSource(RateSource, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`request` is dollars per request, as a string."""

    request: str = "0"
    tiers: tuple[TierSource, ...] = ()


class ModelSource(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A model on offer.

    `prompt_overhead_tokens` covers what a provider adds to the caller's prompt. `image_tokens` is the most
    that one image can cost; without it, keys with a limit may not send images.
    """

    name: Text
    provider: Text
    upstream_name: Text | None = None
    price: PriceSource
    max_output_tokens: Count
    prompt_overhead_tokens: Annotated[int, Meta(ge=0, le=1_000_000)] = 1024
    image_tokens: Annotated[int, Meta(ge=1, le=100_000)] | None = None


class Bounds(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Sizes in bytes, times in seconds; every one is hard. `max_connections` is each content worker's."""

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
    stop_seconds: Seconds = 600.0


class File(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    environment: Annotated[str, Meta(pattern=r"^[a-z]{2,8}$")] = "live"
    listen: Listen
    admin: AdminSource
    ledger: LedgerFile
    providers: Annotated[tuple[ProviderSource, ...], Meta(min_length=1, max_length=1000)]
    models: Annotated[tuple[ModelSource, ...], Meta(min_length=1, max_length=4096)]
    bounds: Bounds = Bounds()
