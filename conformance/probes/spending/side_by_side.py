"""Trials that run a few at once, as long as the gateway answers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from conformance.dialects.speak import Key
from conformance.model.spend import Attempt, Family
from conformance.probes import calls
from conformance.probes.door import Answer
from conformance.probes.meter import LimitReached
from conformance.session import Session

_ROOM = 6
_ASKED = 2  # times, until a gateway counts as gone


class Trial(NamedTuple):
    """An attempt that is still to be made, and the family that it will belong to."""

    family: Family
    run: Callable[[], Awaitable[Attempt]]


class SideBySide:
    """Runs trials. Once the gateway does not answer any more, what is left is not tried: each would wait for nothing."""

    def __init__(self, answers: Callable[[], Awaitable[bool]]) -> None:
        """`answers` says whether the gateway answers at all."""
        self.attempts: list[Attempt] = []
        self.not_tried: list[Family] = []
        self._answers = answers
        self._gone = False

    def left_out(self) -> tuple[str, ...]:
        """Why the rest was not tried, if there is one."""
        if not self.not_tried:
            return ()
        why = "the gateway, or what lies before it, stopped answering while keys were spent"
        return (f"{why}: {len(self.not_tried)} further ways were not tried",)

    async def run(self, trials: Sequence[Trial]) -> None:
        """Make all attempts, a few at once, in the order of the trials; the first that cannot go on ends all."""
        room = asyncio.Semaphore(_ROOM)

        async def one(trial: Trial) -> Attempt | None:
            async with room:
                return await self._one(trial)

        tasks = [asyncio.ensure_future(one(trial)) for trial in trials]
        try:
            self.attempts += [made for made in await asyncio.gather(*tasks) if made is not None]
        finally:
            for task in tasks:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(self, trial: Trial) -> Attempt | None:
        if self._gone:
            self.not_tried.append(trial.family)
            return None
        made = await trial.run()
        if not made.control.ample_after and not await self._answers():
            self._gone = True
        return made


async def answers(session: Session, ample: Key) -> bool:
    """Whether a call is answered at all, by whatever status; so it is taken to be where none may be sent any more."""
    try:
        for _ in range(_ASKED):
            if isinstance(await calls.send(session, calls.usual(session, ample.secret, "ample")), Answer):
                return True
    except LimitReached:
        return True
    return False
