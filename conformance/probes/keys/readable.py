"""What a key API's own description offers to read, asked for as its administrator."""

from collections.abc import AsyncIterator

from conformance.dialects.speak import Key, KeyApi
from conformance.probes.described import described
from conformance.probes.door import Reply
from conformance.session import Session

MOST = 40  # operations
_SECONDS = 3.0  # for one answer; some streams have no end


async def described_reads(session: Session, api: KeyApi, key: Key) -> AsyncIterator[tuple[str, Reply]]:
    """The answers to GETs that take nothing, or the id of a key alone; none where there is no description of the API."""
    look = api.look(key)
    if look is None:
        return
    base = session.target.key_api_url()
    offered = [one for one in await described(session, base, look.admitted) if one.method == "GET"]
    asked = [one for one in offered if one.takes_id() or one.takes_nothing()]
    asked.sort(key=lambda one: not one.takes_id())
    for one in asked[:MOST]:
        path = one.filled(key.id if one.takes_id() else "")
        yield (
            f"GET {one.path}, as its description offers",
            await session.door.send("GET", base + path, headers=look.admitted, deadline=_SECONDS),
        )
