"""Money: integer picodollars (1e-12 USD) everywhere, so that no sum is ever rounded.

A price of 0.15 USD per million tokens is 150,000 picodollars per token exactly; floats never touch money.
"""

from decimal import Decimal, InvalidOperation
from fractions import Fraction

PICO_PER_USD = 10**12
_DIGITS = 40  # before and after the point: beyond that an amount is an attack on our arithmetic, not money


def from_usd(text: str) -> int:
    """Picodollars in a decimal amount of dollars such as `"0.05"`. Raises ValueError on anything else."""
    return exact(Fraction(_decimal(text)) * PICO_PER_USD)


def price_per_token(usd_per_million: str) -> int:
    """Picodollars per token from a price in dollars per million tokens. Raises ValueError if that is not whole."""
    return exact(Fraction(_decimal(usd_per_million)) * PICO_PER_USD / 1_000_000)


def from_units(amount: Decimal | int, per_usd: int) -> int:
    """Picodollars in an amount of a gateway's own unit, of which `per_usd` make a dollar; rounded down to whole ones.

    Raises ValueError on what is no amount: NaN, infinities, exponents that no money has.
    """
    if isinstance(amount, Decimal) and not _is_amount(amount):
        raise ValueError("not an amount of money")
    return int(Fraction(amount) * PICO_PER_USD / per_usd // 1)


def to_units(pico: int, per_usd: int) -> Decimal:
    """An amount in a gateway's own unit; exact, since scales have no prime factors but 2 and 5 in practice."""
    units = Fraction(pico * per_usd, PICO_PER_USD)
    return Decimal(units.numerator) / Decimal(units.denominator)


def in_usd(pico: int) -> str:
    """A readable amount of dollars, without trailing zeros: `"$0.000239"`."""
    text = f"{Decimal(pico).scaleb(-12):f}"
    whole, _, decimals = text.partition(".")
    decimals = decimals.rstrip("0")
    return f"${whole}.{decimals}" if decimals else f"${whole}"


def exact(amount: Fraction) -> int:
    """A whole number of picodollars, or ValueError: no amount is ever rounded silently."""
    if amount.denominator != 1:
        raise ValueError(f"{amount} is not a whole number of picodollars")
    return amount.numerator


def _decimal(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"'{text}' is not a decimal amount") from None
    if not _is_amount(value) or value < 0:
        raise ValueError(f"'{text}' is not an amount of money")
    return value


def _is_amount(value: Decimal) -> bool:
    """Whether a number is finite and can be made a fraction in no time: `1e999999999` is short to write and long to count."""
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -_DIGITS and value.adjusted() <= _DIGITS
