"""The gateway with one part replaced: `python -m …twin_process NAME CONFIG READY_FD`."""

import os
import sqlite3
import ssl
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from reference_gateway.app import Ports, run
from reference_gateway.config import Config, load
from reference_gateway.ledger.keys import Hashing
from reference_gateway.ledger.storage.sqlite import SqliteStorage, open_sqlite
from reference_gateway.ledger.wire import (
    AskBalance,
    Authorise,
    Balance,
    Held,
    Ledger,
    Refused,
    Reserve,
    Settle,
    Standing,
)
from reference_gateway.parts import Change, Parts, tls13_only


def tls_12(config: Config) -> ssl.SSLContext:
    context = tls13_only(config)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class Deaf:
    """A ledger that tells nobody when a key is revoked."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def authorise(self, message: Authorise) -> Standing | Refused:
        return await self._ledger.authorise(message)

    async def balance(self, message: AskBalance) -> Balance | Refused:
        return await self._ledger.balance(message)

    async def reserve(self, message: Reserve) -> Held | Refused:
        return await self._ledger.reserve(message)

    def settle(self, message: Settle) -> None:
        self._ledger.settle(message)

    def on_revoked(self, listener: Callable[[int], None]) -> None:
        del listener


class FullDisk:
    """A storage that cannot write a hold."""

    def __init__(self, path: Path) -> None:
        self._storage = open_sqlite(path)

    def __getattr__(self, name: str) -> object:
        return getattr(self._storage, name)

    def reserve(self, message: Reserve, now: int) -> Held | Refused:
        raise sqlite3.OperationalError


def full_disk(path: Path) -> SqliteStorage:
    return FullDisk(path)  # type: ignore[return-value]


def unchanged(parts: Parts) -> Parts:
    return parts


TWINS: dict[str, Change] = {
    "unchanged": unchanged,
    "no-hsts": lambda parts: replace(parts, response_headers=()),
    "tls-1.2": lambda parts: replace(parts, tls_context=tls_12),
    "unsalted": lambda parts: replace(parts, hashing=Hashing(salt=lambda: b"")),
    "deaf": lambda parts: replace(parts, ledger=Deaf),
    "full-disk": lambda parts: replace(parts, storage=full_disk),
}


if __name__ == "__main__":
    name, config, ready = sys.argv[1:]

    def announce(ports: Ports) -> None:
        os.write(int(ready), b'{"port":%d,"admin_port":%d}\n' % (ports.content, ports.admin))
        os.close(int(ready))

    run(load(Path(config)), change=TWINS[name], announce=announce, together=True)
