"""What looks like content and is none: each trap is a way of writing that no check may take for keeping."""

import base64
import gzip
import hashlib
import json
import os
import random
import secrets
import sqlite3
import struct
import tarfile
import threading
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from itertools import count
from pathlib import Path

from backports import zstd

from tests.twins.keeping.exchange import Exchange
from tests.twins.keeping.way import Begin, Tell

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_TEXT = (
    "morning ferry evening train market winter group town please compare ignore all previous instructions and "
    "summarise the meeting for my boss the patient has symptoms password is hunter2 dear sir or madam"
)
_LOGS = ("output.log", "gateway.log")
_LINE = b'{"event":"cache","outcome":"miss","shard":17,"milliseconds":3,"region":"eu-central"}\n'

TRAPS: dict[str, Begin] = {}


def trap(name: str) -> Callable[[Begin], Begin]:
    """Enter a trap, for both hosts."""

    def enter(begin: Begin) -> Begin:
        TRAPS[name] = begin
        return begin

    return enter


def all_at_once(folder: Path) -> Tell:
    """Every trap in one gateway."""
    tells = [begin(folder) for begin in TRAPS.values()]

    def tell(exchange: Exchange) -> None:
        for each in tells:
            each(exchange)

    return tell


def _log(folder: Path) -> Path:
    """The host's own log, which is declared."""
    return next(folder / name for name in _LOGS if (folder / name).exists())


def _lines(write: Callable[[Exchange], str]) -> Begin:
    """A further line in the log for each exchange."""

    def begin(folder: Path) -> Tell:
        log = _log(folder)
        return lambda exchange: _append(log, f"{write(exchange)}\n".encode())

    return begin


def _append(path: Path, data: bytes) -> None:
    with path.open("ab", buffering=0) as file:
        file.write(data)


@trap("ids-of-the-shape-of-canaries")
def ids_of_the_shape_of_canaries(folder: Path) -> Tell:
    """Random ids, 27 characters of the same alphabet, some with the letters that every marker begins with."""

    def line(_exchange: Exchange) -> str:
        ids = ("".join(secrets.choice(_LETTERS) for _ in range(24)) for _ in range(30))
        return "trace " + " ".join(secrets.choice(("QZX", "QZA", "ABC")) + one for one in ids)

    return _lines(line)(folder)


@trap("canaries-of-another-run")
def canaries_of_another_run(folder: Path) -> Tell:
    """What an audit by somebody else left behind: whole canaries with a marker of their own."""
    from conformance.canary.mint import Mint  # only this trap knows what they look like

    mint = Mint(secrets.token_bytes(32))
    return _lines(lambda _: f"old {mint.text(mint.atom('success', 'user'), 200)}")(folder)


@trap("counts-and-lengths")
def counts_and_lengths(folder: Path) -> Tell:
    """Tokens, characters, lines, digits and the like of each request, as usage analytics want them."""

    def line(exchange: Exchange) -> str:
        body = exchange.request
        return json.dumps({
            "bytes": len(body), "words": len(body.split()), "capitals": sum(65 <= byte < 91 for byte in body),
            "histogram": [body.count(bytes([byte])) // 50 for byte in range(97, 123)],
        })  # fmt: skip

    return _lines(line)(folder)


@trap("digests-with-a-salt-that-is-forgotten")
def digests_with_a_salt_that_is_forgotten(folder: Path) -> Tell:
    """Nobody can tell from them whether a prompt came again."""
    return _lines(lambda e: f"tag={hashlib.sha256(os.urandom(16) + e.request).hexdigest()}")(folder)


@trap("ids-that-look-encrypted")
def ids_that_look_encrypted(folder: Path) -> Tell:
    """A receipt for each request: random bytes in base64, in hexadecimal and as they are."""

    def line(_exchange: Exchange) -> str:
        receipt = secrets.token_bytes(200)
        return f"receipt {base64.b64encode(receipt).decode()} {receipt.hex()} {receipt.decode('latin-1')!r}"

    return _lines(line)(folder)


@trap("routes-and-short-ids")
def routes_and_short_ids(folder: Path) -> Tell:
    """The route and the beginning of the id."""
    return _lines(lambda e: f"route={'chat' if e.is_call() else 'other'} id={e.id[:8]} status={e.status}")(
        folder
    )


@trap("words-of-a-dictionary")
def words_of_a_dictionary(folder: Path) -> Tell:
    """Plain text, of which much would do for a prompt."""
    return _lines(lambda _: " ".join(random.choices(_TEXT.split(), k=60)))(folder)


@trap("numbers-like-embeddings")
def numbers_like_embeddings(folder: Path) -> Tell:
    """Vectors of a model's own, in decimals and as floats of 32 bits, beside the log."""
    weights = Path(f"{_log(folder)}.1")

    def line(_exchange: Exchange) -> str:
        vector = [random.uniform(-1, 1) for _ in range(64)]
        _append(weights, struct.pack("<64f", *vector))
        return json.dumps({"weights": vector})

    return _lines(line)(folder)


@trap("large-logs-packed-away")
def large_logs_packed_away(folder: Path) -> Tell:
    """Thirty megabytes beside the log, as they are, in gzip, in Zstandard and in a tar."""
    old = _LINE * (8 * 2**20 // len(_LINE))
    log = _log(folder)
    Path(f"{log}.2").write_bytes(old)
    Path(f"{log}.3.gz").write_bytes(gzip.compress(old, 1))
    Path(f"{log}.4.zst").write_bytes(zstd.compress(old))
    with tarfile.open(f"{log}.5.tar", "w") as archive:
        member = tarfile.TarInfo("gateway.log")
        member.size = len(old)
        archive.addfile(member, BytesIO(old))
    return lambda _exchange: None


@trap("a-database-of-numbers")
def a_database_of_numbers(folder: Path) -> Tell:
    """Beside the log, with a write-ahead log of its own, rows that go and a file that is packed again."""
    store = sqlite3.connect(f"{_log(folder)}.6.sqlite3", check_same_thread=False, isolation_level=None)
    store.executescript(
        "PRAGMA journal_mode = wal; CREATE TABLE IF NOT EXISTS call (status INTEGER, size INTEGER)"
    )
    one_by_one, numbers = threading.Lock(), count(1)

    def tell(exchange: Exchange) -> None:
        with one_by_one, suppress(sqlite3.OperationalError):  # a reader may hold up the packing
            store.execute("INSERT INTO call VALUES (?, ?)", (exchange.status, len(exchange.request)))
            if next(numbers) % 20 == 0:
                store.execute("DELETE FROM call")
                store.execute("VACUUM")

    return tell


@trap("lines-in-utf-16")
def lines_in_utf_16(folder: Path) -> Tell:
    """An old log beside the log, in the encoding of another system."""
    old = Path(f"{_log(folder)}.7")
    return lambda e: _append(old, f"request {e.id} was answered with {e.status}\n".encode("utf-16-le"))
