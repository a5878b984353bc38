"""The operator's commands that start and stop the gateway, and waiting for it to come back."""

import asyncio
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from conformance.model.evidence import CannotObserve
from conformance.model.scale import Fault
from conformance.probes import calls
from conformance.probes.door import Reply
from conformance.session import Session
from conformance.target import Control

COMMAND_SECONDS = 60.0
RETURN_SECONDS = 60.0
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 2.0
ASKED = 40  # requests at most until the gateway is back, by these waits

_NOWHERE = subprocess.DEVNULL
# Kept by program, since one of them may be the gateway, which outlives us.
_STARTED: list[tuple[str, "subprocess.Popen[bytes]"]] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way for a gateway to go: a command, and the one that brings it back where the first does not."""

    name: str
    ends: tuple[str, ...]
    starts: tuple[str, ...] = ()


def ways(control: Control) -> tuple[Way, ...]:
    """The ways that the target file's commands allow."""
    found = []
    if control.restart:
        found.append(Way(name="restarted under way", ends=control.restart))
    if control.start and control.stop:
        found.append(Way(name="stopped under way", ends=control.stop, starts=control.start))
    if control.start and control.kill:
        found.append(Way(name="killed under way", ends=control.kill, starts=control.start))
    return tuple(found)


async def finish(session: Session, command: Sequence[str]) -> None:
    """Run a command to its end. Raises CannotObserve where it fails or does not end."""
    process = await asyncio.to_thread(_launch, session, command)
    try:
        status = await asyncio.to_thread(process.wait, COMMAND_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        await asyncio.to_thread(process.wait)
        raise _broken(command[0], f"did not end within {COMMAND_SECONDS:g} s") from None
    if status:
        raise _broken(command[0], f"ended with status {status}")


async def start(session: Session, command: Sequence[str]) -> None:
    """Run a command that starts the gateway. It may be the gateway: then it goes on when we end."""
    _STARTED.append((command[0], await asyncio.to_thread(_launch, session, command)))


async def back(session: Session, key: str) -> None:
    """Wait until the gateway serves a call. Raises CannotObserve where it does not in time."""
    loop = asyncio.get_running_loop()
    until, wait = loop.time() + RETURN_SECONDS, _FIRST_WAIT
    while not calls.admitted(reply := await _asked(session, key)):
        _reap()
        if loop.time() > until:
            raise CannotObserve(
                f"the gateway did not serve again within {RETURN_SECONDS:g} s after it was started: {calls.told(reply)}",
                fault=Fault.TARGET,
                decide="see in its log why, and repeat the audit when the declared commands bring it back",
            )
        await asyncio.sleep(wait)
        wait = min(2 * wait, _LONGEST_WAIT)
    _reap()


async def _asked(session: Session, key: str) -> Reply:
    return await calls.send(session, calls.chat(session, key, "after a restart"))


def _reap() -> None:
    """Let go of the commands that ended. Raises CannotObserve where one failed."""
    for started in tuple(_STARTED):
        program, process = started
        status = process.poll()
        if status is not None:
            _STARTED.remove(started)
        if status:
            raise _broken(program, f"ended with status {status}")


def _launch(session: Session, command: Sequence[str]) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            command,
            cwd=session.base,
            stdin=_NOWHERE,
            stdout=_NOWHERE,
            stderr=_NOWHERE,
            start_new_session=True,
        )
    except OSError as trouble:
        raise _broken(command[0], f"could not be run: {trouble.strerror or type(trouble).__name__}") from None


def _broken(program: str, what: str) -> CannotObserve:
    return CannotObserve(
        f"the control command {program} {what}",
        fault=Fault.OPERATOR,
        decide="try the commands under `[control]` by hand; each must end once it has done its work",
    )
