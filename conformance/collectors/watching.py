"""What must be looked at while canaries pass: watches begin before the campaign, and end when the audit does.

A watch is an asynchronous context manager over a session. What it yields is kept in `session.watched` by its type, where
observations of the last phase find it. It never raises: a watch that cannot see says so when it is asked.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TypeVar

from conformance.model.evidence import Evidence
from conformance.session import Session

_Kept = TypeVar("_Kept")
Watch = Callable[[Session], AbstractAsyncContextManager[object]]
_watches: list[tuple[frozenset[type[Evidence]], Watch]] = []


def watch(*serves: type[Evidence]) -> Callable[[Watch], Watch]:
    """Enter a watch: it is kept with every campaign of an audit that looks for evidence of these types."""

    def enter(begin: Watch) -> Watch:
        _watches.append((frozenset(serves), begin))
        return begin

    return enter


@asynccontextmanager
async def watching(session: Session) -> AsyncIterator[None]:
    """Keep every watch that is wanted for as long as the block lasts."""
    async with AsyncExitStack() as begun:
        for serves, begin in _watches:
            if session.wanted is not None and not serves & session.wanted:
                continue
            kept = await begun.enter_async_context(begin(session))
            session.watched[type(kept)] = kept
        yield


def watched(session: Session, kind: type[_Kept]) -> _Kept | None:
    """The watch of a type, where one was kept."""
    kept = session.watched.get(kind)
    return kept if isinstance(kept, kind) else None
