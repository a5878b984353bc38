"""Canaries that say which way they went and in which field, and the search for them in whatever was written."""

import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from conformance.canary.forms import forms
from conformance.canary.mint import LENGTH, Mint
from conformance.scan.engine import Engine, Found
from conformance.scan.search import Needle, Search
from conformance.scan.tally import Tally
from tests.reference_gateway.leaks import TAIL


class Say(Protocol):
    """Says a new canary for a field, on one way."""

    @property
    def way(self) -> str:
        """The name of the way."""

    def __call__(self, field: str, /) -> str: ...


class Canaries:
    """Those of one campaign. Minted from several threads.

    Each is a word of letters and digits, so that it can stand in a header's name as well as in a URL. It begins
    with the marker of its run and ends with `TAIL`, so that either half is found without the other.
    """

    def __init__(self) -> None:
        self._mint = Mint(secrets.token_bytes(32))
        self._lock = threading.Lock()
        self._secrets: dict[str, str] = {"a canary's second half": TAIL}

    def sayer(self, way: str) -> Say:
        """Canaries of one way."""
        return _Sayer(self, way)

    def word(self, way: str, field: str) -> str:
        """A new canary."""
        with self._lock:
            return self._mint.atom(way, field) + TAIL

    def way_of(self, data: bytes) -> str | None:
        """The way of the first canary that lies in the data in clear, or None."""
        start = data.find(self._mint.marker.encode())
        read = self._mint.read(data[start : start + LENGTH].decode("latin-1")) if start >= 0 else None
        return read.path if read else None

    def also(self, name: str, secret: str) -> str:
        """Has a secret searched for as well, each half by itself."""
        middle = len(secret) // 2
        self._secrets |= {f"{name}, first half": secret[:middle], f"{name}, second half": secret[middle:]}
        return secret

    def sightings(self, writings: Mapping[str, bytes]) -> list[str]:
        """Where canaries and secrets lie, in which form and since when: never what stands beside them.

        What could not be unpacked stands there too: an absence needs eyes.
        """
        seen: list[str] = []
        engine = self._engine()
        for name, data in sorted(writings.items()):
            found: list[Found] = []
            tally = Tally()
            engine.scan([data], found.append, tally, name)
            seen += dict.fromkeys(f"{name}: {_told(one)}" for one in found)
            seen += [f"{name}: {gap.reason}" for gap in tally.coverage().gaps if gap.deciding]
        return seen

    def _engine(self) -> Engine:
        needles = [Needle(form=form) for form in forms(self._mint.marker, LENGTH)]
        needles += [
            Needle(form=form, label=label)
            for label, secret in self._secrets.items()
            for form in forms(secret, len(secret))
        ]
        return Engine(Search(needles), self._mint.marker, self._mint.read)


@dataclass(frozen=True, slots=True)
class _Sayer:
    canaries: Canaries
    way: str

    def __call__(self, field: str, /) -> str:
        return self.canaries.word(self.way, field)


def _told(found: Found) -> str:
    what = found.label or "a canary's first half"
    if found.canary is not None:
        what = f"canary of {found.canary.path}, {found.canary.field}"
    return " in ".join((f"{what}, {found.form}", *reversed(found.chain)))
