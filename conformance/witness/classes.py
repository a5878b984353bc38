"""Classes of tokens that usage tells apart, and what the bill makes of them. Pure.

Reasoning and audio are in no text that anybody sees. OpenAI's API counts them in the sums, and bills them as the rest or dearer.
What is read from a cache is in the sum too, and cheaper: no price list takes off more than nine tenths, so that a tenth is the
least that it costs.
"""

from typing import Literal

from conformance.witness.ledger import Usage

Classes = Literal["plain", "reasoning", "audio", "cached"]
HIDDEN: tuple[Classes, ...] = ("reasoning", "audio")
_CACHED_COSTS = 10  # so many cost as much as one that is not cached


def billed(usage: Usage, classes: Classes) -> Usage:
    """What of the tokens told is billed at the price of plain ones, at the least."""
    if classes != "cached":
        return usage
    cached = _but_one(usage.prompt)
    return Usage(usage.prompt - cached + -(-cached // _CACHED_COSTS), usage.completion)


def told(usage: Usage, classes: Classes, prompt: str, generated: str) -> dict[str, dict[str, int]]:
    """The details beside the sums, whose parts are called after the prompt and what was generated; none for plain tokens."""
    if classes == "plain":
        return {}
    hidden = _but_one(usage.completion)
    return {
        f"{prompt}_tokens_details": {
            "cached_tokens": _but_one(usage.prompt) if classes == "cached" else 0,
            "audio_tokens": _but_one(usage.prompt) if classes == "audio" else 0,
        },
        f"{generated}_tokens_details": {
            "reasoning_tokens": hidden if classes == "reasoning" else 0,
            "audio_tokens": hidden if classes == "audio" else 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _but_one(tokens: int) -> int:
    return tokens - 1
