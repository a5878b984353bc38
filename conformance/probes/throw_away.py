"""Keys that live for one probe: made by the gateway where it can, invented where it cannot, never taken from the target file."""

import secrets
import string
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from conformance.dialects.speak import Key, KeyApiTrouble
from conformance.session import Session


@dataclass(frozen=True, slots=True)
class ThrowAway:
    """A key to lose. `real`: the gateway made it; else it is invented, and `trouble` says why."""

    secret: str = field(repr=False)
    real: bool
    trouble: str = ""
    key: Key | None = field(default=None, repr=False)  # as the key API knows it, where it is real


@asynccontextmanager
async def throw_away_key(session: Session, purpose: str, limit: int) -> AsyncIterator[ThrowAway]:
    """A key with a limit in picodollars, revoked when the block is left."""
    if session.key_api is None:
        yield ThrowAway(dummy_key(session.own_key), real=False, trouble="no key API is declared")
        return
    try:
        key = await session.key_api.create(purpose, limit)
    except KeyApiTrouble as trouble:
        yield ThrowAway(dummy_key(session.own_key), real=False, trouble=str(trouble))
        return
    try:
        yield ThrowAway(key.secret, real=True, key=key)
    finally:
        with suppress(
            KeyApiTrouble
        ):  # it is tried again when the audit clears up, and named if it still lives
            await session.key_api.revoke(key)


def dummy_key(like: str | None) -> str:
    """An invented key of the same look: separators and the first part are kept, everything else is new."""
    if not like:
        return "sk-" + secrets.token_hex(24)
    first = next((i for i, letter in enumerate(like[:8]) if not letter.isalnum()), -1) + 1
    return like[:first] + "".join(another(letter) for letter in like[first:])


def another(letter: str) -> str:
    """A random letter of the same kind; what is neither letter nor digit stays."""
    for kind in (string.digits, string.ascii_lowercase, string.ascii_uppercase):
        if letter in kind:
            return secrets.choice(kind)
    return letter
