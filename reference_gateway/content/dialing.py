"""The content plane's end of the channel to the dialer. It names providers by number and gets sockets."""

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from typing import Final

from reference_gateway import dials
from reference_gateway.content.upstream import NothingSentError
from reference_gateway.dials import WordError

_LAST: Final = 2**32 - 1  # of the numbers that a word has room for
_MOST_UNSENT: Final = 4096  # words that the channel had no room for yet
_HEARD_AT_ONCE: Final = 256  # replies in one turn of the loop


class DialerClient:
    """Implements `upstream.Dialer`, on the event loop that first dials. Without its dialer it reaches nobody.

    `on_lost` is called once, when the dialer is gone.
    """

    def __init__(self, channel: socket.socket, on_lost: Callable[[], None] = lambda: None) -> None:
        channel.setblocking(False)
        self._channel = channel
        self._on_lost = on_lost
        self._waiting: dict[int, asyncio.Future[socket.socket]] = {}
        self._unsent: deque[bytes] = deque()
        self._seq = 0
        self._listening = False
        self._lost = False

    async def dial(self, provider: int) -> socket.socket:
        """See `Dialer`."""
        if self._lost or len(self._unsent) >= _MOST_UNSENT:
            raise NothingSentError(timed_out=False)
        loop = asyncio.get_running_loop()
        if not self._listening:
            self._listening = True
            loop.add_reader(self._channel, self._readable)
        self._seq = seq = self._seq % _LAST + 1
        future: asyncio.Future[socket.socket] = loop.create_future()
        self._waiting[seq] = future
        self._unsent.append(dials.request(seq, provider))
        self._flush()
        try:
            return await future
        except asyncio.CancelledError:
            _close_if_dialled(future)
            raise

    def _flush(self) -> None:
        """Says what there is room for; the rest when there is room again."""
        loop = asyncio.get_running_loop()
        while self._unsent:
            try:
                self._channel.send(self._unsent[0])
            except BlockingIOError:
                loop.add_writer(self._channel, self._flush)
                return
            except OSError:
                self._lose()
                return
            self._unsent.popleft()
        loop.remove_writer(self._channel)

    def _readable(self) -> None:
        # One by one, replies would fill the channel while a busy loop takes its turns.
        for _ in range(_HEARD_AT_ONCE):
            try:
                word, descriptors, _, _ = socket.recv_fds(self._channel, dials.REPLY_BYTES + 1, 1)
            except BlockingIOError:
                return
            except OSError:
                word, descriptors = b"", []
            if not self._understood(word, [socket.socket(fileno=descriptor) for descriptor in descriptors]):
                self._lose()
                return

    def _understood(self, word: bytes, dialled: list[socket.socket]) -> bool:
        """Whether it was a reply. Sockets that nobody waits for are closed."""
        try:
            self._hear(*dials.read_reply(word), dialled)
        except WordError:
            return False
        finally:
            for one in dialled:
                one.close()
        return True

    def _hear(self, seq: int, result: int, dialled: list[socket.socket]) -> None:
        """Takes the socket out of `dialled` where somebody still waits for it."""
        future = self._waiting.pop(seq, None)
        if future is None or future.done():
            return
        if result == dials.CONNECTED and dialled:
            connected = dialled.pop()
            connected.setblocking(False)
            connected.set_inheritable(False)
            future.set_result(connected)
        else:
            future.set_exception(NothingSentError(timed_out=result == dials.TIMED_OUT))

    def _lose(self) -> None:
        self._lost = True
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._channel)
        loop.remove_writer(self._channel)
        self._channel.close()
        self._unsent.clear()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(NothingSentError(timed_out=False))
        self._waiting.clear()
        self._on_lost()


def _close_if_dialled(future: "asyncio.Future[socket.socket]") -> None:
    """The socket may have come in the very turn in which its asker was cancelled."""
    if future.done() and not future.cancelled() and future.exception() is None:
        future.result().close()
