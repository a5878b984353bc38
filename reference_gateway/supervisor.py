"""Starts, restarts and stops the gateway's processes. It sees no content: channels pass through it closed.

Life of the others as seen from here: a ledger and a dialer, and as many content workers as configured,
each of which lives as long as its ledger and dialer do. When either is lost, workers refuse calls until
their replacements are ready.
"""

import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from reference_gateway import control
from reference_gateway.children import Child, Start
from reference_gateway.config import ConfigError
from reference_gateway.events import Emit, Event, Kind

_FIRST_DELAY: Final = 0.05  # seconds until a lost process is started again
_LAST_DELAY: Final = 5.0
_HEALTHY_SECONDS: Final = 10.0
_GRACE_SECONDS: Final = 10.0


class Role(Enum):
    """What a child is."""

    LEDGER = auto()
    DIALER = auto()
    WORKER = auto()


class State(Enum):
    """Where in its life a child is."""

    STARTING = auto()
    READY = auto()
    LAME = auto()  # refuses calls; ends when its replacement is ready
    STOPPING = auto()


_LOST: Final = {
    Role.LEDGER: Kind.LEDGER_LOST,
    Role.DIALER: Kind.DIALER_LOST,
    Role.WORKER: Kind.WORKER_LOST,
}


@dataclass(eq=False, slots=True)
class Member:
    """A child and the supervisor's end of its leash."""

    role: Role
    child: Child
    leash: socket.socket
    state: State = State.STARTING
    began: float = field(default_factory=time.monotonic)

    def say(self, word: bytes, passed: socket.socket | None = None) -> None:
        """Sends a word, perhaps with a descriptor; a child that is gone is noticed elsewhere."""
        try:
            socket.send_fds(self.leash, [word], [passed.fileno()] if passed else [])
        except OSError:
            return


@dataclass(slots=True)
class _Patience:
    """When a role may be started again: at once the first time, ever later while it keeps failing."""

    delay: float = 0.0
    not_before: float = 0.0

    def lost(self, lived: float) -> None:
        self.delay = 0.0 if lived > _HEALTHY_SECONDS else min(max(2 * self.delay, _FIRST_DELAY), _LAST_DELAY)
        self.not_before = time.monotonic() + self.delay

    def now(self) -> bool:
        return time.monotonic() >= self.not_before


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """What the children do, given their ends of the channels."""

    ledger: Callable[[control.Leash], None]
    dialer: Callable[[control.Leash], None]
    worker: Callable[[control.Leash, socket.socket, socket.socket], None]


class Supervisor:
    """One gateway's life. `content` and `admin` are the bound listeners."""

    def __init__(
        self,
        roles: Roles,
        start: Start,
        emit: Emit,
        *,
        content: socket.socket,
        admin: socket.socket,
        workers: int,
        stop_seconds: float,
    ) -> None:
        self._roles = roles
        self._start = start
        self._emit = emit
        self._content = content
        self._admin = admin
        self._wanted = workers
        self._stop_seconds = stop_seconds
        self._members: list[Member] = []
        self._selector = selectors.DefaultSelector()
        self._patience = {role: _Patience() for role in Role}
        self._signals: list[int] = []
        self._announced = False

    def run(self, announce: Callable[[], None]) -> None:
        """Until SIGTERM or SIGINT; a second one ends what is under way. SIGHUP replaces the workers.

        `announce` is called once all are ready. Raises ConfigError when one of them cannot start.
        """
        with self._woken_by_signals():
            try:
                while not self._told_to_stop():
                    self._fill()
                    self._retire()
                    if not self._announced and self._all_ready():
                        self._announced = True
                        announce()
                    self._listen(self._pause())
                self._stop()
            finally:
                self._end_all()

    # --- keeping the house full ---

    def _fill(self) -> None:
        for role in (Role.LEDGER, Role.DIALER):
            if not self._of(role) and self._patience[role].now():
                self._add_plain(role)
        ledger, dialer = self._ready(Role.LEDGER), self._ready(Role.DIALER)
        while ledger and dialer and len(self._serving()) < self._wanted and self._patience[Role.WORKER].now():
            self._add_worker(ledger, dialer)

    def _retire(self) -> None:
        """Stops lame workers once others serve in their place."""
        if sum(worker.state is State.READY for worker in self._of(Role.WORKER)) < self._wanted:
            return
        for worker in self._of(Role.WORKER):
            if worker.state is State.LAME:
                self._dismiss(worker)

    def _add_plain(self, role: Role) -> None:
        ours, theirs = control.leash()
        body = self._roles.ledger if role is Role.LEDGER else self._roles.dialer
        shared = (self._admin.fileno(),) if role is Role.LEDGER else ()
        self._enter(
            role,
            ours,
            self._start(lambda: body(control.Leash(theirs)), [theirs], shared, mute=role is not Role.LEDGER),
        )

    def _add_worker(self, ledger: Member, dialer: Member) -> None:
        ours, theirs = control.leash()
        money, to_ledger = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        dials, to_dialer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ledger.say(control.ADD, money)
        dialer.say(control.ADD, dials)
        child = self._start(
            lambda: self._roles.worker(control.Leash(theirs), to_ledger, to_dialer),
            [theirs, to_ledger, to_dialer],
            [self._content.fileno()],
            mute=True,
        )
        # Kept here, the ends of a dead child would never be seen to close.
        money.close()
        dials.close()
        self._enter(Role.WORKER, ours, child)

    def _enter(self, role: Role, leash: socket.socket, child: Child) -> None:
        leash.setblocking(False)
        member = Member(role, child, leash)
        self._members.append(member)
        self._selector.register(leash, selectors.EVENT_READ, member)

    # --- what happens to them ---

    def _listen(self, seconds: float | None) -> None:
        for key, _ in self._selector.select(seconds):
            if isinstance(key.data, Member):
                self._hear(key.data)
            else:
                self._signals += os.read(key.fd, 64)

    def _hear(self, member: Member) -> None:
        try:
            word = member.leash.recv(control.MAX_WORD)
        except BlockingIOError:
            return
        except OSError:
            word = b""
        if word == control.READY and member.state is State.STARTING:
            member.state = State.READY
            if member.role is Role.WORKER:
                self._emit(Event(event=Kind.WORKER_STARTED, process=member.child.number or None))
        elif word == control.LAME and member.state is not State.STOPPING:
            member.state = State.LAME
        elif word.startswith(control.FAILED) and member.state is State.STARTING and not self._announced:
            # From none that serves already: it might have had content to say it with.
            raise ConfigError(word[1:].decode("utf-8", "replace"))
        elif not word:
            self._lost(member)

    def _lost(self, member: Member) -> None:
        self._leave(member)
        if member.state is State.STOPPING:
            return
        if not self._announced:
            raise ConfigError("a process of the gateway ended before it was ready")
        self._emit(Event(event=_LOST[member.role], process=member.child.number or None))
        if member.role is not Role.WORKER or member.state is not State.LAME:
            self._patience[member.role].lost(time.monotonic() - member.began)
        if member.role is not Role.WORKER:
            for worker in self._of(Role.WORKER):
                worker.state = State.LAME

    def _leave(self, member: Member) -> None:
        self._selector.unregister(member.leash)
        member.leash.close()
        self._members.remove(member)
        if not member.child.reap(_GRACE_SECONDS):
            member.child.kill()
            member.child.reap(_GRACE_SECONDS)

    def _dismiss(self, member: Member) -> None:
        member.state = State.STOPPING
        member.say(control.STOP)

    # --- the end ---

    def _told_to_stop(self) -> bool:
        while self._signals:
            number = self._signals.pop(0)
            if number in (signal.SIGTERM, signal.SIGINT):
                return True
            for worker in self._of(Role.WORKER):
                if worker.state is State.READY:
                    worker.state = State.LAME
        return False

    def _stop(self) -> None:
        """Workers first: what they settle must find a ledger."""
        self._emit(Event(event=Kind.STOPPING))
        for role, seconds in (
            (Role.WORKER, self._stop_seconds + _GRACE_SECONDS),
            (Role.LEDGER, _GRACE_SECONDS),
            (Role.DIALER, _GRACE_SECONDS),
        ):
            for member in self._of(role):
                self._dismiss(member)
            self._await_end(role, time.monotonic() + seconds)

    def _await_end(self, role: Role, deadline: float) -> None:
        while self._of(role) and time.monotonic() < deadline:
            self._listen(min(0.5, max(0.0, deadline - time.monotonic())))
            if self._signals:
                self._signals.clear()
                for member in self._of(role):
                    member.say(control.STOP)

    def _end_all(self) -> None:
        for member in tuple(self._members):
            member.child.kill()
            self._leave(member)
        self._selector.close()

    # --- who is there ---

    def _of(self, role: Role) -> list[Member]:
        return [member for member in self._members if member.role is role]

    def _ready(self, role: Role) -> Member | None:
        return next((member for member in self._of(role) if member.state is State.READY), None)

    def _serving(self) -> list[Member]:
        return [worker for worker in self._of(Role.WORKER) if worker.state in (State.STARTING, State.READY)]

    def _all_ready(self) -> bool:
        return bool(self._members) and all(member.state is State.READY for member in self._members)

    def _pause(self) -> float | None:
        """Until somebody may be started again, if anybody is missing."""
        missing = [role for role in (Role.LEDGER, Role.DIALER) if not self._of(role)]
        if len(self._serving()) < self._wanted:
            missing.append(Role.WORKER)
        waits = [self._patience[role].not_before - time.monotonic() for role in missing]
        waits = [wait for wait in waits if wait > 0]
        return min(waits) if waits else None

    @contextmanager
    def _woken_by_signals(self) -> Iterator[None]:
        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        heard = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        before = {number: signal.signal(number, lambda *_: None) for number in heard}
        wakeup = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        self._selector.register(reader, selectors.EVENT_READ)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            reader.close()
            writer.close()


def bound(host: str, port: int, place: str) -> socket.socket:
    """A bound socket, not listening yet. Raises ConfigError when the address is taken or not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigError(f"{place} {host}:{port}: cannot listen ({error.strerror})") from None
    return listener
