"""What the gateway may say about itself: an enum and integers, one JSON line each.

There is no field for free text, so no event can carry a prompt, a key or an error message.
"""

import os
import select
from collections.abc import Callable
from enum import StrEnum
from typing import Final

import msgspec


class Kind(StrEnum):
    """Everything that can be reported."""

    LISTENING = "listening"
    STOPPING = "stopping"
    STOPPED = "stopped"
    UNCONFINED = "unconfined"  # content workers could write: the operator asked for it
    SWAP_IN_CLEAR = "swap_in_clear"  # what is in memory may reach a disk that is not encrypted
    WORKER_STARTED = "worker_started"
    WORKER_LOST = "worker_lost"
    LEDGER_LOST = "ledger_lost"
    DIALER_LOST = "dialer_lost"
    REQUEST = "request"
    ORPHANS_CHARGED = "orphans_charged"
    PROVIDER_OVERRUN = "provider_overrun"
    INTERNAL_FAULT = "internal_fault"
    LEDGER_FAULT = "ledger_fault"


class Route(StrEnum):
    """Path templates; what the caller typed as a path is never among them."""

    CHAT = "chat"
    COMPLETIONS = "completions"
    RESPONSES = "responses"
    EMBEDDINGS = "embeddings"
    MESSAGES = "messages"
    MODELS = "models"
    OWN_KEY = "own_key"
    HEALTH = "health"
    KEYS = "keys"
    KEY = "key"
    ROTATE = "rotate"
    ACCOUNTS = "accounts"
    ACCOUNT = "account"
    AUDIT = "audit"
    METRICS = "metrics"
    DESCRIPTION = "description"
    UNKNOWN = "unknown"


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line on standard output. `request` is the id that the caller got with its answer (128 bits)."""

    event: Kind
    port: int | None = None
    admin_port: int | None = None
    route: Route | None = None
    status: int | None = None
    milliseconds: int | None = None
    request: int | None = None
    count: int | None = None
    nanodollars: int | None = None
    process: int | None = None


Emit = Callable[[Event], None]

# POSIX: writes up to PIPE_BUF bytes are atomic, and a pipe polls writable when so many fit.
_MAX_LINE: Final = 512
_encoder = msgspec.json.Encoder()


def line_of(event: Event) -> bytes:
    """The event as one JSON line; the request id in hex, since it has more than 64 bits."""
    fields = msgspec.structs.asdict(event)
    named = {name: value for name, value in fields.items() if value is not None}
    if event.request is not None:
        named["request"] = f"{event.request:032x}"
    return _encoder.encode(named) + b"\n"


def descriptor_emitter(descriptor: int) -> Emit:
    """Writes events to a descriptor; an event is dropped rather than stopping the gateway.

    A reader that does not read (a full pipe) or has gone must not hold up a request.
    """

    def emit(event: Event) -> None:
        line = line_of(event)
        # One for each event, because no two threads may use the same at once.
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT)
        ready = poll.poll(0)
        if len(line) <= _MAX_LINE and ready and ready[0][1] & select.POLLOUT:
            try:
                os.write(descriptor, line)
            except OSError:
                return

    return emit
