"""The ledger's end of the sockets: what all workers have said by now becomes one batch.

A worker that sends what is no message, or that does not read what it is told, is hung up on.
"""

import asyncio
import secrets
import select
import socket
from typing import Final

from reference_gateway.ledger import wire
from reference_gateway.ledger.book import Book, Said
from reference_gateway.ledger.connection import Connection
from reference_gateway.ledger.wire import REQUEST_BYTES, FrameError, Greeting, News

_READ: Final = 1 << 18  # bytes; more than a socket's buffer usually holds
_MAX_UNREAD: Final = 1 << 18  # bytes of answers that a worker may leave lying


class _Peer:
    """One worker's socket."""

    __slots__ = ("connection", "incoming", "outgoing", "socket", "watched")

    def __init__(self, end: socket.socket) -> None:
        self.socket = end
        self.connection = Connection(secrets.token_bytes(wire.EPOCH))
        self.incoming = b""
        self.outgoing = bytearray()
        self.watched = select.EPOLLIN


class LedgerServer:
    """Serves workers on the running event loop. Implements `Channels` for the book."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._peers: dict[int, _Peer] = {}  # by descriptor
        self._of: dict[Connection, _Peer] = {}
        # One descriptor for the loop, so that all that is readable is found in one call.
        self._poll = select.epoll()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._poll.fileno(), self.catch_up)
        book.attach(self)

    def add(self, connection: socket.socket) -> None:
        """A new worker's channel, a stream socket; it is closed here. The worker is greeted."""
        connection.setblocking(False)
        peer = _Peer(connection)
        self._peers[connection.fileno()] = self._of[peer.connection] = peer
        self._poll.register(connection, select.EPOLLIN)
        peer.outgoing += wire.news_frame(Greeting(peer.connection.epoch))
        self._send(peer)

    def catch_up(self) -> None:
        """Reads what is there, does it, answers. See `Channels`."""
        batch: list[Said] = []
        ended: list[_Peer] = []
        for descriptor, happened in self._poll.poll(0):
            peer = self._peers[descriptor]
            if happened & select.EPOLLOUT:
                self._send(peer)
            if happened & ~select.EPOLLOUT and not self._read(peer, batch):
                ended.append(peer)
        if batch:
            self._answer(batch)
        for peer in ended:
            self._hang_up(peer)

    def tell(self, news: News) -> None:
        """See `Channels`."""
        frame = wire.news_frame(news)
        for peer in tuple(self._peers.values()):
            peer.outgoing += frame
            self._send(peer)

    def close(self) -> None:
        """Hears what was said, charges what is still held, and closes the book."""
        self.catch_up()
        for peer in tuple(self._peers.values()):
            self._hang_up(peer)
        self._loop.remove_reader(self._poll.fileno())
        self._poll.close()
        self._book.close()

    def _read(self, peer: _Peer, batch: list[Said]) -> bool:
        """Adds whole messages to the batch; False when no more will come, or none that should be heard."""
        try:
            data = peer.socket.recv(_READ)
        except BlockingIOError:
            return True
        except OSError:
            return False
        unread = peer.incoming + data
        whole = len(unread) - len(unread) % REQUEST_BYTES
        peer.incoming = unread[whole:]
        try:
            # A generator, so that what came before a frame that is none is heard all the same.
            batch.extend(
                (peer.connection, *wire.read_request(unread[at : at + REQUEST_BYTES]))
                for at in range(0, whole, REQUEST_BYTES)
            )
        except FrameError:
            return False
        return bool(data)

    def _answer(self, batch: list[Said]) -> None:
        answered: dict[_Peer, None] = {}
        for connection, seq, answer in self._book.answer(batch):
            peer = self._of[connection]
            peer.outgoing += wire.answer_frame(seq, answer)
            answered[peer] = None
        for peer in answered:
            self._send(peer)
        for peer in tuple(self._peers.values()):
            if peer.connection.broken:
                self._hang_up(peer)

    def _send(self, peer: _Peer) -> None:
        try:
            sent = peer.socket.send(peer.outgoing)
        except BlockingIOError:
            sent = 0
        except OSError:
            # It hears nothing more. What it said before may lie unread, and the end of that shows by a read.
            peer.outgoing.clear()
            return
        del peer.outgoing[:sent]
        if len(peer.outgoing) > _MAX_UNREAD:
            self._hang_up(peer)
            return
        watched = select.EPOLLIN | (select.EPOLLOUT if peer.outgoing else 0)
        if watched != peer.watched:
            self._poll.modify(peer.socket, watched)
            peer.watched = watched

    def _hang_up(self, peer: _Peer) -> None:
        if self._peers.pop(peer.socket.fileno(), None) is None:
            return  # by now it has been done
        del self._of[peer.connection]
        self._poll.unregister(peer.socket)
        peer.socket.close()
        self._book.lost(peer.connection)
