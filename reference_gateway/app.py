"""How the gateway is put together and run: a supervisor and its children, or everything in one process.

What the children are made of is imported by them, after the fork. The supervisor has no event loop, no TLS and
no HTTP in it: less to attack in the one process that starts all others, and less in memory.
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from reference_gateway import children
from reference_gateway.config import Config
from reference_gateway.control import Leash
from reference_gateway.events import Emit, Event, Kind, descriptor_emitter
from reference_gateway.process import allow_descriptors, drop_exception_texts, harden, silence
from reference_gateway.roles.life import reported
from reference_gateway.supervisor import Roles, Supervisor, bound
from reference_gateway.swap import Swap, swap

if TYPE_CHECKING:
    from reference_gateway.parts import Change, Parts


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the gateway listens."""

    content: int
    admin: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cast:
    """The roles, each of which is imported when it begins. `parts` makes what they are built of."""

    config: Config
    parts: Callable[[], "Parts"]
    confined: bool
    content: socket.socket
    admin: socket.socket

    def ledger(self, leash: Leash) -> None:
        with reported(leash):
            from reference_gateway.roles.ledger import keep_books

            keep_books(self.config, self.parts(), leash, self.admin, confined=self.confined)

    def dialer(self, leash: Leash) -> None:
        with reported(leash):
            from reference_gateway.roles.dialer import dial

            dial(self.config, leash, confined=self.confined)

    def worker(self, leash: Leash, ledger: socket.socket, dialer: socket.socket) -> None:
        with reported(leash):
            from reference_gateway.roles.worker import Worker

            parts = self.parts()
            context = parts.tls_context(self.config)
            worker = Worker(config=self.config, parts=parts, context=context, confined=self.confined)
            worker.live(leash, self.content, ledger, dialer)


def run(
    config: Config,
    *,
    change: "Change | None" = None,
    confined: bool = True,
    together: bool = False,
    announce: Callable[[Ports], None] = lambda _ports: None,
    emit: Emit | None = None,
) -> None:
    """Runs the gateway until it is told to stop; `change` is the seam for twins.

    `confined` puts content workers behind the kernel's walls; `together` runs all roles as threads of this
    process, which cannot be confined. `announce` is called once all are ready. Raises ConfigError
    and HygieneError.
    """
    emit = emit or descriptor_emitter(1)
    harden()
    allow_descriptors()
    silence()
    drop_exception_texts(emit)
    content = bound(config.host, config.port, "[listen]")
    admin = bound(config.admin_host, config.admin_port, "[admin]")
    cast = _Cast(
        config=config,
        parts=_parts(config, emit, change),
        confined=confined and not together,
        content=content,
        admin=admin,
    )
    if together:
        cast.parts()  # the threads share them
    try:
        _supervise(cast, emit, announce, together=together)
    finally:
        content.close()
        admin.close()
    emit(Event(event=Kind.STOPPED))


def _supervise(cast: _Cast, emit: Emit, announce: Callable[[Ports], None], *, together: bool) -> None:
    ports = Ports(cast.content.getsockname()[1], cast.admin.getsockname()[1])
    supervisor = Supervisor(
        Roles(ledger=cast.ledger, dialer=cast.dialer, worker=cast.worker),
        children.thread if together else children.fork,
        emit,
        content=cast.content,
        admin=cast.admin,
        workers=1 if together else cast.config.workers,
        stop_seconds=cast.config.bounds.stop_seconds,
    )

    def announced() -> None:
        emit(Event(event=Kind.LISTENING, port=ports.content, admin_port=ports.admin))
        announce(ports)

    if not cast.confined:
        emit(Event(event=Kind.UNCONFINED))
    if swap() in (Swap.DISK, Swap.UNKNOWN):
        emit(Event(event=Kind.SWAP_IN_CLEAR))
    supervisor.run(announced)


def _parts(config: Config, emit: Emit, change: "Change | None") -> Callable[[], "Parts"]:
    """Makes the parts when it is first asked for them, in whichever process that is."""

    @cache
    def made() -> "Parts":
        from reference_gateway.parts import build

        parts = build(config, emit)
        return change(parts) if change is not None else parts

    return made
