"""Controls: what shows that a scan sees what the gateway writes to a surface, and that it did not come too early.

The same is written before the campaign and again at the very end: canaries, by the operator's command where one is declared, and
a few requests of our own, which logs tell by a user agent, a path or an identifier. What was written last must be found: who
writes with a delay has then written the campaign's content, too.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from conformance.canary.mint import CONTROLS
from conformance.collectors.counters import counted
from conformance.collectors.following import size_of
from conformance.collectors.kinds.command import environment
from conformance.collectors.reading import settle
from conformance.collectors.run_values import VALUE, public_values, value_control
from conformance.collectors.watching import watch, watched
from conformance.model.evidence import CannotObserve
from conformance.model.storage import Sighting, SurfaceControl, SurfaceScan, SurfaceSize
from conformance.probes import calls
from conformance.probes.door import Answer
from conformance.session import Session
from conformance.target import Surface, Target

_FIRST, _LAST = f"{VALUE}first ", f"{VALUE}last "
_EACH = 3  # canaries and requests, before the campaign and at the end
_PLANT_SECONDS = 10.0
_MOST_WAIT = 120.0  # seconds, however long usage may take to be recorded
_STEP_SECONDS = 0.2
_IN_FILES = {"files", "sqlite"}  # kinds whose locators are paths

Sizes = Mapping[str, SurfaceSize]  # by locator


@dataclass(slots=True)
class Planted:
    """Canaries that the operator's command wrote to one surface, by their numbers; and what went wrong."""

    first: list[int] = field(default_factory=list)
    last: list[int] = field(default_factory=list)
    trouble: str = ""

    def found(self, seen: Collection[int]) -> int:
        """How many of them were seen."""
        return sum(number in seen for number in (*self.first, *self.last))


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """A request of ours: what its user agent says, which stands nowhere else, and what was answered."""

    token: str
    answer: Answer


class Controls:
    """What was written before the campaign, and what is written last."""

    def __init__(self, session: Session) -> None:
        """Nothing is written yet."""
        self._session = session
        self._planted: dict[str, Planted] = {}
        self._first: list[Called] = []
        self._last: list[Called] = []
        self._unanswered = 0  # requests that nobody answered
        self._beside = 0  # requests for what is not there, which not every counter counts
        self._sizes_then: Sizes = {}  # before anything was written last

    async def begin(self) -> None:
        """Write what is written first."""
        await self._plant(last=False)
        self._first = await self._call("first")

    async def end(self) -> bool:
        """Wait until the surfaces stand still, write what is written last, and wait until it may be there.

        Whether they did stand still in the end.
        """
        await asyncio.to_thread(settle, self._sizes)
        self._sizes_then = await asyncio.to_thread(self._sizes)
        self._last = await self._call("last")
        await self._written()
        # After the requests: a log that is not opened for appending is written over what the command appended.
        await self._plant(last=True)
        return await asyncio.to_thread(settle, self._sizes)

    def planted(self, surface: Surface) -> Planted:
        """What was planted on a surface."""
        return self._planted.setdefault(surface.locator, Planted())

    def values(self) -> dict[str, str]:
        """Public values that stores hold by necessity, by label."""
        told = {**self._told(_FIRST, self._first), **self._told(_LAST, self._last)}
        own = set(told.values())
        return told | public_values(value for value in self._session.expected_values if value not in own)

    async def shown(self, surface: Surface, sightings: Sequence[Sighting]) -> tuple[SurfaceControl, ...]:
        """What shows that the scan sees a surface, by what it brought; best first."""
        labels = {sighting.label for sighting in sightings if sighting.label}
        before, then = self._session.before.get(surface.locator), self._sizes_then.get(surface.locator)
        controls = (
            self._planted_control(surface, sightings),
            await counted(self._session, surface, self._unanswered + self._beside),
            self._call_control(labels),
            value_control(labels),
            _canary_control(sightings),
            _growth(before, then) if before is not None and then is not None else None,
        )
        return tuple(control for control in controls if control is not None)

    def behind(self, surface: Surface, sightings: Sequence[Sighting]) -> str:
        """What was written last and is not there, though it should be; empty where all is well, or nothing can be said."""
        planted, seen = self.planted(surface), _controls_seen(sightings)
        if planted.last and not any(number in seen for number in planted.last):
            return f"none of the {len(planted.last)} canaries that `control.plant` wrote last was found"
        labels = {sighting.label for sighting in sightings}
        first, last = _calls_found(labels, _FIRST), _calls_found(labels, _LAST)
        if self._comparable() and first == len(self._first) and not last:
            return f"nothing of the last {len(self._last)} requests was found, though the first ones were"
        return ""

    def _comparable(self) -> bool:
        """Whether the first and the last requests were answered alike, so that they leave the same behind."""
        statuses = {called.answer.status for called in (*self._first, *self._last)}
        return len(statuses) == 1 and min(len(self._first), len(self._last)) == _EACH

    def _told(self, label: str, called: Sequence[Called]) -> dict[str, str]:
        """What tells each request: its user agent, and what the gateway calls it."""
        identifiers = self._session.door.identifiers
        return {
            f"{label}{place} {number}": value
            for place, one in enumerate(called, start=1)
            for number, value in enumerate((one.token, *identifiers.of(one.answer.headers)))
        }

    def _planted_control(self, surface: Surface, sightings: Sequence[Sighting]) -> SurfaceControl | None:
        planted, seen = self.planted(surface), _controls_seen(sightings)
        number = next((number for number in reversed(planted.last) if number in seen), None)
        if number is None:
            return None
        of = len(planted.first) + len(planted.last)
        detail = (
            f"{planted.found(seen)} of {of} planted canaries were found, the last one as {seen[number].how()}"
        )
        return SurfaceControl(kind="planted", decisive=True, detail=detail)

    def _call_control(self, labels: set[str]) -> SurfaceControl | None:
        if not (found := _calls_found(labels, _LAST)):
            return None
        detail = f"{found} of the last {len(self._last)} requests were found"
        return SurfaceControl(kind="request", decisive=True, detail=detail)

    async def _plant(self, *, last: bool) -> None:
        command = self._session.target.control.plant
        if command and self._session.target.environment != "production":
            every = self._session.target.surfaces
            await asyncio.gather(*(self._plant_one(surface, command, last=last) for surface in every))

    async def _plant_one(self, surface: Surface, command: Sequence[str], *, last: bool) -> None:
        planted = self.planted(surface)
        for _ in range(_EACH):
            number = secrets.randbelow(CONTROLS)
            text = self._session.mint.control(number)
            trouble = await self._run(surface, command, text)
            if trouble:
                planted.trouble = trouble
                return
            canary = self._session.mint.read(text)
            (planted.last if last else planted.first).append(canary.sequence if canary else -1)

    async def _run(self, surface: Surface, command: Sequence[str], text: str) -> str:
        """Let the operator's command write a text: what went wrong."""
        base = self._session.base
        locator = str(base / surface.locator) if surface.kind in _IN_FILES else surface.locator
        arguments = [part.replace("{locator}", locator).replace("{text}", text) for part in command]
        nowhere = asyncio.subprocess.DEVNULL
        try:
            process = await asyncio.create_subprocess_exec(
                *arguments, cwd=base, env=environment(surface), stdin=nowhere, stdout=nowhere, stderr=nowhere
            )
            status = await _ended(process)
        except (OSError, TimeoutError) as error:
            return f"the plant command could not be run: {type(error).__name__}"
        return f"the plant command ended with status {status}" if status else ""

    async def _call(self, when: str) -> list[Called]:
        """A few requests, of which stores that log requests tell by the user agent; those that were answered."""
        called = []
        for number in range(1, _EACH + 1):
            token = f"{self._session.tag}-{when}-{number}"
            try:
                answer = await self._ask(token)
            except (CannotObserve, TimeoutError):
                break  # a limit was reached, or nobody answers: what was called stands
            if not isinstance(answer, Answer):
                self._unanswered += 1
                break
            called.append(Called(token=token, answer=answer))
        return called

    async def _ask(self, token: str) -> object:
        """A question for what is not there; and an ordinary call, where a key is at hand and the provider is the witness."""
        session, agent = self._session, {"user-agent": token}
        alive = session.key_api.alive() if session.key_api is not None else ()
        key = session.own_key or (alive[0].secret if alive else "")
        if not key or not session.sees_provider():
            return await session.door.send("GET", f"/{token}", headers=agent)
        await session.door.send(
            "GET", f"/{token}", headers=agent
        )  # for logs that tell paths and no user agents
        self._beside += 1
        asked = calls.chat(session, key, "control call")
        headers = {**asked.headers, **agent}
        return await session.door.send(
            "POST", asked.path, headers=headers, json=asked.body, money=calls.worst_case(session, asked)
        )

    async def _written(self) -> None:
        """Wait until every surface that the campaign changed has changed again, for as long as usage may take at most."""
        session, before = self._session, self._sizes_then
        if not self._last:
            return  # nobody answered
        active = [
            locator
            for locator, size in before.items()
            if locator in session.before and session.before[locator] != size
        ]
        until = asyncio.get_running_loop().time() + waited_for(session.target)
        while asyncio.get_running_loop().time() < until:
            now = await asyncio.to_thread(self._sizes)
            if all(now[locator] != before[locator] for locator in active):
                return
            await asyncio.sleep(_STEP_SECONDS)

    def _sizes(self) -> Sizes:
        session = self._session
        return {surface.locator: size_of(session, surface) for surface in session.target.surfaces}


@watch(SurfaceScan)
@asynccontextmanager
async def controlled(session: Session) -> AsyncIterator[Controls]:
    """Write the first controls. The watches imported above begin before: streams are followed by then, and counters were read."""
    controls = Controls(session)
    await controls.begin()
    yield controls


def waited_for(target: Target) -> float:
    """For how many seconds at most what was written last is waited for: what is recorded of a call is recorded by then."""
    return min(_MOST_WAIT, target.claims.usage_lag)


def controls_of(session: Session) -> Controls:
    """The controls of an audit; such as write nothing first where no content was sent."""
    return watched(session, Controls) or Controls(session)


def _controls_seen(sightings: Iterable[Sighting]) -> Mapping[int, Sighting]:
    return {s.canary.sequence: s for s in sightings if s.canary and s.is_control()}


def _calls_found(labels: Iterable[str], when: str) -> int:
    """How many of our requests are told by one of these labels."""
    return len({label.removeprefix(when).split()[0] for label in labels if label.startswith(when)})


def _canary_control(sightings: Iterable[Sighting]) -> SurfaceControl | None:
    """Whatever was seen of this run shows sight, be it no content: a model's name that nobody serves, a header."""
    seen = {s.canary.sequence for s in sightings if s.canary and not s.is_control() and not s.label}
    if not seen:
        return None
    return SurfaceControl(
        kind="canary", decisive=True, detail=f"{len(seen):,} canaries of this run were found"
    )


def _growth(before: SurfaceSize, now: SurfaceSize) -> SurfaceControl | None:
    if now.bytes <= before.bytes and now.newest <= before.newest:
        return None
    detail = f"{now.bytes - before.bytes:+,} bytes since before the campaign"
    return SurfaceControl(kind="growth", decisive=False, detail=detail)


async def _ended(process: asyncio.subprocess.Process) -> int:
    try:
        async with asyncio.timeout(_PLANT_SECONDS):
            return await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
