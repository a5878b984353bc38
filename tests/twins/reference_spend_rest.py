"""Twins of the reference gateway that miss slow readers, hidden tokens, multipliers and absurd limits; and odd variants."""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from reference_gateway.ledger.wire import Held, Outcome, Refused, Reserve, Settle
from reference_gateway.parts import Parts
from reference_gateway.web.asgi import App, Message, Receive, Scope, Send
from tests.twins import registry
from tests.twins.around import Hearing, LedgerAround, around_app, overheard, sending, served
from tests.twins.checks import ABORTED, ABSURD, HELD_UP, HIDDEN, RECORDED, WORST_CASE
from tests.twins.reference_ledger import REQUEST, Unsuspicious, known_to_the_ledger, settling

twin = partial(registry.twin, host="reference")
variant = partial(registry.variant, host="reference")

_LONG = 0.1  # seconds that a write may take
_CACHED = re.compile(rb'"cached_tokens": ?(\d+)')
_REASONING = re.compile(rb'"reasoning_tokens": ?(\d+)')
# A limit that a column of money holds.
_PLAIN = re.compile(rb'"limit": ?(-?\d{1,9}(?:\.\d{1,12})?)(?=[,}])')
_ANY = re.compile(rb'("limit": ?)([^,}"]+)')


# --- slow readers ------------------------------------------------------------------------------------------


def _timed(app: App) -> App:
    """An application that knows of each request whether a write for it took long."""

    async def timing(scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            began = time.monotonic()
            await send(message)
            REQUEST.get()["slow"] = REQUEST.get().get("slow", False) or time.monotonic() - began > _LONG

        await app(scope, receive, sent)

    return timing


@twin("slow-readers-refunded", fails={ABORTED, RECORDED})
def slow_readers_refunded(parts: Parts) -> Parts:
    """Whoever cannot be written to in time pays nothing, for the gateway takes the call for one that failed."""
    return around_app(settling(parts, lambda _, request: bool(request["seen"].get("slow"))), _timed)


@twin("slow-readers-hold-everybody-up", fails={HELD_UP})
def slow_readers_hold_everybody_up(parts: Parts) -> Parts:
    """Whole answers wait until nothing is being written into a stream."""
    free = asyncio.Event()
    free.set()
    writing = 0

    def around(app: App) -> App:
        async def waiting(scope: Scope, receive: Receive, send: Send) -> None:
            async def sent(message: Message) -> None:
                nonlocal writing
                if not message.get("more_body", False):
                    await free.wait()
                    await send(message)
                    return
                writing += 1
                free.clear()
                try:
                    await send(message)
                finally:
                    writing -= 1
                    if not writing:
                        free.set()

            await app(scope, receive, sent)

        return waiting

    return around_app(parts, around)


# --- hidden tokens -----------------------------------------------------------------------------------------


def _told(details: re.Pattern[bytes]) -> int:
    """The tokens of a class that the provider told in the answer to the request under way."""
    exchange = served()
    return sum(int(tokens) for tokens in details.findall(exchange.provider_answer)) if exchange else 0


def _by_class(parts: Parts, change: Callable[[Settle], Settle]) -> Parts:
    """What is charged depends on the classes that usage divides its tokens into."""

    class Dividing(LedgerAround):
        def settle(self, message: Settle) -> None:
            super().settle(change(message) if message.outcome is Outcome.METERED else message)

    divided = replace(parts, ledger=Dividing, storage=Unsuspicious.open)
    return around_app(sending(divided, Hearing), overheard(lambda _: None))


@twin("reasoning-tokens-free", fails={HIDDEN})
def reasoning_tokens_free(parts: Parts) -> Parts:
    """What a model thinks is taken off, since no caller sees it."""
    return _by_class(parts, lambda m: replace(m, completion_tokens=m.completion_tokens - _told(_REASONING)))


def _less(parts: Parts, off: Callable[[int], int]) -> Parts:
    """Of a prompt, so much is taken off for what of it the provider had in its cache."""
    return _by_class(
        parts, lambda m: replace(m, prompt_tokens=m.prompt_tokens - off(_told(_CACHED)), cached_tokens=0)
    )


@twin("cached-tokens-free", fails={HIDDEN})
def cached_tokens_free(parts: Parts) -> Parts:
    """What the provider had in its cache costs nothing."""
    return _less(parts, lambda cached: cached)


@variant("cached-tokens-at-a-tenth", about=("S1",))
def cached_tokens_at_a_tenth(parts: Parts) -> Parts:
    """What the provider had in its cache costs a tenth, as the cheapest price lists have it."""
    return _less(parts, lambda cached: cached * 9 // 10)


@variant("reasoning-tokens-charged-twice", about=("S1",))
def reasoning_tokens_charged_twice(parts: Parts) -> Parts:
    """What a model thinks is charged beside the sum that holds it: too much, and never too little."""
    return _by_class(parts, lambda m: replace(m, completion_tokens=m.completion_tokens + _told(_REASONING)))


# --- multipliers -------------------------------------------------------------------------------------------


def _held_as_one(parts: Parts, many: Callable[[bytes], int]) -> Parts:
    class Reserving(LedgerAround):
        async def reserve(self, message: Reserve) -> Held | Refused:
            bound = message.completion_bound // max(1, many(REQUEST.get()["body"]))
            return await super().reserve(replace(message, completion_bound=bound))

    return replace(parts, storage=Unsuspicious.open, ledger=Reserving, app=known_to_the_ledger)


@twin("best-held-as-one", fails={WORST_CASE}, inference=("completions",))
def best_held_as_one(parts: Parts) -> Parts:
    """Of the answers of which the best is told, one is set aside."""

    def many(body: bytes) -> int:
        return int(found[1]) if (found := re.search(rb'"best_of":\s*(\d+)', body)) else 1

    return _held_as_one(parts, many)


@twin("prompts-held-as-one", fails={WORST_CASE}, inference=("completions",))
def prompts_held_as_one(parts: Parts) -> Parts:
    """Of the answers to several prompts at once, one is set aside."""

    def many(body: bytes) -> int:
        found = re.search(rb'"prompt":\s*\[(.*?)\]', body, re.DOTALL)
        return found[1].count(b'","') + 1 if found else 1

    return _held_as_one(parts, many)


# --- absurd limits -----------------------------------------------------------------------------------------


def _read_otherwise(parts: Parts, instead: Callable[[bytes], bytes]) -> Parts:
    """A key API that takes something else for every limit that its money cannot hold."""

    def changed(match: re.Match[bytes]) -> bytes:
        return match[0] if _PLAIN.match(match[0] + b"}") else match[1] + instead(match[2])

    def around(app: App) -> App:
        async def reading(scope: Scope, receive: Receive, send: Send) -> None:
            async def received() -> Message:
                message = await receive()
                body = message.get("body", b"")
                read = _ANY.sub(changed, body)
                # In the same length, which the head has told already.
                return {**message, "body": read + b" " * (len(body) - len(read))} if body else message

            await app(scope, received, send)

        return reading

    inner = parts.admin_app
    return replace(parts, admin_app=lambda app: around(inner(app)))


@twin("unreadable-limits-are-none", fails={ABSURD})
def unreadable_limits_are_none(parts: Parts) -> Parts:
    """A limit that is no amount is taken for one that was not given."""
    return _read_otherwise(parts, lambda _: b"null")


@variant("huge-limits-clamped", about=("S1",))
def huge_limits_clamped(parts: Parts) -> Parts:
    """More than anybody can spend is taken for the most that there is, and decimals below all units are cut off."""

    def instead(given: bytes) -> bytes:
        whole, _, decimals = given.partition(b".")
        if decimals.isdigit() and whole.isdigit():
            return whole + b"." + decimals[:9]
        return b"900000" if len(given) > 6 and given[:1] in b"129I" else given

    return _read_otherwise(parts, instead)
