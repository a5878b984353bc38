"""What is searched for in one pass: needles, and clues to what only a second look shows."""

from collections.abc import Callable
from dataclasses import dataclass, field

from conformance.canary.forms import Form
from conformance.model.storage import CanaryId


@dataclass(frozen=True, slots=True, kw_only=True)
class Needle:
    """One form of one thing searched for. The label is empty for the run's marker, else it names a secret.

    A `bare` one is searched for as it is: cut up or encoded once more, it is not recognised. A `deep` one is left out
    where only a quick look is wanted. The fingerprint of a prompt names the prompt's canary. What other forms than the atom
    decode to is `read`; their patterns are short, so that what cannot be read is no find.
    """

    form: Form
    label: str = ""
    canary: CanaryId | None = None
    bare: bool = False
    deep: bool = False
    read: Callable[[bytes], CanaryId | None] | None = None
    pattern: bytes = field(init=False, repr=False)
    size: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pattern", self.form.pattern)
        object.__setattr__(self, "size", len(self.form.pattern))


@dataclass(frozen=True, slots=True)
class _Clue:
    """Bytes that call for a second look."""

    pattern: bytes
    size: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", len(self.pattern))


@dataclass(frozen=True, slots=True)
class Fragment(_Clue):
    """A part of a needle, as it is left where a text was cut up. Different ones that weigh 2 together call for a look."""

    weight: int
    text: bytes = b""  # of which text, and where in it
    place: int = 0


@dataclass(frozen=True, slots=True)
class Digits(_Clue):
    """What stands in a run of digits whose decoding is worth while; its unit begins `lead` digits before.

    Where a `stream` may begin in it, the run is believed only once that stream's first bytes decode.
    """

    alphabet: str
    lead: int
    stream: bool


@dataclass(frozen=True, slots=True)
class Beginning(_Clue):
    """Bytes `skip` bytes behind whose first a stream begins, by the number of its opener."""

    opener: int
    skip: int = 0


@dataclass(frozen=True, slots=True)
class Event(_Clue):
    """An event of a streamed answer, whose text comes in pieces of any size."""


Clue = Fragment | Digits | Beginning | Event
