"""The barrier by which a race is proven to overlap: calls wait at the provider until enough are there."""

import asyncio


class Barrier:
    """Holds calls that carry a token until `until` of them wait at once, or `limit` seconds are over."""

    def __init__(self, *, token: str, until: int, limit: float) -> None:
        """`limit` counts from the first call; `until` below 1 holds nothing back."""
        self.token = token
        self.met = until < 1  # whether the calls were really together
        self._until = until
        self._limit = limit
        self._waiting = 0
        self._open = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        if self.met:
            self._open.set()

    async def wait(self) -> None:
        """Wait for the others; a call that is cancelled meanwhile no longer counts."""
        self._waiting += 1
        try:
            self._arrived()
            await self._open.wait()
        finally:
            self._waiting -= 1

    def _arrived(self) -> None:
        if self._open.is_set():
            return
        if self._waiting >= self._until:
            self.met = True
            self.release()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._limit, self._open.set)

    def fewer(self) -> None:
        """One call fewer is awaited: it was answered without getting here."""
        self._until -= 1
        if 0 < self._until <= self._waiting:
            self.met = True
            self.release()
        elif self._until < 1:
            self.release()

    def release(self) -> None:
        """Let all go, now and from now on."""
        self._open.set()
        if self._timer is not None:
            self._timer.cancel()
