"""The content plane's end of the socket to the ledger: questions with answers, notices without, news.

There is no way back from a loss: this process can make no connection, so its supervisor replaces it.
"""

import asyncio
import heapq
import socket
from collections.abc import Callable
from typing import Any, Final

from reference_gateway.ledger import wire
from reference_gateway.ledger.numbers import Numbers
from reference_gateway.ledger.wire import (
    ANSWER_BYTES,
    Answer,
    AskBalance,
    Authorise,
    Balance,
    Finished,
    FrameError,
    Greeting,
    Held,
    LedgerDownError,
    News,
    Outcome,
    Question,
    Refused,
    Reserve,
    Revoked,
    Settle,
    Standing,
)

_READ: Final = 1 << 16  # bytes
_LAST: Final = 2**32 - 1  # of the numbers that a frame has room for


class LedgerClient:
    """Implements `wire.Ledger` over a connected stream socket, on the event loop that `open` runs in.

    What is said in one turn of the loop is sent together, in the order in which it was said. `settle` sends
    at once, so that no client can have an answer whose bill is still in this process.
    """

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.alive = True
        self._connection = connection
        self._on_lost: Callable[[], None] = lambda: None
        self._listeners: list[Callable[[int], None]] = []
        self._greeted: asyncio.Future[bytes] | None = None
        self._epoch = b""
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._seq = 0
        self._incoming = b""
        self._outgoing = bytearray()
        self._flushing = False  # a flush is due
        self._blocked = False  # the socket is full
        self._begun = 0
        self._numbers = Numbers()
        self._late: list[tuple[int, Finished]] = []  # a heap: too far ahead of what is still under way

    async def open(self, on_lost: Callable[[], None]) -> None:
        """Waits for the greeting. `on_lost` is called once, when the ledger is gone. Raises LedgerDownError."""
        self._on_lost = on_lost
        loop = asyncio.get_running_loop()
        self._greeted = loop.create_future()
        loop.add_reader(self._connection, self._readable)
        self._epoch = await self._greeted

    def close(self) -> None:
        """Says what was not said yet, and hangs up. Nobody is told of it as of a loss."""
        self._on_lost = lambda: None
        self._flush()
        self._lose()

    def on_revoked(self, listener: Callable[[int], None]) -> None:
        """See `Ledger`."""
        self._listeners.append(listener)

    async def authorise(self, message: Authorise) -> Standing | Refused:
        """See `Ledger`."""
        answer = await self._ask(message)
        assert isinstance(answer, Standing | Refused)  # noqa: S101 - the ledger is trusted
        return answer

    async def balance(self, message: AskBalance) -> Balance | Refused:
        """See `Ledger`."""
        answer = await self._ask(message)
        assert isinstance(answer, Balance | Refused)  # noqa: S101 - as above
        return answer

    async def reserve(self, message: Reserve) -> Held | Refused:
        """See `Ledger`. A hold whose asker has gone meanwhile is given back: nothing was sent for it."""
        answer = await self._ask(message)
        assert isinstance(answer, Held | Refused)  # noqa: S101 - as above
        return answer

    def settle(self, message: Settle) -> None:
        """See `Ledger`. Where the socket is full it waits in order; a hold that is never settled is charged."""
        if self.alive:
            self._outgoing += wire.notice_frame(message)
            self._flush()

    def next_request(self) -> tuple[int, int]:
        """(number, id) of a request that begins. Each number has to come back in `finished`."""
        number = self._begun
        self._begun += 1
        if number == _LAST:
            self._lose()
        return number, wire.request_id(self._epoch, number)

    def finished(self, message: Finished) -> None:
        """Says that a request is over, once for each number.

        Very many open requests that began before it delay this, since the ledger allows only so many gaps.
        """
        if not self.alive:
            return
        heapq.heappush(self._late, (message.number, message))
        while self._late and self._numbers.take(self._late[0][0]):
            _, due = heapq.heappop(self._late)
            self._send_soon(wire.notice_frame(due))

    async def _ask(self, message: Question) -> Answer:
        if not self.alive:
            raise LedgerDownError
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        seq = self._next_seq()
        self._waiting[seq] = future
        self._send_soon(wire.question_frame(seq, message))
        try:
            return await future
        except asyncio.CancelledError:
            # The answer may have come in the very turn in which the asker was cancelled.
            if future.done() and not future.cancelled() and future.exception() is None:
                self._give_back(future.result())
            raise

    def _next_seq(self) -> int:
        while True:
            self._seq = self._seq % _LAST + 1
            if self._seq not in self._waiting:
                return self._seq

    def _give_back(self, answer: Answer) -> None:
        if isinstance(answer, Held):
            self.settle(Settle(rid=answer.rid, outcome=Outcome.NOTHING_SENT))

    def _send_soon(self, frame: bytes) -> None:
        self._outgoing += frame
        if not self._flushing:
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        if not self.alive or not self._outgoing:
            return
        try:
            sent = self._connection.send(self._outgoing)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._lose()
            return
        del self._outgoing[:sent]
        self._block(bool(self._outgoing))

    def _block(self, blocked: bool) -> None:
        if blocked == self._blocked:
            return
        self._blocked = blocked
        loop = asyncio.get_running_loop()
        if blocked:
            loop.add_writer(self._connection, self._flush)
        else:
            loop.remove_writer(self._connection)

    def _readable(self) -> None:
        try:
            data = self._connection.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose()
            return
        unread = self._incoming + data
        whole = len(unread) - len(unread) % ANSWER_BYTES
        self._incoming = unread[whole:]
        try:
            for at in range(0, whole, ANSWER_BYTES):
                self._hear(*wire.read_answer(unread[at : at + ANSWER_BYTES]))
        except FrameError:
            self._lose()

    def _hear(self, seq: int, message: Answer | News) -> None:
        match message:
            case Greeting(epoch):
                if self._greeted is not None and not self._greeted.done():
                    self._greeted.set_result(epoch)
            case Revoked(key_id):
                # Later in this turn's queue than whoever was just told of a hold: their stream is registered by then.
                for listener in self._listeners:
                    asyncio.get_running_loop().call_soon(listener, key_id)
            case _:
                self._answer(seq, message)

    def _answer(self, seq: int, answer: Answer) -> None:
        future = self._waiting.pop(seq, None)
        if future is None:
            raise FrameError
        if future.cancelled():
            self._give_back(answer)
        else:
            future.set_result(answer)

    def _lose(self) -> None:
        if not self.alive:
            return
        self.alive = False
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._connection)
        loop.remove_writer(self._connection)
        self._connection.close()
        waiting: list[asyncio.Future[Any]] = [*self._waiting.values()]
        if self._greeted is not None:
            waiting.append(self._greeted)
        self._waiting.clear()
        for future in waiting:
            if not future.done():
                future.set_exception(LedgerDownError())
        self._on_lost()
