"""Running the campaign: all paths mixed, spread over keys and connections, and never stuck on one of them."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from conformance.probes.retention.keepsakes import Keepsakes
from conformance.probes.retention.letters import Letter, Writer
from conformance.probes.retention.path import Desk, Path, Stage
from conformance.probes.retention.sending import Sent

_AT_ONCE = 12
_SILENT = frozenset({"timeout", "refused", "unreachable"})
_SILENCES = 5  # requests of one path in a row without an answer, after which it is given up
_ALL_SILENT = 40  # of any path
_SHARE = 0.35  # of the declared seconds that all paths together may wait
_COOLDOWNS = frozenset({429, 503})
_COOL_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What is remembered of a request: no content but what an encoded field was."""

    canaries: tuple[tuple[str, str], ...]
    encoded: dict[str, bytes] = field(repr=False)
    sent: Sent
    key: int  # which of the keys
    began: float
    ended: float


@dataclass(slots=True)
class Walk:
    """A path and what has been sent along it."""

    path: Path
    traces: list[Trace] = field(default_factory=list)
    note: str = ""
    waited: float = 0.0
    silences: int = 0

    def given_up(self) -> bool:
        """Whether nothing more is sent."""
        return bool(self.note)


class Runner:
    """Sends what the paths say, stage by stage."""

    def __init__(self, desk: Desk, paths: Sequence[Path], keepsakes: Keepsakes) -> None:
        """Paths for which a key is missing are noted and not taken."""
        self._desk = desk
        self._keepsakes = keepsakes
        self._silences = 0
        limits = desk.session.target.limits
        self._patience = patience(len(paths), limits.seconds, at_once(limits.connections))
        self.walks = [Walk(path) for path in paths]
        for walk in self.walks:
            if why := desk.keys.missing.get(walk.path.key):
                walk.note = f"not tried: {why}"

    async def run(self) -> None:
        """Take every path. Raises `LimitReached`."""
        session = self._desk.session
        for stage in Stage:
            jobs = [
                (walk, number)
                for walk in self.walks
                if walk.path.stage is stage and not walk.given_up()
                for number in range(walk.path.count(session.sample))
            ]
            session.random.shuffle(jobs)
            await self._work(deque(jobs), at_once(session.target.limits.connections))

    async def _work(self, jobs: deque[tuple[Walk, int]], workers: int) -> None:
        tasks = [asyncio.create_task(self._worker(jobs)) for _ in range(min(workers, len(jobs)))]
        try:
            await asyncio.gather(*tasks)
        finally:  # where one reached a limit, none of the others may go on into the next phase
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _worker(self, jobs: deque[tuple[Walk, int]]) -> None:
        while jobs:
            walk, number = jobs.popleft()
            if not walk.given_up():
                await self._one(walk, number)

    async def _one(self, walk: Walk, number: int) -> None:
        desk, path = self._desk, walk.path
        letter = path.write(self._writer(path, number))
        self._keepsakes.keep(letter)
        desk.arrivals.expect(atom for _, atom in letter.canaries)
        loop = asyncio.get_running_loop()
        began = loop.time()
        sent = await path.send(desk, letter, number)
        ended = loop.time()
        walk.waited += sent.seconds
        walk.traces.append(
            Trace(
                canaries=letter.canaries,
                encoded=dict(letter.encoded),
                sent=sent,
                key=number % len(desk.keys.ample) if path.key in {"ample", "wrong"} else 0,
                began=began,
                ended=ended,
            )
        )
        self._watch(walk, sent)
        if path.stage is Stage.FAILING and self._cools_down(letter, sent):
            await asyncio.sleep(_COOL_SECONDS)
            walk.waited += _COOL_SECONDS

    def _writer(self, path: Path, number: int) -> Writer:
        desk = self._desk
        return Writer(
            desk.session,
            path.name,
            url=desk.session.target.endpoint(path.endpoint) or "",
            model=desk.models[path.endpoint],
            number=number,
            key=desk.keys.take(path.key, number),
        )

    def _watch(self, walk: Walk, sent: Sent) -> None:
        """Give up a path, or all of them, once waiting for it leads nowhere."""
        if sent.told in _SILENT:
            walk.silences, self._silences = walk.silences + 1, self._silences + 1
        elif sent.status:  # whoever left before an answer learnt nothing
            walk.silences = self._silences = 0
        if self._silences >= _ALL_SILENT:
            for other in self.walks:
                if len(other.traces) < other.path.count(self._desk.session.sample):
                    other.note = other.note or "given up: the gateway stopped answering"
        elif walk.silences >= _SILENCES:
            walk.note = f"given up: {_SILENCES} requests in a row got no answer"
        elif walk.waited > self._patience:
            walk.note = f"given up: its answers took {walk.waited:.0f} s together"

    def _cools_down(self, letter: Letter, sent: Sent) -> bool:
        """Whether the gateway keeps requests from a provider that failed."""
        return sent.status in _COOLDOWNS and not self._desk.arrivals.of((letter.canaries[0][1],))


def at_once(connections: int) -> int:
    """Requests in flight: some connections are kept open by the one kind of client, as many are opened by the other."""
    return max(1, min(_AT_ONCE, connections // 2))


def patience(paths: int, seconds: float, workers: int) -> float:
    """Seconds that all requests of one path together may wait, so that all paths keep to their share of the audit's time."""
    return _SHARE * seconds * workers / paths
