"""Twins that tell what is inside: `python -m …twins NAME CONFIG READY_FD`.

`asked` is the gateway itself, behind its walls, which also tells what its workers have imported and kept.
`loud` is the gateway without its gag, and therefore without walls: whatever Python, asyncio, uvicorn and the
others on the path have to say is written beside the configuration, by each process into a file of its own.
`careless` has faults that hold content, in one process whose output can be seen. `leaky` is careless and
loud, and has a flaw of every other kind besides: what the search must find.
"""

import asyncio
import faulthandler
import gc
import logging
import os
import ssl
import sys
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec

from reference_gateway.app import Ports, run
from reference_gateway.config import Config, load
from reference_gateway.parts import Change, Parts
from reference_gateway.web.asgi import App, Receive, Scope, Send
from tests.reference_gateway.leaks import TAIL
from tests.reference_gateway.leaks.flaws import careless, leaky

#: Asked of a worker.
INSIDE: Final = "/twin/inside"
#: Python's own voices, which are chosen at its start.
LOUD: Final = {
    "PYTHONASYNCIODEBUG": "1",
    "PYTHONDEVMODE": "1",
    "PYTHONFAULTHANDLER": "1",
    "PYTHONWARNINGS": "always",
}

_LOUDEST: Final = 1


def asked(parts: Parts) -> Parts:
    """Nothing is replaced; one path more is answered."""
    return replace(parts, app=answering)


def answering(app: App) -> App:
    """`INSIDE` is answered here, everything else by the gateway."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != INSIDE:
            await app(scope, receive, send)
            return
        data = msgspec.json.encode(inside())
        headers = [(b"content-length", str(len(data)).encode()), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": data, "more_body": False})

    return answer


def inside() -> dict[str, Any]:
    """What this process has imported, and where it keeps canaries."""
    gc.unfreeze()  # what there was before the fork is looked at as well
    gc.collect()
    return {"pid": os.getpid(), "modules": sorted(sys.modules), "kept": list(_kept())}


def _kept() -> Iterator[str]:
    """The types of objects that hold a text with a canary in it."""
    for holder in gc.get_objects():
        for one in gc.get_referents(holder):
            # Longer than what it ends with, which is no canary.
            if isinstance(one, str | bytes | bytearray) and len(one) > len(TAIL) and _is_canary(one):
                yield f"{type(one).__name__} in {type(holder).__name__}"


def _is_canary(text: str | bytes | bytearray) -> bool:
    return TAIL in text if isinstance(text, str) else TAIL.encode() in text


def loud(parts: Parts) -> Parts:
    """Nothing is replaced but the silence around it."""

    def tls_context(config: Config) -> ssl.SSLContext:
        raise_voices(config.ledger_path.parent)
        return parts.tls_context(config)

    return replace(
        parts,
        tls_context=tls_context,
        app=lambda app: answering(overheard(app)),
        admin_app=overheard,
    )


def raise_voices(folder: Path) -> None:
    """In a process that is about to serve: everything that can be said is said, into a file of the folder."""
    said = os.open(folder / f"said-{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(said, stream)
    # What was said before a process is killed must not wait in a buffer.
    sys.stdout = sys.stderr = os.fdopen(said, "w", buffering=1)
    sys.excepthook, sys.unraisablehook = sys.__excepthook__, sys.__unraisablehook__
    threading.excepthook = threading.__excepthook__
    faulthandler.enable(file=sys.stderr, all_threads=True)
    warnings.simplefilter("always")
    logging.disable(logging.NOTSET)
    logging.captureWarnings(capture=True)
    logging.basicConfig(stream=sys.stderr, level=_LOUDEST, force=True, format="%(name)s: %(message)s")
    for name in tuple(logging.root.manager.loggerDict):
        logging.getLogger(name).setLevel(_LOUDEST)


def overheard(app: App) -> App:
    """In a loop that reports whatever it does."""
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.set_exception_handler(None)
    loop.slow_callback_duration = 0.0
    return app


@dataclass(frozen=True, slots=True)
class Twin:
    """How a twin differs, and how it is run."""

    change: Change
    confined: bool = False
    together: bool = False


TWINS: Final = {
    "asked": Twin(asked, confined=True),
    "loud": Twin(loud),
    "careless": Twin(careless, together=True),
    "leaky": Twin(lambda parts: leaky(loud(parts))),
}


if __name__ == "__main__":
    name, config, ready = sys.argv[1:]
    twin = TWINS[name]

    def announce(ports: Ports) -> None:
        os.write(int(ready), b'{"port":%d,"admin_port":%d}\n' % (ports.content, ports.admin))
        os.close(int(ready))

    run(
        load(Path(config)),
        change=twin.change,
        announce=announce,
        confined=twin.confined,
        together=twin.together,
    )
