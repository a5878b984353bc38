"""Flawed twins on the second gateway: each is a subclass that breaks one promise."""

import base64
import hashlib
import hmac
import json
import os
import random
import ssl
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from http.client import HTTPResponse

from conformance.witness.pki import make_authority
from tests.hosts.second_config import Config
from tests.hosts.second_edge import Handler, Redirect
from tests.hosts.second_gateway import SecondGateway
from tests.hosts.second_http import Call, RefusalError
from tests.hosts.second_order import Order, Usage
from tests.hosts.second_store import Account, Hold, Key
from tests.twins import registry

twin = partial(registry.twin, host="second")

ON_EVERY_ANSWER = "transport.hsts-on-every-answer"
LONG_ENOUGH = "transport.hsts-is-long-enough"
CLEAR_SERVES = "transport.clear-text-serves-nothing"
CLEAR_KEY = "transport.clear-text-key-is-not-accepted"
SHOWN_ONCE = "keys.secret-is-shown-once"
STRONG = "keys.stored-form-is-salted-and-strong"
RECOVERABLE = "keys.secret-is-not-stored-recoverably"
SEQUENTIAL = "spend.sequential-limit-holds"
CONCURRENT = "spend.concurrent-limit-holds"
REFUSED = "spend.refusals-reach-no-provider"
USAGE = "spend.usage-equals-the-bill"
NO_CONTENT = "retention.surfaces-hold-no-content"
ONCE = "forwarding.every-call-reaches-the-provider-once"
KEPT = {"forwarding.every-answer-is-made-anew", "forwarding.no-answer-crosses-keys"}
UNCHANGED = "forwarding.content-arrives-unchanged"


# --- transport ---------------------------------------------------------------------------------------------


@twin("tls12-accepted", fails={"transport.tls12-is-refused"})
class Tls12Accepted(SecondGateway):
    """TLS 1.2 for an old client."""

    def tls_context(self) -> ssl.SSLContext:
        context = super().tls_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


@twin(
    "tls10-accepted",
    fails={"transport.tls10-is-refused", "transport.tls11-is-refused", "transport.tls12-is-refused"},
)
class Tls10Accepted(SecondGateway):
    """Every version that OpenSSL still speaks."""

    def tls_context(self) -> ssl.SSLContext:
        context = super().tls_context()
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        return context


@twin("admin-speaks-tls12", fails={"transport.tls12-is-refused"}, config={"admin_port": 0})
class AdminSpeaksTls12(SecondGateway):
    """TLS 1.2 where keys are managed, TLS 1.3 where content goes."""

    def admin_tls_context(self) -> ssl.SSLContext:
        context = super().admin_tls_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


@twin("certificate-of-a-stranger", fails={"transport.certificate-is-trusted"})
class CertificateOfAStranger(SecondGateway):
    """The right address, signed by an authority that nobody trusts."""

    def tls_context(self) -> ssl.SSLContext:
        stranger = make_authority(self.state / "stranger")
        context = super().tls_context()
        context.load_cert_chain(stranger.certificate, stranger.private_key)
        return context


class _Hsts(SecondGateway):
    """The answer's HSTS field is what `hsts` says."""

    def hsts(self, status: int) -> str | None:
        raise NotImplementedError

    def security_headers(self, status: int) -> Mapping[str, str]:
        others = dict(super().security_headers(status))
        del others["Strict-Transport-Security"]
        value = self.hsts(status)
        return others if value is None else {"Strict-Transport-Security": value, **others}


@twin("hsts-missing", fails={ON_EVERY_ANSWER})
class HstsMissing(_Hsts):
    """No HSTS anywhere."""

    def hsts(self, status: int) -> str | None:
        return None


@twin("hsts-missing-on-errors", fails={ON_EVERY_ANSWER})
class HstsMissingOnErrors(_Hsts):
    """HSTS only where all went well."""

    def hsts(self, status: int) -> str | None:
        return "max-age=31536000" if status < 400 else None


@twin("hsts-missing-on-refused-heads", fails={ON_EVERY_ANSWER})
class HstsMissingOnRefusedHeads(_Hsts):
    """HSTS on everything but what the server refuses before it is a request."""

    def hsts(self, status: int) -> str | None:
        return None if status in {400, 414, 431, 505} else "max-age=31536000"


@twin("hsts-max-age-zero", fails={ON_EVERY_ANSWER, LONG_ENOUGH})
class HstsMaxAgeZero(_Hsts):
    """HSTS that tells browsers to forget the host."""

    def hsts(self, status: int) -> str | None:
        return "max-age=0"


@twin("hsts-too-short", fails={LONG_ENOUGH})
class HstsTooShort(_Hsts):
    """HSTS for a day where a year is promised."""

    def hsts(self, status: int) -> str | None:
        return "max-age=86400"


@twin("hsts-twice", fails={ON_EVERY_ANSWER})
class HstsTwice(SecondGateway):
    """HSTS from the application and from the proxy before it."""

    def security_headers(self, status: int) -> Mapping[str, str]:
        return {**super().security_headers(status), "strict-transport-security": "max-age=31536000"}


@twin("clear-text-served", fails={CLEAR_SERVES, CLEAR_KEY})
class ClearTextServed(SecondGateway):
    """The API on a port without TLS."""

    def cleartext_handler(self) -> type[Handler]:
        return Handler


class _Echo(Redirect):
    """A redirect that takes the caller's key along."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        self.close_connection = True
        self.send_response_only(308)
        self.send_header("Location", self.server.host.https_url(f"/?key={self._bearer()}"))
        self.send_header("Content-Length", "0")
        self.end_headers()


@twin("clear-text-key-echoed", fails={CLEAR_KEY})
class ClearTextKeyEchoed(SecondGateway):
    """The redirect from clear text repeats the key, in clear text."""

    def cleartext_handler(self) -> type[Handler]:
        return _Echo


@twin("clear-text-redirect-astray", fails={"transport.clear-text-redirects-stay-home"})
class ClearTextRedirectAstray(SecondGateway):
    """The redirect from clear text leads to another host."""

    def https_url(self, route: str) -> str:
        return f"https://gateway.example{route}"


@twin("clear-text-cookie", fails={CLEAR_SERVES})
class ClearTextCookie(SecondGateway):
    """The redirect from clear text sets a cookie."""

    def cleartext_handler(self) -> type[Handler]:
        class Cookie(Redirect):
            def send_response_only(self, code: int, message: str | None = None) -> None:
                super().send_response_only(code, message)
                self.send_header("Set-Cookie", "session=1")

        return Cookie


# --- keys --------------------------------------------------------------------------------------------------


class _Remembering(SecondGateway):
    """Every view of a key with more fields, made from its secret."""

    def shown(self, secret: str) -> Mapping[str, object]:
        raise NotImplementedError

    def create_answer(self, key: Key, secret: str) -> dict[str, object]:
        self._secrets = {**getattr(self, "_secrets", {}), key.id: secret}
        return super().create_answer(key, secret)

    def describe_key(self, key: Key) -> dict[str, object]:
        secret = getattr(self, "_secrets", {}).get(key.id)
        return super().describe_key(key) | dict(self.shown(secret) if secret else {})


@twin("secret-in-listing", fails={SHOWN_ONCE})
class SecretInListing(_Remembering):
    """The secret beside each key."""

    def shown(self, secret: str) -> Mapping[str, object]:
        return {"key": secret}


@twin("most-of-secret-in-listing", fails={SHOWN_ONCE})
class MostOfSecretInListing(_Remembering):
    """A mask that hides the middle only: what is left could be guessed."""

    def shown(self, secret: str) -> Mapping[str, object]:
        return {"key_name": f"{secret[:40]}...{secret[-10:]}"}


@twin("secret-in-errors", fails={SHOWN_ONCE})
class SecretInUpdates(_Remembering):
    """The secret in answers to changes, for the support desk."""

    def shown(self, secret: str) -> Mapping[str, object]:
        return {"metadata": {"key": secret}}


@twin("key-stored-plain", fails={RECOVERABLE, STRONG})
class KeyStoredPlain(SecondGateway):
    """Keys as they are."""

    def stored_form(self, secret: str) -> str:
        return secret

    def verify(self, secret: str, stored: str) -> bool:
        return hmac.compare_digest(secret.encode(), stored.encode())


@twin("key-stored-base64", fails={RECOVERABLE, STRONG})
class KeyStoredBase64(SecondGateway):
    """Keys in base64."""

    def stored_form(self, secret: str) -> str:
        return base64.b64encode(secret.encode()).decode()

    def verify(self, secret: str, stored: str) -> bool:
        return hmac.compare_digest(self.stored_form(secret), stored)


class _Digest(SecondGateway):
    """`salt$digest` in hexadecimal."""

    def salt(self) -> bytes:
        return os.urandom(16)

    def digest(self, salt: bytes, secret: bytes) -> bytes:
        return hashlib.sha256(salt + secret).digest()

    def stored_form(self, secret: str) -> str:
        salt = self.salt()
        return f"{salt.hex()}${self.digest(salt, secret.encode()).hex()}"

    def verify(self, secret: str, stored: str) -> bool:
        salt, _, digest = stored.partition("$")
        fresh = self.digest(bytes.fromhex(salt), secret.encode())
        return hmac.compare_digest(fresh, bytes.fromhex(digest))


@twin("key-unsalted-sha256", fails={STRONG})
class KeyUnsaltedSha256(_Digest):
    """SHA-256 of the key alone."""

    def salt(self) -> bytes:
        return b""


@twin("one-salt-for-all", fails={STRONG})
class OneSaltForAll(_Digest):
    """A salt from the source code."""

    def salt(self) -> bytes:
        return b"the salt of all!"


@twin("key-md5", fails={STRONG})
class KeyMd5(_Digest):
    """Salted, with the digest of another age."""

    def digest(self, salt: bytes, secret: bytes) -> bytes:
        return hashlib.md5(salt + secret, usedforsecurity=False).digest()


@twin("key-sha1", fails={STRONG})
class KeySha1(_Digest):
    """Salted, with a digest that is broken."""

    def digest(self, salt: bytes, secret: bytes) -> bytes:
        return hashlib.sha1(salt + secret, usedforsecurity=False).digest()


@twin("key-digest-cut", fails={STRONG})
class KeyDigestCut(_Digest):
    """Salted, and cut to 64 bits."""

    def digest(self, salt: bytes, secret: bytes) -> bytes:
        return hashlib.sha256(salt + secret).digest()[:8]


@twin("key-hashed-in-part", fails={STRONG})
class KeyHashedInPart(_Digest):
    """Salted, but of the last eight characters only."""

    def digest(self, salt: bytes, secret: bytes) -> bytes:
        return hashlib.sha256(salt + secret[-8:]).digest()


@twin("key-in-the-log", fails={RECOVERABLE})
class KeyInTheLog(SecondGateway):
    """Whoever creates a key is helped by a log line."""

    def create_answer(self, key: Key, secret: str) -> dict[str, object]:
        self.log({"level": "debug", "msg": "key_created", "key": secret})
        return super().create_answer(key, secret)


@twin("revocation-cached", fails={"keys.revocation-takes-effect"})
class RevocationCached(SecondGateway):
    """A cache of good keys that no revocation reaches."""

    cache_seconds = 5.0

    def authenticate(self, secret: str) -> Key:
        cache: dict[str, tuple[float, Key]] = self.__dict__.setdefault("_cache", {})
        at, key = cache.get(secret, (0.0, None))
        if key is not None and time.monotonic() - at < self.cache_seconds:
            return key
        fresh = super().authenticate(secret)
        cache[secret] = time.monotonic(), fresh
        return fresh

    def is_alive(self, key: Key) -> bool:
        cache: dict[str, tuple[float, Key]] = self.__dict__.get("_cache", {})
        known = any(key is kept and time.monotonic() - at < self.cache_seconds for at, kept in cache.values())
        return known or super().is_alive(key)

    def cut(self, token: str) -> None:
        return


@twin("revocation-a-second-late", fails={"keys.revocation-takes-effect"})
class RevocationASecondLate(RevocationCached):
    """The same cache, kept for less than a second: longer than declared all the same."""

    cache_seconds = 0.8


@twin("disable-ignored", fails={"keys.revocation-takes-effect"})
class DisableIgnored(SecondGateway):
    """Blocking is noted and not looked at; deletion works."""

    def is_alive(self, key: Key) -> bool:
        return key.id in self.store.keys

    def cut(self, token: str) -> None:
        return


# --- money -------------------------------------------------------------------------------------------------


@twin("limit-ignored", fails={SEQUENTIAL, CONCURRENT})
class LimitIgnored(SecondGateway):
    """A budget that is shown and never asked for."""

    def reserve(self, key: Key, order: Order) -> Hold:
        return self.store.hold(key, order.worst, order.worst)


@twin("limit-check-then-act", fails={CONCURRENT})
class LimitCheckThenAct(SecondGateway):
    """The worst case is checked, and held a moment later: a race for whoever does not wait."""

    def reserve(self, key: Key, order: Order) -> Hold:
        if not self.store.fits(key, order.worst):
            raise RefusalError(403)
        time.sleep(0.05)
        return self.store.hold(key, order.worst, order.worst)


@twin("refused-after-forwarding", fails={SEQUENTIAL, CONCURRENT, REFUSED})
class RefusedAfterForwarding(SecondGateway):
    """The provider is asked first, and whoever is over the limit then gets no answer."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.over: list[Hold] = []

    def reserve(self, key: Key, order: Order) -> Hold:
        if self.store.fits(key, order.worst):
            return super().reserve(key, order)
        hold = self.store.hold(key, 0, order.worst)
        self.over.append(hold)
        return hold

    def fetch(self, call: Call, order: Order, hold: Hold) -> bytes:
        data = super().fetch(call, order, hold)
        if any(hold is over for over in self.over):
            self.settle(hold, 0)
            raise RefusalError(403)
        return data


@twin("limit-check-then-act-narrow", fails={CONCURRENT})
class LimitCheckThenActNarrow(SecondGateway):
    """The same race with a window of five milliseconds."""

    def reserve(self, key: Key, order: Order) -> Hold:
        if not self.store.fits(key, order.worst):
            raise RefusalError(403)
        time.sleep(0.005)
        return self.store.hold(key, order.worst, order.worst)


@twin("limit-after-the-fact", fails={SEQUENTIAL, CONCURRENT})
class LimitAfterTheFact(SecondGateway):
    """A call is let through while less than the budget is spent."""

    def reserve(self, key: Key, order: Order) -> Hold:
        if key.limit is not None and key.spent >= key.limit:
            raise RefusalError(403)
        return self.store.hold(key, 0, order.worst)


@twin("refuses-after-forwarding", fails={"spend.refusals-reach-no-provider", SEQUENTIAL, CONCURRENT})
class RefusesAfterForwarding(SecondGateway):
    """The budget is asked when the answer is there: the caller gets a refusal, the provider's bill stands."""

    def reserve(self, key: Key, order: Order) -> Hold:
        try:
            return super().reserve(key, order)
        except RefusalError:
            headers = {
                "Authorization": f"Bearer {self.config.upstream_key}",
                "Content-Type": "application/json",
            }
            with self.provider.asked("nobody", order.payload, headers, lambda: True) as answer:
                answer.read()
            raise


@twin(
    "limit-on-late-usage", fails={SEQUENTIAL, CONCURRENT}, config={"usage_lag": 1.0}, claims={"usage_lag": 4}
)
class LimitOnLateUsage(SecondGateway):
    """The budget is compared with the usage that is shown, which follows late."""

    def reserve(self, key: Key, order: Order) -> Hold:
        if key.limit is not None and key.recorded + order.worst > key.limit:
            raise RefusalError(403)
        return self.store.hold(key, 0, order.worst)


@twin("streams-not-counted", fails={USAGE, SEQUENTIAL})
class StreamsNotCounted(SecondGateway):
    """Streams cost nothing."""

    def cost_of(self, order: Order, usage: Usage | None) -> int:
        return 0 if order.stream else super().cost_of(order, usage)


@twin("usage-shown-by-half", fails={USAGE})
class UsageShownByHalf(SecondGateway):
    """The budget counts all, the usage that is shown half."""

    def usage_of(self, account: Account) -> int:
        return super().usage_of(account) // 2


@twin("half-is-charged", fails={USAGE, SEQUENTIAL})
class HalfIsCharged(SecondGateway):
    """Half of the cost is charged, so that budgets admit twice what they say."""

    def cost_of(self, order: Order, usage: Usage | None) -> int:
        return super().cost_of(order, usage) // 2


@twin("completions-not-counted", fails={USAGE, SEQUENTIAL})
class CompletionsNotCounted(SecondGateway):
    """Only prompts are charged."""

    def cost_of(self, order: Order, usage: Usage | None) -> int:
        return super().cost_of(order, usage and Usage(prompt=usage.prompt, completion=0))


@twin("refusals-charged", fails={"spend.provider-refusals-are-free"})
class RefusalsCharged(SecondGateway):
    """A provider's refusal costs the hold."""

    def cost_of_refusal(self, hold: Hold) -> int:
        return hold.worst


@twin("usage-charged-to-another", fails={USAGE, "spend.nobody-pays-for-somebody-else"})
class UsageChargedToAnother(SecondGateway):
    """Usage is shown by team, and the team is what keys have in common at the start of their names."""

    def usage_of(self, account: Account) -> int:
        if not isinstance(account, Key):
            return super().usage_of(account)
        with self.store.lock:
            return sum(key.recorded for key in self.store.keys.values() if _team(key) == _team(account))


def _team(key: Key) -> tuple[str, ...]:
    return tuple((key.alias or key.id).split("-")[:3])


# --- content -----------------------------------------------------------------------------------------------


@twin("logs-prompts", fails={NO_CONTENT})
class LogsPrompts(SecondGateway):
    """Debug logging that was never switched off."""

    def on_prompt(self, call: Call) -> None:
        self.log({"level": "debug", "body": call.body.decode()})


@twin("logs-completions", fails={NO_CONTENT})
class LogsCompletions(SecondGateway):
    """Answers in the log."""

    def on_answer(self, call: Call, data: bytes) -> None:
        self.log({"level": "debug", "answer": data.decode()})


@twin("logs-prompts-base64", fails={NO_CONTENT})
class LogsPromptsBase64(SecondGateway):
    """Prompts in the log, encoded."""

    def on_prompt(self, call: Call) -> None:
        self.log({"level": "debug", "body": base64.b64encode(call.body).decode()})


@twin("logs-prompts-compressed", fails={NO_CONTENT})
class LogsPromptsCompressed(SecondGateway):
    """Prompts in the log, compressed and encoded."""

    def on_prompt(self, call: Call) -> None:
        self.log({"level": "debug", "body": base64.b64encode(zlib.compress(call.body)).decode()})


@twin("logs-prompts-wrapped", fails={NO_CONTENT})
class LogsPromptsWrapped(SecondGateway):
    """Prompts in the log, sixty characters to a line."""

    def on_prompt(self, call: Call) -> None:
        text = call.body.decode()
        for start in range(0, len(text), 60):
            self.log({"level": "debug", "part": text[start : start + 60]})


@twin("logs-previews", fails={NO_CONTENT})
class LogsPreviews(SecondGateway):
    """The first forty characters of each prompt, for orientation."""

    def on_prompt(self, call: Call) -> None:
        self.log({"level": "info", "preview": json.loads(call.body)["messages"][-1]["content"][:40]})


@twin("logs-prompts-on-provider-error", fails={NO_CONTENT})
class LogsPromptsOnProviderError(SecondGateway):
    """The request is logged where the provider failed, to find out why."""

    def on_provider_error(self, call: Call, data: bytes) -> None:
        self.log({"level": "error", "msg": "upstream", "request": call.body.decode()})


@twin("logs-provider-errors", fails={NO_CONTENT})
class LogsProviderErrors(SecondGateway):
    """The provider's words are logged where it failed; it may repeat the prompt in them."""

    def on_provider_error(self, call: Call, data: bytes) -> None:
        self.log({"level": "error", "msg": "upstream", "answer": data.decode()})


@twin("logs-one-prompt-in-five", fails={NO_CONTENT})
class LogsOnePromptInFive(SecondGateway):
    """A sample for quality control."""

    def on_prompt(self, call: Call) -> None:
        if random.random() < 0.2:
            self.log({"level": "info", "sample": call.body.decode()})


@twin("logs-query-strings", fails={"retention.what-surrounds-content-is-not-kept"})
class LogsQueryStrings(SecondGateway):
    """An access log in the usual form, with whatever the caller wrote into the address."""

    def on_prompt(self, call: Call) -> None:
        self.log({"level": "info", "query": "&".join(call.query.values())})


@twin("last-prompt-in-the-account", fails={NO_CONTENT})
class LastPromptInTheAccount(SecondGateway):
    """The store remembers with each key what it asked last."""

    def on_prompt(self, call: Call) -> None:
        with self.store.lock:
            self.store.keys[call.token].metadata["last"] = call.body.decode()


# --- forwarding --------------------------------------------------------------------------------------------


@twin("key-forwarded", fails={"forwarding.gateway-key-stays-behind"})
class KeyForwarded(SecondGateway):
    """The caller's key goes along to the provider."""

    def upstream_headers(self, call: Call) -> Mapping[str, str]:
        return {**super().upstream_headers(call), "X-Client-Key": call.bearer}


@twin("key-forwarded-encoded", fails={"forwarding.gateway-key-stays-behind"})
class KeyForwardedEncoded(SecondGateway):
    """The caller's key goes along to the provider, in base64."""

    def upstream_headers(self, call: Call) -> Mapping[str, str]:
        encoded = base64.b64encode(call.bearer.encode()).decode()
        return {**super().upstream_headers(call), "X-Client": encoded}


@twin("cookies-forwarded", fails={"forwarding.caller-stays-behind"})
class CookiesForwarded(SecondGateway):
    """All headers of the caller but its key go along to the provider."""

    def upstream_headers(self, call: Call) -> Mapping[str, str]:
        cookie = call.headers.get("Cookie", "")
        return {**super().upstream_headers(call), "Cookie": cookie}


@twin("answers-cached", fails={ONCE, *KEPT})
class AnswersCached(SecondGateway):
    """The same question gets the answer that it got before."""

    def fetch(self, call: Call, order: Order, hold: Hold) -> bytes:
        cache: dict[bytes, bytes] = self.__dict__.setdefault("_answers", {})
        if order.payload not in cache:
            cache[order.payload] = super().fetch(call, order, hold)
        return cache[order.payload]


class _Rewriting(SecondGateway):
    """Sends `rewritten` instead of what was asked."""

    def rewritten(self, request: dict[str, object]) -> dict[str, object]:
        raise NotImplementedError

    @contextmanager
    def _asked(self, call: Call, order: Order, hold: Hold) -> Iterator[HTTPResponse]:
        payload = json.dumps(self.rewritten(json.loads(order.payload))).encode()
        with super()._asked(call, replace(order, payload=payload), hold) as answer:
            yield answer


@twin("system-sentence-added", fails={UNCHANGED})
class SystemSentenceAdded(_Rewriting):
    """The gateway puts in a word of its own."""

    def rewritten(self, request: dict[str, object]) -> dict[str, object]:
        messages = request["messages"]
        assert isinstance(messages, list)
        return request | {"messages": [{"role": "system", "content": "Be brief."}, *messages]}


@twin("prompts-shortened", fails={UNCHANGED})
class PromptsShortened(_Rewriting):
    """The end of each message is cut off."""

    def rewritten(self, request: dict[str, object]) -> dict[str, object]:
        messages = request["messages"]
        assert isinstance(messages, list)
        return request | {
            "messages": [message | {"content": message["content"][:-5]} for message in messages]
        }


@twin("calls-sent-twice", fails={ONCE, USAGE, SEQUENTIAL})
class CallsSentTwice(SecondGateway):
    """Every call goes to the provider twice, and one answer is thrown away."""

    @contextmanager
    def _asked(self, call: Call, order: Order, hold: Hold) -> Iterator[HTTPResponse]:
        with suppress(RefusalError), super()._asked(call, order, hold) as spare:
            spare.read()
        with super()._asked(call, order, hold) as answer:
            yield answer


@twin("streams-sent-twice", fails={ONCE, USAGE, SEQUENTIAL})
class StreamsSentTwice(SecondGateway):
    """Streams go to two providers, and the second answer is thrown away."""

    @contextmanager
    def _asked(self, call: Call, order: Order, hold: Hold) -> Iterator[HTTPResponse]:
        if order.stream:
            with suppress(RefusalError), super()._asked(call, order, hold) as spare:
                spare.read()
        with super()._asked(call, order, hold) as answer:
            yield answer
