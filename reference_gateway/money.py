"""Exact money: integers inside, decimals at the border, floats nowhere.

Prices are pico-dollars per token ($1 per million tokens is 1 000 000); amounts are
nano-dollars (an int64 holds $9.2 billion).
"""

import re
from decimal import Decimal
from fractions import Fraction
from typing import Final

MAX_NANO: Final = 2**63 - 1
MAX_PRICE_PICO: Final = 10**10
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)


class NotMoneyError(ValueError):
    """The text is no exact, representable, non-negative amount."""


def _scaled(text: str, places: int, most: int) -> int:
    """`text` x 10^places as an exact integer in 0..most, or NotMoneyError."""
    if len(text) > 64 or _NUMBER.fullmatch(text) is None:
        raise NotMoneyError
    value = Decimal(text)
    if value.is_zero():
        return 0
    # The size is looked at first: 1e999999999 as an integer would fill the memory. Then a Fraction,
    # because Decimal arithmetic rounds to 28 digits.
    if value < 0 or abs(value.adjusted()) > 20:
        raise NotMoneyError
    scaled: Fraction = Fraction(value) * (10**places)
    if scaled.denominator != 1 or scaled > most:
        raise NotMoneyError
    return int(scaled)


def usd_to_nano(text: str) -> int:
    """JSON number text in USD to nano-dollars; more than nine decimals is refused, not rounded."""
    return _scaled(text, 9, MAX_NANO)


def usd_per_million_to_pico(text: str) -> int:
    """A price in USD per million tokens to pico-dollars per token, exactly."""
    return _scaled(text, 6, MAX_PRICE_PICO)


def nano_to_usd(nano: int) -> Decimal:
    """Nano-dollars as USD, without trailing zeros."""
    value = Decimal(nano).scaleb(-9).normalize()
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value


def pico_to_usd_text(pico: int) -> str:
    """A price per token in USD in plain notation, as OpenRouter's model list has it."""
    text = f"{Decimal(pico).scaleb(-12):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
