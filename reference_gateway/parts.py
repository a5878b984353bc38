"""What the gateway is made of, and the one seam at which a part can be replaced.

Each behaviour that a promise rests on lives in exactly one field of `Parts`, so a twin (a gateway with
one flaw) is this gateway with one field replaced before anything is built:

    run(config, change=lambda parts: replace(parts, response_headers=()))

`response_headers`, `tls_context`, `hashing`, `storage`, `key_view`, `provider_headers` are the parts
themselves; `upstream`, `ledger`, `accounts`, `app` and `admin_app` are factories or wrappers around what
is behind them.
"""

import contextlib
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from reference_gateway.admin.shapes import KeyView, key_view
from reference_gateway.config import Config, ConfigError, Provider
from reference_gateway.content.upstream import Dialer, HeaderRule, Upstream, provider_headers
from reference_gateway.events import Emit
from reference_gateway.ledger.accounts import Accounts
from reference_gateway.ledger.keys import Hashing
from reference_gateway.ledger.wire import Ledger
from reference_gateway.web.asgi import App

if TYPE_CHECKING:
    from reference_gateway.ledger.book import Storage

# Set in one place, by the server, so that its own refusals carry them too and nothing carries them twice.
RESPONSE_HEADERS: Final = (
    ("strict-transport-security", "max-age=63072000; includeSubDomains"),
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
)

# What openssl-rehash(1) calls the files of a folder of authorities.
_BY_HASH: Final = re.compile(r"[0-9a-f]{8}\.[0-9]+")

Part = TypeVar("Part")


def same(part: Part) -> Part:
    """Nothing replaced."""
    return part


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that can be replaced, one by one, before anything is started."""

    emit: Emit
    tls_context: Callable[[Config], ssl.SSLContext]
    response_headers: tuple[tuple[str, str], ...]
    hashing: Hashing
    storage: "Callable[[Path], Storage]"
    ledger: Callable[[Ledger], Ledger]
    accounts: Callable[[Accounts], Accounts]
    key_view: KeyView
    provider_headers: HeaderRule
    upstream: Callable[[Config, HeaderRule, Dialer], Upstream]
    app: Callable[[App], App]
    admin_app: Callable[[App], App]


Change = Callable[[Parts], Parts]


def build(config: Config, emit: Emit) -> Parts:
    """The parts of the gateway that keeps every promise."""
    return Parts(
        emit=emit,
        tls_context=tls13_only,
        response_headers=RESPONSE_HEADERS,
        hashing=Hashing(),
        storage=sqlite_storage,
        ledger=same,
        accounts=same,
        key_view=key_view(config.environment),
        provider_headers=provider_headers,
        upstream=http_upstream,
        app=same,
        admin_app=same,
    )


def tls13_only(config: Config) -> ssl.SSLContext:
    """The listeners' TLS: 1.3 and nothing older. Raises ConfigError for an unusable certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(config.certificate, config.private_key)
    except (ssl.SSLError, OSError):
        raise ConfigError("[listen] certificate and private_key: not a matching PEM pair") from None
    return context


def provider_tls(provider: Provider) -> ssl.SSLContext:
    """A verifying context for one provider. Raises ConfigError for an unusable CA file."""
    # Not `create_default_context`, which writes the secrets of sessions where SSLKEYLOGFILE says.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if provider.ca_file is None:
            trust_public_authorities(context)
        else:
            context.load_verify_locations(provider.ca_file)
    except (ssl.SSLError, OSError):
        raise ConfigError(f"[[providers]] {provider.name} ca_file: no PEM certificates in it") from None
    context.minimum_version = (
        ssl.TLSVersion.TLSv1_3 if provider.minimum_tls == "1.3" else ssl.TLSVersion.TLSv1_2
    )
    return context


def trust_public_authorities(context: ssl.SSLContext) -> None:
    """Trusts those that this system trusts, all of them at once.

    OpenSSL itself would open the file of an authority when it meets its name, which behind the walls it cannot.
    """
    places = ssl.get_default_verify_paths()
    files = [Path(places.cafile)] if places.cafile else []
    if places.capath:
        files += (path for path in Path(places.capath).iterdir() if _BY_HASH.fullmatch(path.name))
    for file in files:
        # One that is broken is passed over, as it would be in a look-up.
        with contextlib.suppress(ssl.SSLError, OSError):
            context.load_verify_locations(file)


def provider_contexts(config: Config) -> Mapping[int, ssl.SSLContext]:
    """One TLS context for each provider, each with its own trust."""
    return {provider.number: provider_tls(provider) for provider in config.providers}


# What follows is imported where it is used: the ledger speaks to no provider, and content workers have no store.


def sqlite_storage(path: Path) -> "Storage":
    """The ledger in a file. Raises LedgerFileError when it cannot be used."""
    from reference_gateway.ledger.storage.sqlite import open_sqlite

    return open_sqlite(path)


def http_upstream(config: Config, headers: HeaderRule, dialer: Dialer) -> Upstream:
    """Providers over HTTP. Raises ConfigError for an unusable CA file or an unreadable key."""
    from reference_gateway.content.provider_http import HttpUpstream

    keys = {provider.number: provider.api_key.read() for provider in config.providers}
    return HttpUpstream(config.bounds, provider_contexts(config), keys, headers, dialer)
