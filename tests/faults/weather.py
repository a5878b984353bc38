"""Weather: what may happen to a connection on its way. Pure: the same seed gives every connection the same fate."""

import random
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["drop", "delay", "half-close", "stall", "cut", "garbage"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """The kinds of trouble on a road, and how likely a connection is to meet one of them."""

    kinds: tuple[Kind, ...] = ()
    chance: float = 0.0
    most_bytes: int = (
        0  # trouble in the middle of a connection begins after at most so many bytes of the answer
    )
    seconds: float = 0.0  # longest delay of one piece

    def __str__(self) -> str:
        """In a few words, for the line of a trial."""
        if not self.kinds:
            return "clear"
        return (
            f"{'/'.join(self.kinds)} p={self.chance:.2f} after≤{self.most_bytes} B delay≤{self.seconds:.2f} s"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What happens to one connection: nothing where `kind` is None."""

    kind: Kind | None = None
    after: int = 0  # bytes of the answer that still get through
    garbage: bytes = b""


CLEAR = Weather()


def fate(weather: Weather, source: random.Random) -> Fate:
    """Draw the fate of one connection."""
    if not weather.kinds or source.random() >= weather.chance:
        return Fate()
    kind = source.choice(weather.kinds)
    return Fate(
        kind=kind,
        after=source.randint(0, weather.most_bytes),
        garbage=source.randbytes(source.randint(1, 64)) if kind == "garbage" else b"",
    )


def draw(source: random.Random, *kinds: Kind) -> Weather:
    """Weather of the given kinds, from a drizzle to a storm."""
    return Weather(
        kinds=kinds,
        chance=source.choice((0.03, 0.1, 0.3, 0.6, 1.0)),
        most_bytes=source.choice((0, 80, 1500, 8000)),
        seconds=source.choice((0.02, 0.2, 1.0)),
    )
