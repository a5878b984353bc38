"""An owner sent along with a key of one's own: whether it then is among the keys of somebody else's account."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from conformance.dialects.speak import Key, KeyApi, KeyApiTrouble
from conformance.model.money import PICO_PER_USD, to_units
from conformance.probes.keys.acting import named, speaking
from conformance.probes.keys.assigned import along
from conformance.session import Session

_OWNER = re.compile(r"owner|user|account|team|org|tenant|project|workspace|customer", re.IGNORECASE)
_DEPTH = 6  # of objects inside objects
_MOST = 8  # fields


async def moved(session: Session, credential: str, key: Key) -> bool | None:
    """Whether another account, by its admin credential, can put a key among those of the owner of `key`.

    None where answers about the two keys name no owners that differ, or are no answers. What is made is ended again.
    """
    try:
        return await _moved(session, credential, key)
    except KeyApiTrouble:
        return None


async def _moved(session: Session, credential: str, key: Key) -> bool | None:
    api, theirs = session.keys(), speaking(session, session.keys(), credential)
    if api.dialect.read is None or api.dialect.listing is None:
        return None
    made = [await theirs.create("account-moved", PICO_PER_USD)]
    try:
        owners = _owners(await _told(api, key), await _told(theirs, made[0]))
        if not owners:
            return None
        dialect = along(
            along(along(api.dialect, "create", owners), "create_limited", owners), "set_limit", owners
        )
        sending = speaking(session, api, credential, dialect)
        with suppress(KeyApiTrouble):  # refused, as it should be
            made.append(await sending.create("account-moved", PICO_PER_USD))
        if api.dialect.set_limit is not None:
            with suppress(KeyApiTrouble):
                await sending.do("set_limit", made[0], limit=to_units(PICO_PER_USD, api.per_usd))
        return any(named(one, page) for page in await api.pages() for one in made)
    finally:
        for one in made:
            with suppress(KeyApiTrouble):  # of what was moved, the clearing up is its new owner's
                await theirs.revoke(one)


async def _told(api: KeyApi, key: Key) -> Mapping[str, object]:
    return dict(_scalars((await api.read(key)).answer.json(), _DEPTH))


def _scalars(document: Any, depth: int) -> Iterator[tuple[str, object]]:
    """Every field that holds no further ones, whatever it lies in."""
    inner = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    for name, value in inner if depth else ():
        if isinstance(value, dict | list):
            yield from _scalars(value, depth - 1)
        elif isinstance(name, str):
            yield name, value


def _owners(first: Mapping[str, object], second: Mapping[str, object]) -> dict[str, object]:
    """The fields that say whose a key is, as the first has them and the second has not."""
    differing = {name: value for name, value in first.items() if name in second and second[name] != value}
    wanted = {
        name: value
        for name, value in differing.items()
        if _OWNER.search(name) and isinstance(value, str | int) and value
    }
    return dict(list(wanted.items())[:_MOST])
