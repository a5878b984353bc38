"""Arrivals: which of the campaign's canaries reached the provider, and in which calls."""

import asyncio
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from conformance.canary.mint import LENGTH, MARKER
from conformance.witness.ledger import WitnessCall
from conformance.witness.server import Witness

_POLL_SECONDS = 0.01


class Arrival(NamedTuple):
    """A call at the provider, and every expected atom that stands in it in clear."""

    call: WitnessCall
    atoms: frozenset[str]


class Arrivals:
    """Reads each call of the witness once, in whatever order it is asked."""

    def __init__(self, witness: Witness, marker: str) -> None:
        """Calls that came before now are left out."""
        self._witness = witness
        self._pattern = re.compile(rf"{marker}[A-Z2-9]{{{LENGTH - MARKER}}}".encode())
        self._read = witness.mark()
        self._by_atom: dict[str, list[Arrival]] = {}

    def expect(self, atoms: Iterable[str]) -> None:
        """Look for these from now on; whatever else arrives is not remembered."""
        for atom in atoms:
            self._by_atom[atom] = []

    def of(self, atoms: Iterable[str]) -> tuple[Arrival, ...]:
        """The calls in which any of these atoms stands, in their order."""
        self._catch_up()
        found = {arrival.call.number: arrival for atom in atoms for arrival in self._by_atom.get(atom, ())}
        return tuple(found[number] for number in sorted(found))

    async def wait_for(self, atom: str) -> None:
        """Wait until a canary reaches the provider."""
        while True:
            if self.of((atom,)):
                return
            await asyncio.sleep(_POLL_SECONDS)

    def _catch_up(self) -> None:
        for call in self._witness.calls[self._read :]:
            arrival = Arrival(call, frozenset(self._atoms(call)))
            for atom in arrival.atoms:
                self._by_atom[atom].append(arrival)
            self._read += 1

    def _atoms(self, call: WitnessCall) -> Iterable[str]:
        headers = "\n".join(value for _, value in call.headers)
        text = b"\n".join((call.body, call.path.encode(), headers.encode())).upper()
        found = (match.decode() for match in self._pattern.findall(text))
        return (atom for atom in found if atom in self._by_atom)


def held(arrival: Arrival, canaries: Iterable[tuple[str, str]], encoded: Mapping[str, bytes]) -> set[str]:
    """The fields of a request that a call received: their canary in clear, or their content encoded as it was sent."""
    # JSON allows an escape for one of base64's characters (RFC 8259, section 7).
    body = arrival.call.body.replace(b"\\/", b"/") if encoded else b""
    return {
        field
        for field, atom in canaries
        if atom in arrival.atoms or (field in encoded and encoded[field] in body)
    }
