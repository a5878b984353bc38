"""Twins of the reference gateway that set aside less than a call may cost, or for longer."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from reference_gateway.ledger.wire import Held, Outcome, Refused, Reserve, Settle
from reference_gateway.parts import Parts
from tests.twins import registry
from tests.twins.around import LedgerAround
from tests.twins.checks import ROOM, SEQUENTIAL, WORST_CASE
from tests.twins.reference_ledger import REQUEST, Unsuspicious, known_to_the_ledger, worst_case

twin = partial(registry.twin, host="reference")


class _Clamping(Unsuspicious):
    """A hold larger than what is left is made as large as that."""

    def reserve(self, message: Reserve, now: int) -> Held | Refused:
        row = self._one("SELECT lim, spent, reserved FROM api_key WHERE key_id = ?", (message.key_id,))
        left = None if row is None or row["lim"] is None else row["lim"] - row["spent"] - row["reserved"]
        if left is None or left <= 0 or worst_case(message) <= left:
            return super().reserve(message, now)
        tokens = max(0, left // 1000)  # a token of a prompt costs a thousand nano-dollars
        return super().reserve(replace(message, prompt_bound=tokens, completion_bound=0), now)


@twin("hold-clamped-to-what-is-left", fails={SEQUENTIAL})
def hold_clamped_to_what_is_left(parts: Parts) -> Parts:
    """A hold that does not fit is shrunk until it does."""
    return replace(parts, storage=_Clamping.open)


def _reserving(parts: Parts, change: Callable[[Reserve, bytes], Reserve]) -> Parts:
    class Reserving(LedgerAround):
        async def reserve(self, message: Reserve) -> Held | Refused:
            return await super().reserve(change(message, REQUEST.get()["body"]))

    return replace(parts, storage=Unsuspicious.open, ledger=Reserving, app=known_to_the_ledger)


@twin("answers-held-as-one", fails={WORST_CASE})
def answers_held_as_one(parts: Parts) -> Parts:
    """Of several answers, one is set aside."""

    def change(message: Reserve, body: bytes) -> Reserve:
        many = int(found[1]) if (found := re.search(rb'"n":\s*(\d+)', body)) else 1
        return replace(message, completion_bound=message.completion_bound // max(1, many))

    return _reserving(parts, change)


@twin("no-bound-no-hold", fails={WORST_CASE})
def no_bound_no_hold(parts: Parts) -> Parts:
    """Where a request bounds no tokens, none are set aside."""

    def change(message: Reserve, body: bytes) -> Reserve:
        return (
            message
            if re.search(rb'"max_[a-z_]*tokens":\s*\d', body)
            else replace(message, completion_bound=0)
        )

    return _reserving(parts, change)


@twin("holds-stay-after-refusals", fails={ROOM})
def holds_stay_after_refusals(parts: Parts) -> Parts:
    """What was set aside for a call that the provider refused is never given back."""

    class Keeping(LedgerAround):
        def settle(self, message: Settle) -> None:
            if message.outcome is not Outcome.REFUSED:
                super().settle(message)

    return replace(parts, ledger=Keeping)
