"""Random sequences of acts on keys: what nobody thought of. Part of the thorough profile, or asked for alone."""

import asyncio
import importlib.util
from collections.abc import Coroutine
from typing import TYPE_CHECKING

from conformance.catalogue import Cost, Phase, observes
from conformance.model.evidence import CannotObserve
from conformance.model.scale import Disruption, Fault, Level
from conformance.model.spend import Act, Interleavings, SpendRace, SpendSequential, SpendWorkload
from conformance.model.spend_accounts import SpendAccounts, SpendModels
from conformance.probes import calls
from conformance.probes.spending import machine
from conformance.probes.spending.acts import OverspentError, Player, Step, replay
from conformance.probes.spending.allowance import ALL, SEARCH, SHORTEN, Allowance
from conformance.probes.spending.oracle import AMPLE, at_once, cost_of_one
from conformance.probes.spending.replaying import write_script
from conformance.probes.spending.workload import headroom_of
from conformance.session import Session
from conformance.target import Target

if TYPE_CHECKING:
    from hypothesis.stateful import RuleBasedStateMachine

_THOROUGH = 3000
_STEPS = 8
_MOST_AT_ONCE = 24
_CHECK = "spend.random-sequences-stay-within"


def _cost(target: Target, sample: int) -> Cost:
    return Cost(requests=target.limits.sequences.requests if sample >= _THOROUGH else 0)


@observes(
    phase=Phase.SPEND,
    level=Level.OPERATOR,
    disruption=Disruption.STATE_CHANGING,
    access=("admin", "witness"),
    after=(SpendSequential, SpendRace, SpendWorkload, SpendAccounts, SpendModels),
    cost=_cost,
)
async def interleavings(session: Session) -> Interleavings:
    """Play random sequences of acts on keys, in the thorough profile or alone."""
    alone = session.asked == {_CHECK}
    if session.sample < _THOROUGH and not alone:
        return Interleavings(sequences=0, acts=0, reached=0)
    if importlib.util.find_spec("hypothesis") is None:
        raise CannotObserve(
            "the library that thinks up sequences is not installed",
            fault=Fault.OPERATOR,
            decide="install gateproof[search]",
        )
    headroom = headroom_of(session)
    ample = await session.keys().create("ample", AMPLE)
    search = _Search(session, headroom=headroom, cost=await cost_of_one(session, ample))
    await search.run()
    again = await search.replayed()
    script, digest = search.scripted()
    return Interleavings(
        sequences=search.sequences,
        acts=search.acts,
        reached=search.reached,
        broken=search.broken,
        again=again,
        script=script,
        script_sha256=digest,
        ended=search.ended,
    )


class _Search:
    """A search under way, its shortest sequence that overspends, and what it has taken so far."""

    def __init__(self, session: Session, *, headroom: int, cost: int) -> None:
        self.sequences = 0
        self.acts = 0
        self.reached = 0
        self.broken: tuple[Act, ...] = ()
        self.ended = ""  # which limit ended it, or its shortening, early
        self._steps: tuple[Step, ...] = ()
        self._prices: tuple[int, ...] = ()
        self._session = session
        self._headroom = headroom
        self._cost = cost
        worst = calls.worst_case(session, calls.usual(session, None, "spend"))
        self._allowance = Allowance(session.target.limits.sequences, session.meter, worst=worst)
        self._player: Player | None = None
        self._loop = asyncio.get_running_loop()
        self._trouble: CannotObserve | None = None
        self._stopped = False

    async def run(self) -> None:
        """Think up sequences and play them. Raises CannotObserve where none could be played to its end."""
        changes = self._session.keys().dialect.set_limit is not None
        size = max(2, at_once(self._session.target, _MOST_AT_ONCE))
        thought_up = machine.machine(self._begin, self._play, changes=changes, at_once=size)
        seed = self._session.random.randrange(2**31)
        try:
            await asyncio.to_thread(self._search, thought_up, seed)
        finally:
            self._stopped = True  # where the audit is interrupted, its thread goes on until it notices
        await self._end()
        if self._trouble is not None and not self.reached:
            raise self._trouble

    async def replayed(self) -> tuple[Act, ...]:
        """The shortest sequence that overspends, played once more."""
        if not self._steps:
            return ()
        return await replay(
            self._session,
            self._steps,
            headroom=self._headroom,
            cost=self._cost,
            allowed=lambda step: not self._allowance.beyond(step, ALL),
        )

    def scripted(self) -> tuple[str, str]:
        """The file that plays the shortest sequence that overspends, and its digest; empty where there is none."""
        return (
            write_script(self._session, self._steps, self.broken, self._prices) if self._steps else ("", "")
        )

    def _search(self, thought_up: "type[RuleBasedStateMachine]", seed: int) -> None:
        # More than can be played: what the target file allows ends the search.
        sequences = max(1, self._session.target.limits.sequences.requests // _STEPS)
        try:
            machine.search(thought_up, seed=seed, sequences=sequences, steps=_STEPS)
        except Exception:
            # The library raises what it found, or that it did not find it every time; both were noted when they were played.
            if not self.broken and self._trouble is None:
                raise

    def _begin(self) -> None:
        if self._stopped:
            return
        self._wait(self._end())
        self._player = Player(self._session, headroom=self._headroom, cost=self._cost)

    def _play(self, step: Step) -> None:
        """One step, from the machine's thread. What is not played any more passes, so that the search ends."""
        if self._player is None or self._trouble is not None or self._stopped or not self._allowed(step):
            return
        self.acts += 1
        self.sequences += not self._player.steps
        try:
            self._wait(self._player.play(step))
        except OverspentError:
            if not self.broken or len(self._player.acts) < len(self.broken):
                self.broken, self._steps = tuple(self._player.acts), tuple(self._player.steps)
                self._prices = tuple(self._player.prices)
            raise
        except CannotObserve as trouble:
            self._trouble = trouble

    def _allowed(self, step: Step) -> bool:
        """Whether the target file lets it be played. After the first step that it does not, none is: no sequence has gaps."""
        self.ended = self.ended or self._allowance.beyond(step, SHORTEN if self.broken else SEARCH)
        return not self.ended

    async def _end(self) -> None:
        if self._player is None:
            return
        self.reached += self._player.calls()
        player, self._player = self._player, None
        try:
            await player.over()
        except CannotObserve as trouble:
            self._trouble = trouble

    def _wait(self, work: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()
