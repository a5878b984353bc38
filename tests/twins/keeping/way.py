"""A way of keeping content: what, when, how it is written and where to; and how a host keeps in such ways."""

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path

from tests.twins.keeping.exchange import Exchange
from tests.twins.keeping.moments import When, always
from tests.twins.keeping.parts import What, body
from tests.twins.keeping.sinks import Sink, in_a_file
from tests.twins.keeping.spellings import Spelling, as_it_is

Tell = Callable[[Exchange], None]
Begin = Callable[[Path], Tell]  # from the folder of a host's state

NO_CONTENT = "retention.surfaces-hold-no-content"
SURROUNDS = "retention.what-surrounds-content-is-not-kept"

FOLDER = "kept"  # beside a host's log


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way, in a folder of its own that is declared as a surface.

    `file` is what is declared of that folder where that is not all of it. `labelled`: each behind what its exchange is called.
    `many`: a few of them would not do to be found. `rare`: only a full campaign is sure to make one. `inference`: the kinds of
    endpoint beside chat that must be declared for it to happen, and `config` what the host must allow.
    """

    name: str
    what: What = body
    when: When = always
    how: Spelling = as_it_is
    where: Sink = in_a_file
    file: str = ""
    kind: str = "files"
    fails: str = NO_CONTENT
    labelled: bool = False
    many: bool = False
    rare: bool = False
    inference: tuple[str, ...] = ()
    config: Mapping[str, object] = field(default_factory=dict)

    def locator(self, state: str) -> str:
        """What is declared, as a target file names it; `state` is where the host's state lies."""
        return f"gateway/{state}{FOLDER}/{self.name}{f'/{self.file}' if self.file else ''}"

    def surface(self, state: str) -> str:
        """The declaration."""
        return f'\n[[surfaces]]\nkind = "{self.kind}"\nlocator = "{self.locator(state)}"\nrole = "log"\n'

    def begin(self, folder: Path, most: int = 0) -> Tell:
        """Begin to keep so, below the folder of a host's state; at most so many times, if any number is given."""
        own = folder / FOLDER / self.name
        own.mkdir(parents=True, exist_ok=True)
        (own / "VERSION").write_text("1\n")  # so that there is something to be read from the beginning
        keep = self.where(own)
        left = repeat(None, most) if most and not self.many else repeat(None)

        def tell(exchange: Exchange) -> None:
            if exchange.is_call() and self.when(exchange):
                label = f"{exchange.key} {exchange.id} ".encode() if self.labelled else b""
                for part, _ in zip(self.what(exchange), left, strict=False):
                    keep(label + self.how(part))

        return tell


def begin(ways: Iterable[Way], folder: Path, most: int = 0) -> Tell:
    """Keep in all of these ways; hosts with threads tell of one exchange at a time."""
    tells = [way.begin(folder, most) for way in ways]
    one_by_one = threading.Lock()

    def tell(exchange: Exchange) -> None:
        with one_by_one:
            for each in tells:
                with suppress(OSError):  # a name or an attribute may be too long: so much for that one
                    each(exchange)

    return tell


def surfaces(ways: Iterable[Way], state: str) -> str:
    """The declarations of all of them."""
    return "".join(way.surface(state) for way in ways)
