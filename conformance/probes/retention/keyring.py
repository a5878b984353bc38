"""The keys of the campaign: ample ones, and for each way of being refused one that is."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from conformance.dialects.speak import KeyApi, KeyApiTrouble
from conformance.model.evidence import CannotObserve
from conformance.model.scale import Fault
from conformance.probes.throw_away import dummy_key
from conformance.session import Session

KeyKind = Literal["ample", "none", "wrong", "revoked", "poor", "hurried"]

AMPLE = 3
MADE: tuple[KeyKind, ...] = ("revoked", "poor", "hurried")
"""Kinds that only a key API can make; `hurried` is one whose rate limit may be used up."""
_TINY = 1  # picodollars: rounded up to the smallest limit there is
_KEPT = 12  # characters of a true key by which a gateway may find its record before it sees that the rest is wrong


@dataclass(slots=True)
class Keyring:
    """Secrets by kind, and why some are missing."""

    ample: tuple[str, ...] = field(repr=False)
    made: dict[KeyKind, str] = field(default_factory=dict, repr=False)
    missing: dict[KeyKind, str] = field(default_factory=dict)

    def take(self, kind: KeyKind, number: int) -> str | None:
        """The key for a request of this number; None where it is to carry none."""
        ample = self.ample[number % len(self.ample)]
        match kind:
            case "none":
                return None
            case "wrong":
                return dummy_key(ample) if number % 2 else ample[:_KEPT] + secrets.token_hex(len(ample) // 2)
            case "ample":
                return ample
            case _:
                return self.made[kind]


async def keyring(session: Session) -> Keyring:
    """Make the keys of the campaign. Raises CannotObserve where there is not even one that is served."""
    api = session.key_api
    if api is None:
        if session.own_key is None:
            raise CannotObserve(
                "no key to call with",
                fault=Fault.OPERATOR,
                decide="declare `credentials.key` or an admin key",
            )
        missing = dict.fromkeys(MADE, "no key API is declared")
        return Keyring((session.own_key,), missing=missing)
    ample = [await _made(session, api, f"campaign{number}") for number in range(AMPLE)]
    ring = Keyring(tuple(ample))
    for kind, make in _MAKERS.items():
        try:
            ring.made[kind] = await make(session, api)
        except KeyApiTrouble as trouble:
            ring.missing[kind] = f"such a key could not be made: {trouble}"
    return ring


async def _made(session: Session, api: KeyApi, purpose: str, limit: int | None = None) -> str:
    key = await api.create(purpose, limit)
    session.expected_values += [key.id, key.name]
    return key.secret


async def _revoked(session: Session, api: KeyApi) -> str:
    key = await api.create("revoked")
    await api.revoke(key)
    return key.secret


async def _poor(session: Session, api: KeyApi) -> str:
    return await _made(session, api, "poor", _TINY)


async def _hurried(session: Session, api: KeyApi) -> str:
    return await _made(session, api, "hurried")


_MAKERS: dict[KeyKind, Callable[[Session, KeyApi], Awaitable[str]]] = {
    "revoked": _revoked,
    "poor": _poor,
    "hurried": _hurried,
}
