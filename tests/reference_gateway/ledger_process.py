"""A ledger process for tests that kill it: `python -m …ledger_process FILE DESCRIPTOR`, the worker's socket."""

import asyncio
import socket
import sys
from pathlib import Path

import uvloop

from reference_gateway.ledger.book import Book
from reference_gateway.ledger.keys import Hashing
from reference_gateway.ledger.server import LedgerServer
from reference_gateway.ledger.storage.sqlite import open_sqlite
from tests.reference_gateway.ledger_parts import ENVIRONMENT, PRICES


async def serve(path: Path, channel: socket.socket) -> None:
    """As the ledger's role does it, for one worker and until it is killed."""
    book = Book(open_sqlite(path), lambda _event: None, Hashing(), ENVIRONMENT, PRICES)
    LedgerServer(book).add(channel)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]), socket.socket(fileno=int(sys.argv[2]))))
