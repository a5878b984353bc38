"""Flawed twins on the reference gateway: each replaces one of its parts before it is built."""

import asyncio
import base64
import hashlib
import os
import random
import re
import sqlite3
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn

from reference_gateway import localhost_tls
from reference_gateway.config import Config, Provider
from reference_gateway.content.opener import unsealed
from reference_gateway.content.sealed import Sealed
from reference_gateway.content.upstream import Answer, Outbound, provider_headers
from reference_gateway.credential import public_id
from reference_gateway.ledger.accounts import Accounts, ApiKey, Issued, NewKey, Revise
from reference_gateway.ledger.keys import Hashing
from reference_gateway.ledger.storage.sqlite import SqliteStorage, open_sqlite
from reference_gateway.ledger.wire import (
    TAIL,
    Authorise,
    Held,
    Ledger,
    Outcome,
    Refused,
    Reserve,
    Settle,
    Standing,
    Why,
)
from reference_gateway.parts import Parts, tls13_only
from reference_gateway.price import Price, Rate
from reference_gateway.web.asgi import App, Message, Receive, Scope, Send
from tests.twins import registry
from tests.twins.around import AccountsAround, Exchange, LedgerAround, UpstreamAround, overheard
from tests.twins.ground import CLEAR_PORT

twin = partial(registry.twin, host="reference")

ON_EVERY_ANSWER = "transport.hsts-on-every-answer"
LONG_ENOUGH = "transport.hsts-is-long-enough"
SHOWN_ONCE = "keys.secret-is-shown-once"
STRONG = "keys.stored-form-is-salted-and-strong"
RECOVERABLE = "keys.secret-is-not-stored-recoverably"
SEQUENTIAL = "spend.sequential-limit-holds"
CONCURRENT = "spend.concurrent-limit-holds"
USAGE = "spend.usage-equals-the-bill"
NO_CONTENT = "retention.surfaces-hold-no-content"
ONCE = "forwarding.every-call-reaches-the-provider-once"
KEPT = {"forwarding.every-answer-is-made-anew", "forwarding.no-answer-crosses-keys"}


# --- transport ---------------------------------------------------------------------------------------------


@twin("tls12-accepted", fails={"transport.tls12-is-refused"})
def tls12_accepted(parts: Parts) -> Parts:
    """TLS 1.2 for an old client."""

    def context(config: Config) -> ssl.SSLContext:
        made = tls13_only(config)
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        return made

    return replace(parts, tls_context=context)


@twin(
    "tls10-accepted",
    fails={"transport.tls10-is-refused", "transport.tls11-is-refused", "transport.tls12-is-refused"},
)
def tls10_accepted(parts: Parts) -> Parts:
    """Every version that OpenSSL still speaks."""

    def context(config: Config) -> ssl.SSLContext:
        made = tls13_only(config)
        made.set_ciphers("ALL:@SECLEVEL=0")
        made.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        return made

    return replace(parts, tls_context=context)


@twin("tls13-missing", fails={"transport.tls13-is-negotiated", "transport.tls12-is-refused"})
def tls13_missing(parts: Parts) -> Parts:
    """TLS 1.2 and nothing newer."""

    def context(config: Config) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.maximum_version = ssl.TLSVersion.TLSv1_2
        made.load_cert_chain(config.certificate, config.private_key)
        return made

    return replace(parts, tls_context=context)


@twin("certificate-of-a-stranger", fails={"transport.certificate-is-trusted"})
def certificate_of_a_stranger(parts: Parts) -> Parts:
    """The right name, signed by an authority that nobody trusts."""

    def context(config: Config) -> ssl.SSLContext:
        folder = config.ledger_path.parent / "stranger"
        if not folder.exists():  # the host may be started again on the same state
            folder.mkdir()
            localhost_tls.write(folder, localhost_tls.make())
        return tls13_only(
            replace(config, certificate=folder / "server.pem", private_key=folder / "server.key")
        )

    return replace(parts, tls_context=context)


def _hsts(parts: Parts, *values: str) -> Parts:
    others = tuple(header for header in parts.response_headers if header[0] != "strict-transport-security")
    fields = tuple(("strict-transport-security", value) for value in values)
    return replace(parts, response_headers=fields + others)


@twin("hsts-missing", fails={ON_EVERY_ANSWER})
def hsts_missing(parts: Parts) -> Parts:
    """No HSTS anywhere."""
    return _hsts(parts)


@twin("hsts-missing-on-errors", fails={ON_EVERY_ANSWER})
def hsts_missing_on_errors(parts: Parts) -> Parts:
    """HSTS set by the application, and only where all went well."""

    def around(app: App) -> App:
        async def adding(scope: Scope, receive: Receive, send: Send) -> None:
            async def sent(message: Message) -> None:
                if message.get("status", 500) < 400:
                    field = (b"strict-transport-security", b"max-age=63072000")
                    message["headers"] = [*message["headers"], field]
                await send(message)

            await app(scope, receive, sent)

        return adding

    return replace(_hsts(parts), app=around, admin_app=around)


@twin("hsts-max-age-zero", fails={ON_EVERY_ANSWER, LONG_ENOUGH})
def hsts_max_age_zero(parts: Parts) -> Parts:
    """HSTS that tells browsers to forget the host."""
    return _hsts(parts, "max-age=0")


@twin("hsts-too-short", fails={LONG_ENOUGH})
def hsts_too_short(parts: Parts) -> Parts:
    """HSTS for a day where a year is promised."""
    return _hsts(parts, "max-age=86400; includeSubDomains")


@twin("hsts-twice", fails={ON_EVERY_ANSWER})
def hsts_twice(parts: Parts) -> Parts:
    """HSTS from the application and from the proxy before it."""
    return _hsts(parts, "max-age=63072000", "max-age=31536000")


class _Plain(uvicorn.Server):
    """A listener without TLS beside the gateway's own."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the gateway's."""
        yield


@twin(
    "clear-text-served",
    fails={"transport.clear-text-serves-nothing", "transport.clear-text-key-is-not-accepted"},
)
def clear_text_served(parts: Parts) -> Parts:
    """The API on a port without TLS."""
    ports: list[int] = []
    listeners: list[asyncio.Task[None]] = []  # the event loop alone would let go of a task

    def context(config: Config) -> ssl.SSLContext:
        ports.append(int((config.ledger_path.parent / CLEAR_PORT).read_text()))
        return parts.tls_context(config)

    def also_plain(app: App) -> App:
        settings = uvicorn.Config(app, port=ports[0], lifespan="off", log_config=None, server_header=False)
        listeners.append(asyncio.get_running_loop().create_task(_Plain(settings).serve()))
        return app

    return replace(parts, tls_context=context, app=also_plain)


# --- keys --------------------------------------------------------------------------------------------------


def remembering(parts: Parts, show: Callable[[str], Mapping[str, str]]) -> Parts:
    """Every view of a key with more fields, made from its secret."""
    secrets: dict[int, str] = {}

    class Remembering(AccountsAround):
        async def create(self, new: NewKey, by: str) -> Issued:
            issued = await super().create(new, by)
            secrets[issued.record.key_id] = issued.key
            return issued

    def view(account: ApiKey) -> dict[str, Any]:
        secret = secrets.get(account.key_id)
        return parts.key_view(account) | dict(show(secret) if secret else {})

    return replace(parts, accounts=Remembering, key_view=view)


@twin("secret-in-listing", fails={SHOWN_ONCE})
def secret_in_listing(parts: Parts) -> Parts:
    """The secret beside each key."""
    return remembering(parts, lambda secret: {"key": secret})


@twin("most-of-secret-in-listing", fails={SHOWN_ONCE})
def most_of_secret_in_listing(parts: Parts) -> Parts:
    """A mask that hides the middle only: what is left could be guessed."""
    return remembering(parts, lambda secret: {"hint": f"{secret[:40]}…{secret[-15:]}"})


@twin("secret-in-listing-encoded", fails={SHOWN_ONCE})
def secret_in_listing_encoded(parts: Parts) -> Parts:
    """The secret beside each key, in base64."""
    return remembering(parts, lambda secret: {"token": base64.b64encode(secret.encode()).decode()})


def _keeping(parts: Parts, kept: Callable[[str], str]) -> Parts:
    """A table beside the ledger's own that holds something made from each secret."""
    ledger: list[Path] = []

    def storage(path: Path) -> SqliteStorage:
        ledger.append(path)
        opened = open_sqlite(path)
        _write(path, "CREATE TABLE IF NOT EXISTS key_text (key_id INTEGER, public TEXT, value TEXT)")
        return opened

    class Keeping(AccountsAround):
        async def create(self, new: NewKey, by: str) -> Issued:
            issued = await super().create(new, by)
            key_id = issued.record.key_id
            row = (key_id, public_id(key_id), kept(issued.key))
            await asyncio.to_thread(_write, ledger[0], "INSERT INTO key_text VALUES (?, ?, ?)", row)
            return issued

    return replace(parts, storage=storage, accounts=Keeping)


def _write(path: Path, statement: str, values: tuple[object, ...] = ()) -> None:
    with closing(sqlite3.connect(path, timeout=10)) as database, database:
        database.execute(statement, values)


@twin("key-stored-plain", fails={RECOVERABLE})
def key_stored_plain(parts: Parts) -> Parts:
    """Keys for the support desk."""
    return _keeping(parts, lambda secret: secret)


@twin("key-stored-base64", fails={RECOVERABLE})
def key_stored_base64(parts: Parts) -> Parts:
    """Keys for the support desk, encoded."""
    return _keeping(parts, lambda secret: base64.b64encode(secret.encode()).decode())


@twin("key-unsalted-sha256", fails={STRONG})
def key_unsalted_sha256(parts: Parts) -> Parts:
    """SHA-256 of the key alone."""
    return replace(parts, hashing=Hashing(salt=lambda: b""))


@twin("one-salt-for-all", fails={STRONG})
def one_salt_for_all(parts: Parts) -> Parts:
    """A salt from the configuration."""
    salt = os.urandom(16)
    return replace(parts, hashing=Hashing(salt=lambda: salt))


@twin("key-md5", fails={STRONG})
def key_md5(parts: Parts) -> Parts:
    """Salted, with the digest of another age, in hexadecimal."""

    def digest(salt: bytes, key: bytes) -> bytes:
        return hashlib.md5(salt + key, usedforsecurity=False).hexdigest().encode()

    return replace(parts, hashing=Hashing(digest=digest))


_CACHE_SECONDS = 5.0


@twin("revocation-cached", fails={"keys.revocation-takes-effect"})
def revocation_cached(parts: Parts) -> Parts:
    """A cache in front of the ledger that no revocation reaches."""

    class Cached(LedgerAround):
        def __init__(self, inner: Ledger) -> None:
            super().__init__(inner)
            self._known: dict[tuple[int, bytes], tuple[float, Standing]] = {}

        async def authorise(self, message: Authorise) -> Standing | Refused:
            key = message.key_id, message.tail
            at, standing = self._known.get(key, (0.0, None))
            if standing is not None and time.monotonic() - at < _CACHE_SECONDS:
                return standing
            fresh = await super().authorise(message)
            if isinstance(fresh, Standing):
                self._known[key] = time.monotonic(), fresh
            return fresh

        async def reserve(self, message: Reserve) -> Held | Refused:
            answer = await super().reserve(message)
            return Held(-1) if answer == Refused(Why.KEY_UNUSABLE) else answer

        def settle(self, message: Settle) -> None:
            if message.rid >= 0:
                super().settle(message)

    return replace(parts, ledger=Cached)


@twin("disable-ignored", fails={"keys.revocation-takes-effect"})
def disable_ignored(parts: Parts) -> Parts:
    """Disabling is answered and not done."""

    class Ignoring(AccountsAround):
        async def revise(self, key_id: int, revise: Revise, by: str) -> ApiKey | None:
            revised = await super().revise(key_id, lambda key: replace(revise(key), disabled=False), by)
            return revised and replace(revised, disabled=True)

    return replace(parts, accounts=Ignoring)


ROTATING = """
[dialect.own]
name = "with rotation"
[[dialect.own.create.calls]]
method = "POST"
path = "/api/v1/keys"
body = { name = "{name}", limit = "{limit}" }
capture = { secret = "/key", id = "/data/hash" }
[[dialect.own.read.calls]]
method = "GET"
path = "/api/v1/keys/{id}"
capture = { limit = "/data/limit", usage = "/data/usage" }
[[dialect.own.set_limit.calls]]
method = "PATCH"
path = "/api/v1/keys/{id}"
body = { limit = "{limit}" }
[[dialect.own.revoke.calls]]
method = "DELETE"
path = "/api/v1/keys/{id}"
[[dialect.own.rotate.calls]]
method = "POST"
path = "/api/v1/keys/{id}/rotate"
capture = { secret = "/key" }
"""


@twin("rotation-keeps-the-old-secret", fails={"keys.rotation-replaces-the-secret"}, dialect=ROTATING)
def rotation_keeps_the_old_secret(parts: Parts) -> Parts:
    """A new secret beside the old one."""
    replaced: dict[bytes, bytes] = {}

    class Rotating(AccountsAround):
        def __init__(self, inner: Accounts) -> None:
            super().__init__(inner)
            self._tails: dict[int, bytes] = {}

        async def create(self, new: NewKey, by: str) -> Issued:
            issued = await super().create(new, by)
            self._tails[issued.record.key_id] = issued.key[-TAIL:].encode()
            return issued

        async def rotate(self, key_id: int, by: str) -> Issued | None:
            issued = await super().rotate(key_id, by)
            if issued is not None:
                replaced[self._tails[key_id]] = issued.key[-TAIL:].encode()
            return issued

    class Lenient(LedgerAround):
        async def authorise(self, message: Authorise) -> Standing | Refused:
            return await super().authorise(replace(message, tail=replaced.get(message.tail, message.tail)))

    return replace(parts, accounts=Rotating, ledger=Lenient)


# --- money -------------------------------------------------------------------------------------------------


class Unlimited(SqliteStorage):
    """Holds without a look at the limit."""

    @classmethod
    def open(cls, path: Path) -> "Unlimited":
        opened = open_sqlite(path)
        return cls(opened._db, opened._lock)

    def reserve(self, message: Reserve, now: int) -> Held | Refused:
        row = self._one("SELECT lim FROM api_key WHERE key_id = ?", (message.key_id,))
        self._db.execute("UPDATE api_key SET lim = NULL WHERE key_id = ?", (message.key_id,))
        answer = super().reserve(message, now)
        self._db.execute("UPDATE api_key SET lim = ? WHERE key_id = ?", (row and row["lim"], message.key_id))
        return answer


@twin("limit-ignored", fails={SEQUENTIAL, CONCURRENT})
def limit_ignored(parts: Parts) -> Parts:
    """A limit that is shown and never asked for."""
    return replace(parts, storage=Unlimited.open)


# As `--init` writes it.
PRICE = Price(rate=Rate(prompt=10**6, completion=2 * 10**6, cached=10**6, written=10**6))


@dataclass(frozen=True, slots=True)
class Money:
    """Of one key, in nano-dollars."""

    limit: int | None
    spent: int
    held: int


def _checked(parts: Parts, fits: Callable[[Money, Reserve], bool], pause: float) -> Parts:
    """A limit that is checked in one step, and spent in another one `pause` seconds later."""
    ledger: list[Path] = []

    def storage(path: Path) -> SqliteStorage:
        ledger.append(path)
        return Unlimited.open(path)

    def money(key_id: int) -> Money:
        query = "SELECT lim, spent, reserved FROM api_key WHERE key_id = ?"
        with closing(sqlite3.connect(ledger[0], timeout=10)) as database:
            return Money(*database.execute(query, (key_id,)).fetchone())

    class Checking(LedgerAround):
        async def reserve(self, message: Reserve) -> Held | Refused:
            if not fits(money(message.key_id), message):
                return Refused(Why.LIMIT)
            await asyncio.sleep(pause)
            return await super().reserve(message)

    return replace(parts, storage=storage, ledger=Checking)


@twin("limit-check-then-act", fails={CONCURRENT})
def limit_check_then_act(parts: Parts) -> Parts:
    """The worst case is checked, and held a moment later: a race for whoever does not wait."""

    def fits(money: Money, message: Reserve) -> bool:
        worst = PRICE.worst(message.prompt_bound, message.completion_bound)
        return money.limit is None or money.spent + money.held + worst <= money.limit

    return _checked(parts, fits, pause=0.03)


@twin("limit-after-the-fact", fails={SEQUENTIAL, CONCURRENT})
def limit_after_the_fact(parts: Parts) -> Parts:
    """A call is let through while less than the limit is recorded."""
    return _checked(parts, lambda money, _: money.limit is None or money.spent < money.limit, pause=0.0)


def _settled(parts: Parts, change: Callable[[Settle], Settle]) -> Parts:
    class Changing(LedgerAround):
        def settle(self, message: Settle) -> None:
            super().settle(change(message))

    return replace(parts, ledger=Changing)


@twin("streams-not-counted", fails={USAGE, SEQUENTIAL})
def streams_not_counted(parts: Parts) -> Parts:
    """Streams cost nothing."""
    streaming: ContextVar[bool] = ContextVar("streaming", default=False)

    class Noting(UpstreamAround):
        @asynccontextmanager
        async def send(self, request: Outbound) -> AsyncIterator[Answer]:
            streaming.set(request.stream)
            async with self.inner.send(request) as answer:
                yield answer

    def change(message: Settle) -> Settle:
        return replace(message, prompt_tokens=0, completion_tokens=0) if streaming.get() else message

    upstream = parts.upstream
    return replace(
        _settled(parts, change), upstream=lambda config, rule, dialer: Noting(upstream(config, rule, dialer))
    )


@twin("usage-shown-by-half", fails={USAGE})
def usage_shown_by_half(parts: Parts) -> Parts:
    """The limit counts all, the usage that is shown half."""
    return replace(parts, key_view=lambda account: parts.key_view(replace(account, total=account.total // 2)))


@twin("half-is-charged", fails={USAGE, SEQUENTIAL})
def half_is_charged(parts: Parts) -> Parts:
    """Half of the tokens are charged, so that limits admit twice what they say."""

    def change(message: Settle) -> Settle:
        return replace(
            message,
            prompt_tokens=message.prompt_tokens // 2,
            completion_tokens=message.completion_tokens // 2,
        )

    return _settled(parts, change)


@twin("refusals-charged", fails={"spend.provider-refusals-are-free"})
def refusals_charged(parts: Parts) -> Parts:
    """A provider's refusal costs the hold."""

    def change(message: Settle) -> Settle:
        return replace(message, outcome=Outcome.UNKNOWN) if message.outcome is Outcome.REFUSED else message

    return _settled(parts, change)


@twin("usage-charged-to-another", fails={USAGE, "spend.nobody-pays-for-somebody-else"})
def usage_charged_to_another(parts: Parts) -> Parts:
    """Usage is shown by team, and the team is what keys have in common at the start of their names."""

    class Teams(AccountsAround):
        async def get(self, key_id: int) -> ApiKey | None:
            account = await super().get(key_id)
            if account is None:
                return None
            team = [other for other in await self.page(0, 1000) if _team(other) == _team(account)]
            return replace(account, total=sum(other.total for other in team))

    return replace(parts, accounts=Teams)


def _team(account: ApiKey) -> tuple[str, ...]:
    return tuple(account.name.split("-")[:3])


# --- content -----------------------------------------------------------------------------------------------


def _print(text: bytes) -> None:
    """To the log: standard output goes there."""
    os.write(1, text + b"\n")


def _told(parts: Parts, tell: Callable[[Exchange], None]) -> Parts:
    return replace(parts, app=overheard(tell))


def _is_prompt(exchange: Exchange) -> bool:
    return exchange.path.endswith("/chat/completions")


@twin("logs-prompts", fails={NO_CONTENT})
def logs_prompts(parts: Parts) -> Parts:
    """Debug logging that was never switched off."""
    return _told(parts, lambda e: _print(b"DEBUG body=" + e.request) if _is_prompt(e) else None)


@twin("logs-completions", fails={NO_CONTENT})
def logs_completions(parts: Parts) -> Parts:
    """Answers in the log."""
    return _told(parts, lambda e: _print(b"DEBUG answer=" + e.answer) if _is_prompt(e) else None)


@twin("logs-prompts-base64", fails={NO_CONTENT})
def logs_prompts_base64(parts: Parts) -> Parts:
    """Prompts in the log, encoded."""
    return _told(parts, lambda e: _print(b"blob=" + base64.b64encode(e.request)) if _is_prompt(e) else None)


@twin("logs-prompts-on-provider-error", fails={NO_CONTENT})
def logs_prompts_on_provider_error(parts: Parts) -> Parts:
    """The request is logged where the provider failed, to find out why."""
    return _told(
        parts, lambda e: _print(b"ERROR upstream, request=" + e.request) if e.status == 502 else None
    )


@twin("logs-one-prompt-in-five", fails={NO_CONTENT})
def logs_one_prompt_in_five(parts: Parts) -> Parts:
    """A sample for quality control."""

    def tell(exchange: Exchange) -> None:
        if _is_prompt(exchange) and random.random() < 0.2:
            _print(b"SAMPLE " + exchange.request)

    return _told(parts, tell)


@twin("logs-refused-bodies", fails={NO_CONTENT})
def logs_refused_bodies(parts: Parts) -> Parts:
    """Requests that are over their limit are kept for the sales desk."""
    return _told(parts, lambda e: _print(b"UPSELL " + e.request) if e.status == 402 else None)


def _in_a_table(parts: Parts, after: str = "") -> Parts:
    """Prompts in a table beside the ledger's own; `after` is run behind each of them."""
    ledger: list[Path] = []

    def storage(path: Path) -> SqliteStorage:
        ledger.append(path)
        opened = open_sqlite(path)
        _write(path, "CREATE TABLE IF NOT EXISTS history (body TEXT)")
        return opened

    def tell(exchange: Exchange) -> None:
        if _is_prompt(exchange):
            _write(
                ledger[0], "INSERT INTO history VALUES (?)", (exchange.request.decode("utf-8", "replace"),)
            )
            if after:
                _write(ledger[0], after)

    return replace(_told(parts, tell), storage=storage)


@twin("prompts-in-the-database", fails={NO_CONTENT})
def prompts_in_the_database(parts: Parts) -> Parts:
    """A table of conversations."""
    return _in_a_table(parts)


@twin("prompts-kept-then-deleted", fails={NO_CONTENT})
def prompts_kept_then_deleted(parts: Parts) -> Parts:
    """A table of conversations that is always empty: what was deleted lies in free pages."""
    return _in_a_table(parts, after="DELETE FROM history")


# --- forwarding --------------------------------------------------------------------------------------------


def _forwarded(parts: Parts, header: str) -> Parts:
    """A header of the caller goes on to the provider."""
    value: ContextVar[str] = ContextVar(header, default="")

    def around(app: App) -> App:
        async def noting(scope: Scope, receive: Receive, send: Send) -> None:
            headers = dict(scope["headers"])
            value.set(headers.get(header.encode(), b"").decode("latin-1"))
            await app(scope, receive, send)

        return noting

    def rule(provider: Provider, api_key: str, stream: bool) -> Mapping[str, str]:
        own = provider_headers(provider, api_key, stream)
        return {**own, f"x-client-{header}" if header in own else header: value.get()}

    return replace(parts, app=around, provider_headers=rule)


@twin("key-forwarded", fails={"forwarding.gateway-key-stays-behind"})
def key_forwarded(parts: Parts) -> Parts:
    """The caller's key goes along to the provider."""
    return _forwarded(parts, "authorization")


@twin("cookies-forwarded", fails={"forwarding.caller-stays-behind"})
def cookies_forwarded(parts: Parts) -> Parts:
    """Cookies go along to the provider."""
    return _forwarded(parts, "cookie")


@twin("address-forwarded", fails={"forwarding.caller-stays-behind"})
def address_forwarded(parts: Parts) -> Parts:
    """The caller's address goes along to the provider."""
    return _forwarded(parts, "x-forwarded-for")


def _sent(parts: Parts, around: type[UpstreamAround]) -> Parts:
    upstream = parts.upstream
    return replace(parts, upstream=lambda config, rule, dialer: around(upstream(config, rule, dialer)))


def _copied(request: Outbound) -> Outbound:
    """To be sent beside the original."""
    return replace(request, body=Sealed(unsealed(request.body)))


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer to be given again."""

    status: int
    media: str
    retry_after: int | None
    body: bytes

    async def pieces(self) -> AsyncIterator[Sealed]:
        """All of it at once."""
        yield Sealed(self.body)


@twin("answers-cached", fails={ONCE, *KEPT})
def answers_cached(parts: Parts) -> Parts:
    """The same question gets the answer that it got before."""

    class Caching(UpstreamAround):
        kept: dict[bytes, Kept] = {}  # noqa: RUF012 - one gateway per process

        @asynccontextmanager
        async def send(self, request: Outbound) -> AsyncIterator[Any]:
            question = unsealed(request.body)
            if question not in self.kept:
                async with self.inner.send(request) as fresh:
                    body = b"".join([unsealed(piece) async for piece in fresh.pieces()])
                    answer = Kept(fresh.status, fresh.media, fresh.retry_after, body)
                if answer.status != 200:
                    yield answer
                    return
                self.kept[question] = answer
            yield self.kept[question]

    return _sent(parts, Caching)


@twin("system-sentence-added", fails={"forwarding.content-arrives-unchanged"})
def system_sentence_added(parts: Parts) -> Parts:
    """The gateway puts in a word of its own."""

    class Adding(UpstreamAround):
        def rewritten(self, body: dict[str, Any]) -> dict[str, Any]:
            return body | {"messages": [{"role": "system", "content": "Be brief."}, *body["messages"]]}

    return _sent(parts, Adding)


@twin("prompts-shortened", fails={"forwarding.content-arrives-unchanged"})
def prompts_shortened(parts: Parts) -> Parts:
    """The end of each message is cut off."""

    class Shortening(UpstreamAround):
        def rewritten(self, body: dict[str, Any]) -> dict[str, Any]:
            messages = [message | {"content": message["content"][:-5]} for message in body["messages"]]
            return body | {"messages": messages}

    return _sent(parts, Shortening)


@twin("answers-rewritten", fails={"forwarding.content-arrives-unchanged"})
def answers_rewritten(parts: Parts) -> Parts:
    """Answers go through a filter that softens them."""

    def around(app: App) -> App:
        async def softening(scope: Scope, receive: Receive, send: Send) -> None:
            async def sent(message: Message) -> None:
                if _is_prompt(Exchange(path=scope["path"], headers={})) and "body" in message:
                    message["body"] = re.sub(rb'("content": ?")', rb"\1~", message["body"], count=1)
                await send(message)

            await app(scope, receive, sent)

        return softening

    return replace(parts, app=around)


@twin("calls-sent-twice", fails={ONCE, USAGE, SEQUENTIAL})
def calls_sent_twice(parts: Parts) -> Parts:
    """Every call goes to the provider twice, and one answer is thrown away."""

    class Doubling(UpstreamAround):
        @asynccontextmanager
        async def send(self, request: Outbound) -> AsyncIterator[Answer]:
            async with self.inner.send(_copied(request)) as spare:
                async for _ in spare.pieces():
                    continue
            async with self.inner.send(request) as answer:
                yield answer

    return _sent(parts, Doubling)


@twin("streams-sent-twice", fails={ONCE, USAGE, SEQUENTIAL})
def streams_sent_twice(parts: Parts) -> Parts:
    """Streams go to two providers, and the second answer is thrown away."""

    class Doubling(UpstreamAround):
        @asynccontextmanager
        async def send(self, request: Outbound) -> AsyncIterator[Answer]:
            if request.stream:
                async with self.inner.send(_copied(request)) as spare:
                    async for _ in spare.pieces():
                        continue
            async with self.inner.send(request) as answer:
                yield answer

    return _sent(parts, Doubling)
