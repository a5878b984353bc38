"""The observation: the gateway's processes are watched while content passes, then compared with what is declared."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from conformance.catalogue import Cost, Phase, observes
from conformance.collectors.places.declaration import WITNESS, declaration
from conformance.collectors.places.members import Members
from conformance.collectors.places.others import peers, ways_out
from conformance.collectors.places.reach import Reach
from conformance.collectors.places.sockets import sockets
from conformance.collectors.places.used import Found, Used
from conformance.collectors.places.watcher import Watcher
from conformance.collectors.reading import Allowance, settle
from conformance.collectors.streams import Item, Missed
from conformance.collectors.surfaces import CONTROL_PATH, SurfaceLook, scan_surface, scanned_name
from conformance.collectors.watching import watch, watched
from conformance.model.discovery import GatewayProcess, PlacesInUse, UsedPlace
from conformance.model.evidence import CannotObserve
from conformance.model.scale import Disruption, Fault, Level
from conformance.model.storage import Sighting, SurfaceSize
from conformance.probes import calls
from conformance.scan.engine import Engine, canary_engine
from conformance.scan.tally import Tally
from conformance.session import Session
from conformance.target import Surface

_LISTED = 200
# As far as undeclared places are searched.
_SEARCHED = Surface(kind="files", locator="places in use", most_bytes=1 << 32, most_seconds=120.0)


@watch(PlacesInUse)
@asynccontextmanager
async def processes_watched(session: Session) -> AsyncIterator[Watcher]:
    """Watch the gateway's processes, where they can be on this machine."""
    target = session.target
    watcher = Watcher(target, session.base, Members(target, session.base))
    if target.processes is not None or target.on_this_machine():
        await asyncio.to_thread(watcher.begin)
    try:
        yield watcher
    finally:
        await asyncio.to_thread(watcher.close)


@observes(
    phase=Phase.INSIDE,
    level=Level.INSIDE,
    disruption=Disruption.ACTIVE_SAFE,
    cost=lambda _target, _n: Cost(requests=1, seconds=20.0),
)
async def places_in_use(session: Session) -> PlacesInUse:
    """Compare what the gateway's processes have open, write to and talk to with what is declared."""
    watcher = watched(session, Watcher)
    if watcher is None:
        raise CannotObserve(
            "no content was sent, so that the gateway was not watched while it passed",
            fault=Fault.OPERATOR,
            decide="audit with the campaign, which takes a key and the witness",
        )
    await _call_once_more(session, watcher)
    return await asyncio.to_thread(_compared, session, watcher)


async def _call_once_more(session: Session, watcher: Watcher) -> None:
    """Where no look fell into a call to the witness, make one that lasts: it shows whether the right processes are looked at."""
    alive = session.key_api.alive() if session.key_api is not None else ()
    key = session.own_key or (alive[0].secret if alive else "")
    if key and watcher.looks and not watcher.proven and session.sees_provider():
        await calls.send(session, calls.chat(session, key, "a call that is watched", fault="slow"))


@dataclass(slots=True)
class _Search:
    """A scan of many places in turn, with one ledger."""

    engine: Engine
    look: SurfaceLook = field(default_factory=lambda: SurfaceLook(tally=Tally()))
    allowance: Allowance = field(default_factory=lambda: Allowance(_SEARCHED))

    def scan(self, found: Iterable[Item | Missed], tally: Tally) -> None:
        """Search some items, their names included, and enter them in a ledger."""
        within = self.allowance.within(found)
        self._add(scan_surface(_SEARCHED, Path(), self.engine, tally=tally, found=within))

    def place(self, found: Found) -> UsedPlace:
        """A place after it was searched. A name that holds something is not repeated; in a surface, it is that one's finding.

        What lies in folders of many has a ledger of its own, which is not kept: other people's names are none of ours.
        """
        named = SurfaceLook(tally=Tally())
        shown = scanned_name(_SEARCHED, found.place.path, self.engine, named)
        before = self.look.totals[""]
        if not found.place.declared:
            self._add(named)
        self.scan(found.items, Tally() if found.nearby else self.look.tally)
        content = self.look.totals[""] > before
        return replace(found.place, path=shown, content=content, written=found.place.written or content)

    def sightings(self) -> tuple[Sighting, ...]:
        """What was found, the gateway's doing: what the suite itself planted is left out."""
        return tuple(s for s in self.look.first.values() if s.canary is None or s.canary.path != CONTROL_PATH)

    def _add(self, look: SurfaceLook) -> None:
        for key, sighting in look.first.items():
            self.look.first.setdefault(key, sighting)
        self.look.totals.update(look.totals)


def _compared(session: Session, watcher: Watcher) -> PlacesInUse:
    declared = declaration(session.target, session.base)
    skip = frozenset((session.run_folder, session.run_folder.parent))
    used = Used(watcher, declared, Reach(since=watcher.began, skip=skip))
    settle(lambda: SurfaceSize(bytes=used.sizes()[0], items=used.sizes()[1]))
    watcher.end()
    _refuse_blindness(session, watcher)
    talked_to = peers(watcher, declared, sockets(os.getpid()))
    if session.target.processes is None and not any(peer.declared == WITNESS for peer in talked_to):
        raise _elsewhere()
    outputs, called = ways_out(watcher, declared)
    search = _Search(canary_engine(session.mint))
    places, nearby = _searched(used, search)
    return PlacesInUse(
        processes=tuple(
            GatewayProcess(pid=pid, name=member.process.name, why=member.why)
            for pid, member in sorted(watcher.members.found.items())
        )[:_LISTED],
        looks=watcher.looks,
        seconds=round(time.time() - watcher.began, 3),
        places=places,
        peers=(*talked_to, *called),
        outputs=outputs,
        # One on a port of the gateway's own is its HTTP/3.
        loose=tuple(sorted(f"{a}:{port}" for a, port in watcher.loose if port not in watcher.doors))[
            :_LISTED
        ],
        changed_nearby=nearby,
        searched=len(session.mint.issued),
        coverage=search.look.tally.coverage(),
        sightings=search.sightings()[:_LISTED],
        sightings_total=search.look.totals[""],
    )


def _searched(used: Used, search: _Search) -> tuple[tuple[UsedPlace, ...], int]:
    """The places, the undeclared first, and how many files lie nearby that somebody changed."""
    places, nearby = [], 0
    for found in used.places():
        place = search.place(found)
        nearby += found.nearby
        if not found.nearby or place.content:
            places.append(place)
    search.scan(used.texts(), search.look.tally)
    places.sort(key=lambda place: (bool(place.declared), not place.written, place.path))
    return tuple(places[:_LISTED]), nearby


def _refuse_blindness(session: Session, watcher: Watcher) -> None:
    """Say why nothing was seen, where nothing was."""
    target = session.target
    if watcher.trouble:
        raise CannotObserve(
            watcher.trouble,
            fault=Fault.OPERATOR,
            decide="run the audit as root, or as the gateway's own user where its processes allow that",
        )
    if watcher.members.found:
        return
    if target.processes is None and not target.on_this_machine():
        reason = (
            "the target file names no processes, and the gateway's address is not this machine's loopback"
        )
        decide = "run the audit where the gateway runs, and declare `processes`"
    elif watcher.members.unread_listener(sockets(os.getpid())):
        reason = "somebody listens where the gateway is asked, and whose process that is may not be seen"
        decide = "run the audit as root"
    else:
        reason = "no process that is declared, or that listens where the gateway is asked, is to be seen"
        decide = "declare `processes` by pids, pid_files or names as they are on this machine"
    raise CannotObserve(reason, fault=Fault.OPERATOR, decide=decide)


def _elsewhere() -> CannotObserve:
    return CannotObserve(
        "whoever listens where the gateway is asked was never seen to talk to the witness: the gateway may be elsewhere",
        fault=Fault.OPERATOR,
        decide="declare `processes`",
    )
