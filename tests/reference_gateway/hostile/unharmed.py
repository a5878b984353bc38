"""Whether a gateway is well: it serves, says nothing that it may not say, and holds nobody's money."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from reference_gateway.events import Event, Kind
from tests.reference_gateway.gateway import RunningGateway, chat

_QUIET = {Kind.LISTENING, Kind.WORKER_STARTED, Kind.REQUEST}
_LOOKS = 2000
_WORDS = set(Event.__struct_fields__)


@contextmanager
def unharmed(gateway: RunningGateway, key: str) -> Iterator[None]:
    """Nothing that is done inside is any harm to others. Fails otherwise."""
    before = _said(gateway)
    yield
    assert served(gateway, key)
    assert settled(gateway, key)
    assert (gateway.folder / "stderr").read_bytes() == b""
    for event in map(json.loads, _said(gateway)[len(before) :]):
        assert Kind(event["event"]) in _QUIET
        assert event.keys() <= _WORDS
        assert event.get("status", 0) < 500


def served(gateway: RunningGateway, key: str) -> bool:
    """Whether a good call gets its answer."""
    with gateway.client(key) as client:
        return client.post("/v1/chat/completions", json=chat(max_tokens=5)).status_code == 200


def settled(gateway: RunningGateway, key: str) -> bool:
    """Whether all holds are settled after a while; the bound is on looks, between which calls are made."""
    with gateway.client(key) as client:
        for _ in range(_LOOKS):
            if open_holds(gateway) == (0, 0):
                return True
            client.get("/v1/key")
    return False


def open_holds(gateway: RunningGateway) -> tuple[int, int]:
    """How many there are, and how much of everybody's money they hold."""
    path = gateway.folder / "ledger.sqlite3"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as ledger:
        (count,) = ledger.execute("SELECT count(*) FROM reservation").fetchone()
        (amount,) = ledger.execute("SELECT coalesce(sum(reserved), 0) FROM api_key").fetchone()
    return count, amount


def spent(gateway: RunningGateway) -> int:
    """What everybody has spent, in nano-dollars."""
    path = gateway.folder / "ledger.sqlite3"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as ledger:
        (total,) = ledger.execute("SELECT coalesce(sum(total), 0) FROM api_key").fetchone()
    return int(total)


def _said(gateway: RunningGateway) -> list[Any]:
    return (gateway.folder / "stdout").read_bytes().splitlines()
