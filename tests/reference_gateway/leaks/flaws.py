"""Flaws that leave content behind, each in one place. The twins that have them are in `twins`."""

import asyncio
import ctypes
import gzip
import logging
import sqlite3
import tempfile
import threading
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from reference_gateway.config import Config
from reference_gateway.content.opener import unsealed
from reference_gateway.content.upstream import Answer, Dialer, HeaderRule, Outbound, Upstream
from reference_gateway.parts import Parts
from reference_gateway.web.asgi import App, Message, Receive, Scope, Send
from tests.reference_gateway.leaks import TAIL

_SET_NAME: Final = 15  # PR_SET_NAME
_kept: list[Any] = []  # what a flaw holds on to


class Unlucky:
    """Cannot even be forgotten in silence."""

    def __init__(self, content: str) -> None:
        self._content = content

    def __del__(self) -> None:
        raise RuntimeError(self._content)


def careless(parts: Parts) -> Parts:
    """Content in the texts of exceptions, wherever one can be raised."""

    def upstream(config: Config, headers: HeaderRule, dialer: Dialer) -> Upstream:
        return _Failing(parts.upstream(config, headers, dialer))

    return replace(parts, upstream=upstream, app=lambda app: _eavesdropping(parts.app(app), blunder))


def leaky(parts: Parts) -> Parts:
    """The same, and content in every place that a process can reach."""

    def spill(content: str) -> None:
        blunder(content)
        for flaw in FLAWS.values():
            flaw(content)

    return replace(careless(parts), app=lambda app: _eavesdropping(parts.app(app), spill))


def blunder(content: str) -> None:
    """Faults that nobody catches."""
    loop = asyncio.get_running_loop()
    loop.create_task(_fail(content))  # noqa: RUF006 - that nobody fetches what becomes of it is the flaw
    loop.call_soon(_fall, content)
    threading.Thread(target=_fall, args=[f"thread {content}"]).start()
    Unlucky(f"unlucky {content}")
    warnings.warn(f"warning {content}", stacklevel=1)
    logging.getLogger("talkative").debug("debugging %s", content)


async def _fail(content: str) -> None:
    raise RuntimeError(f"task {content}")


def _fall(content: str) -> None:
    raise RuntimeError(f"fall {content}")


def _leave_file(content: str) -> None:
    with gzip.open(Path(tempfile.gettempdir()) / "leaky.gz", "ab") as file:
        file.write(content.encode())


def _spool(content: str) -> None:
    spooled = tempfile.TemporaryFile()  # noqa: SIM115 - kept open: that is the flaw
    spooled.write(content.encode())
    spooled.flush()
    _kept.append(spooled)


def _store(content: str) -> None:
    database = sqlite3.connect(Path(tempfile.gettempdir()) / "leaky.sqlite3", isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("CREATE TABLE IF NOT EXISTS leak (content TEXT)")
    database.execute("INSERT INTO leak VALUES (?)", (content,))
    _kept.append(database)


def _rename(content: str) -> None:
    start = content.find("QZX")
    ctypes.CDLL(None).prctl(_SET_NAME, content[start : start + 15].encode(), 0, 0, 0)


def _keep(content: str) -> None:
    _kept.append(content)


FLAWS: Final[dict[str, Callable[[str], None]]] = {
    "file": _leave_file,
    "spool": _spool,
    "database": _store,
    "process name": _rename,
    "object": _keep,
}


def _eavesdropping(app: App, tell: Callable[[str], None]) -> App:
    """Tells what the callers send, and fails with it in the end."""

    async def eavesdrop(scope: Scope, receive: Receive, send: Send) -> None:
        heard: list[bytes] = []

        async def overheard() -> Message:
            message = await receive()
            heard.append(message.get("body", b""))
            return message

        await app(scope, overheard, send)
        content = b"".join(heard).decode("latin-1")
        if TAIL in content:
            tell(content)
            raise RuntimeError(f"application {content}")

    return eavesdrop


class _Failing:
    """An upstream that says in its exception what it was to send."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    @asynccontextmanager
    async def send(self, request: Outbound) -> AsyncIterator[Answer]:
        content = unsealed(request.body).decode()
        if "fail-inside" in content:
            raise RuntimeError(f"upstream {content}")
        async with self._upstream.send(request) as answer:
            yield answer

    async def close(self) -> None:
        await self._upstream.close()
