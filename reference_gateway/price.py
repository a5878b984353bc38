"""What tokens cost. Pure integers: pico-dollars per token, nano-dollars per request."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_PICO_PER_NANO: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Pico-dollars per token. `cached` and `written` tokens are prompt tokens with a price of their own."""

    prompt: int
    completion: int
    cached: int
    written: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """The rate of a whole request whose prompt has more than `above` tokens."""

    above: int
    rate: Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A model's price: a rate, further rates for long prompts (lowest first), nano-dollars per request."""

    rate: Rate
    tiers: tuple[Tier, ...] = ()
    request: int = 0

    def cost(self, prompt: int, completion: int, cached: int = 0, written: int = 0) -> int:
        """Nano-dollars for these tokens, summed exactly and rounded up once; cached + written <= prompt."""
        rate = self._rate(prompt)
        plain = prompt - cached - written
        pico = (
            plain * rate.prompt + cached * rate.cached + written * rate.written + completion * rate.completion
        )
        return self.request - (-pico // _PICO_PER_NANO)

    def worst(self, prompt_bound: int, completion_bound: int) -> int:
        """The most that a request within these bounds can cost, whatever its tier and the provider's cache."""
        pico = max(
            prompt_bound * max(rate.prompt, rate.cached, rate.written) + completion_bound * rate.completion
            for rate in self._reachable(prompt_bound)
        )
        return self.request - (-pico // _PICO_PER_NANO)

    def _rate(self, prompt: int) -> Rate:
        *_, rate = self._reachable(prompt)
        return rate

    def _reachable(self, prompt: int) -> Iterator[Rate]:
        yield self.rate
        yield from (tier.rate for tier in self.tiers if prompt > tier.above)
