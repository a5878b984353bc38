"""Everything that goes wrong around an audit: on the roads, with the gateway's process, with the suite's own."""

import random
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.house import House, limit_files
from tests.faults.weather import KINDS, Kind, Weather, draw

Strike = Callable[["Disturbance", House, "subprocess.Popen[str]"], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """One disturbance. `strike` happens at `moment`, a fraction of what the undisturbed audit takes, after the audit began."""

    name: str
    front: Weather | None = None  # between suite and gateway
    back: Weather | None = None  # between gateway and witness
    strike: Strike | None = None
    moment: float = 0.0
    seconds: float = 0.0  # how long a process stays stopped, or a host down
    room: int = 0  # bytes that a file may still have on a full disk
    spares_suite: bool = True  # the audit can end, and assess what it saw

    def __str__(self) -> str:
        """In a few words, for the line of a trial."""
        parts = [self.name]
        parts += [f"front: {self.front}"] if self.front else []
        parts += [f"back: {self.back}"] if self.back else []
        parts += [f"at {self.moment:.2f}"] if self.strike else []
        parts += [f"for {self.seconds:.2f} s"] if self.seconds else []
        parts += [f"room {self.room} B"] if self.room else []
        return ", ".join(parts)


def drawn(name: str, source: random.Random) -> Disturbance:
    """A disturbance of a class, its particulars left to chance."""
    return CLASSES[name](name, source)


def _front(kind: Kind) -> Callable[[str, random.Random], Disturbance]:
    return lambda name, source: Disturbance(name=name, front=draw(source, kind))


def _back(name: str, source: random.Random) -> Disturbance:
    return Disturbance(name=name, back=draw(source, source.choice(KINDS)))


def _storm(name: str, source: random.Random) -> Disturbance:
    return Disturbance(name=name, front=draw(source, *KINDS), back=draw(source, *KINDS))


def _striking(
    strike: Strike, *, longest: float = 0.0, rooms: tuple[int, ...] = (0,), spares_suite: bool = True
) -> Callable[[str, random.Random], Disturbance]:
    return lambda name, source: Disturbance(
        name=name,
        strike=strike,
        moment=source.uniform(0.0, 0.85),
        seconds=source.uniform(longest / 2, longest),
        room=source.choice(rooms),
        spares_suite=spares_suite,
    )


def _kill_gateway(_what: Disturbance, house: House, _audit: "subprocess.Popen[str]") -> None:
    house.kill()


def _restart_gateway(what: Disturbance, house: House, _audit: "subprocess.Popen[str]") -> None:
    house.kill()
    time.sleep(what.seconds)
    house.start()


def _pause_gateway(what: Disturbance, house: House, _audit: "subprocess.Popen[str]") -> None:
    house.send(signal.SIGSTOP)
    time.sleep(what.seconds)
    house.send(signal.SIGCONT)


def _fill_gateways_disk(what: Disturbance, house: House, _audit: "subprocess.Popen[str]") -> None:
    house.fill_disk(what.room)


def _interrupt_suite(_what: Disturbance, _house: House, audit: "subprocess.Popen[str]") -> None:
    audit.send_signal(signal.SIGINT)


def _kill_suite(_what: Disturbance, _house: House, audit: "subprocess.Popen[str]") -> None:
    audit.kill()


def _fill_suites_disk(what: Disturbance, _house: House, audit: "subprocess.Popen[str]") -> None:
    if audit.poll() is None:
        limit_files(audit.pid, what.room)


CLASSES: dict[str, Callable[[str, random.Random], Disturbance]] = {
    **{f"front-{kind}": _front(kind) for kind in KINDS},
    "back": _back,
    "storm": _storm,
    "gateway-killed": _striking(_kill_gateway),
    "gateway-restarted": _striking(_restart_gateway, longest=0.8),
    "gateway-paused": _striking(_pause_gateway, longest=2.0),
    "gateway-disk-full": _striking(_fill_gateways_disk, rooms=(1, 4096, 40_000)),
    "suite-interrupted": _striking(_interrupt_suite),
    "suite-killed": _striking(_kill_suite, spares_suite=False),
    "suite-disk-full": _striking(_fill_suites_disk, rooms=(1, 300, 2000, 20_000), spares_suite=False),
}
