"""How the gateway is put together and run: a supervisor and its children, or everything in one process."""

import gc
from collections.abc import Callable
from dataclasses import dataclass

from reference_gateway import children
from reference_gateway.config import Config
from reference_gateway.events import Emit, Event, Kind, descriptor_emitter
from reference_gateway.parts import Change, build, same
from reference_gateway.process import drop_exception_texts, silence
from reference_gateway.roles import Gateway
from reference_gateway.supervisor import Roles, Supervisor, bound


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the gateway listens."""

    content: int
    admin: int


def run(
    config: Config,
    *,
    change: Change = same,
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
    parts = change(build(config, emit or descriptor_emitter(1)))
    parts.harden()
    silence()
    drop_exception_texts(parts.emit)
    gateway = Gateway(config=config, parts=parts, confined=confined and not together)
    content = bound(config.host, config.port, "[listen]")
    admin = bound(config.admin_host, config.admin_port, "[admin]")
    ports = Ports(content.getsockname()[1], admin.getsockname()[1])
    roles = Roles(
        ledger=lambda leash: gateway.ledger(leash, admin),
        dialer=gateway.dialer,
        worker=lambda leash, ledger, dialer: gateway.worker(leash, content, ledger, dialer),
    )
    supervisor = Supervisor(
        roles,
        children.thread if together else children.fork,
        parts.emit,
        content=content,
        admin=admin,
        workers=1 if together else config.workers,
        stop_seconds=config.bounds.stop_seconds,
    )

    def announced() -> None:
        parts.emit(Event(event=Kind.LISTENING, port=ports.content, admin_port=ports.admin))
        announce(ports)

    if not gateway.confined:
        parts.emit(Event(event=Kind.UNCONFINED))
    # What is imported by now never changes: without this, each child's first collection would copy it all.
    gc.freeze()
    try:
        supervisor.run(announced)
    finally:
        content.close()
        admin.close()
    parts.emit(Event(event=Kind.STOPPED))
