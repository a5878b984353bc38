"""Accepts connections, and never has more of them at once than its bound.

The event loop's own server is not used: it closes its socket for good when the process has no descriptor
left, it starts as many handshakes as come, and nobody but those who have finished theirs can be counted.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Final

_AT_ONCE: Final = 16  # so that other workers, and requests, get their turn
_PAUSE_SECONDS: Final = 0.1


def _nothing() -> None:
    """Nobody is there to leave."""


class Place:
    """One of the listener's places, from the accept on. `leave` hangs up on whoever has it.

    Who has it waits or works. Where there are no places left, the one who has waited longest gives way to
    who comes: a connection without a request costs its caller nothing, so whoever only waits could keep
    others out.
    """

    def __init__(self, listener: "Listener") -> None:
        self._listener = listener
        self.leave: Callable[[], object] = _nothing

    def wait(self) -> None:
        """Nothing is owed to the one who has it."""
        self._listener.waits(self)

    def work(self) -> None:
        """A request is being served."""
        self._listener.works(self)

    def free(self) -> None:
        """The connection is gone."""
        self.leave = _nothing  # so that what hung on it does not wait for a collector
        self._listener.frees(self)


Greet = Callable[[socket.socket, Place], Awaitable[object]]


class Listener:
    """Starts on the running event loop. `greet` makes a connection of a socket, handshake and all.

    It raises OSError where that fails.
    """

    def __init__(self, listening: socket.socket, most: int, greet: Greet) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = listening
        self._most = most
        self._greet = greet
        self._taken: set[Place] = set()
        self._waiting: dict[Place, None] = {}  # longest first
        self._greetings: set[asyncio.Task[None]] = set()
        self._closed = False
        listening.setblocking(False)

    def open(self, backlog: int) -> None:
        """Accepts from here on."""
        self._socket.listen(backlog)
        self._loop.add_reader(self._socket, self._accept)

    def close(self) -> None:
        """Accepts no more, and hangs up on those who have not finished their handshake."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._socket)
            self._socket.close()
            for greeting in self._greetings:
                greeting.cancel()

    async def wait_closed(self) -> None:
        """Nothing is left to wait for: uvicorn waits for the connections itself."""

    def waits(self, place: Place) -> None:
        """See `Place.wait`."""
        if place in self._taken:
            self._waiting[place] = None

    def works(self, place: Place) -> None:
        """See `Place.work`."""
        self._waiting.pop(place, None)

    def frees(self, place: Place) -> None:
        """See `Place.free`."""
        self._taken.discard(place)
        self._waiting.pop(place, None)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                accepted, _address = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                # No descriptor or no memory is left. What is hung up on gives its own back in the next turn.
                if not self._make_room():
                    self._pause()
                return
            self._take(accepted)

    def _take(self, accepted: socket.socket) -> None:
        if len(self._taken) >= self._most and not self._make_room():
            accepted.close()
            return
        place = Place(self)
        self._taken.add(place)
        greeting = self._loop.create_task(self._welcome(accepted, place))
        place.leave = greeting.cancel
        place.wait()
        self._greetings.add(greeting)
        greeting.add_done_callback(self._greetings.discard)

    async def _welcome(self, accepted: socket.socket, place: Place) -> None:
        try:
            await self._greet(accepted, place)
        except (OSError, asyncio.CancelledError):
            # Cancelled by ourselves only, and there is nothing to clean up above.
            accepted.close()
            place.free()

    def _make_room(self) -> bool:
        place = next(iter(self._waiting), None)
        if place is None:
            return False
        self.frees(place)
        place.leave()
        return True

    def _pause(self) -> None:
        """Instead of a busy loop: whoever knocks goes on knocking."""
        self._loop.remove_reader(self._socket)
        self._loop.call_later(_PAUSE_SECONDS, self._go_on)

    def _go_on(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._socket, self._accept)
