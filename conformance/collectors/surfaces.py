"""Scanning the declared surfaces for every canary of the run, each with controls of the scan's sight."""

import asyncio
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from conformance.catalogue import Cost, Phase, observes
from conformance.collectors.controls import Controls, controls_of, waited_for
from conformance.collectors.following import captured
from conformance.collectors.reading import Item, Missed, UnreadableError, measure, read_surface
from conformance.collectors.run_values import VALUE
from conformance.model.campaign import METADATA_FIELDS
from conformance.model.scale import Disruption, Level
from conformance.model.storage import CONTROL_PATH, ScannedSurface, SeenCell, Sighting, SurfaceScan
from conformance.scan.engine import Engine, Found, canary_engine, compiled
from conformance.scan.fingerprints import searched_for
from conformance.scan.proof import share_seen, unseen
from conformance.scan.tally import Tally
from conformance.session import Session
from conformance.target import Surface, Target

__all__ = [
    "CONTROL_PATH", "SurfaceLook", "look_at_surfaces", "measure", "scan_surface", "scanned_name", "surfaces_scanned",
]  # fmt: skip

Progress = Callable[[str, int], None]  # locator, bytes scanned so far
Tell = Callable[[str, str], None]  # (surface, "begins" | "ends")

_LISTED = 200
_INTERRUPTED = "the scan was interrupted"
_CONTROL_REQUESTS = 12
_LEAST_PROMPTS = 40  # of which digests are searched for, however small the campaign


@dataclass(slots=True)
class SurfaceLook:
    """What scanning one surface brought: the first sighting of each thing in each form, and the ledger."""

    tally: Tally = field(default_factory=Tally)
    first: dict[tuple[object, ...], Sighting] = field(default_factory=dict)
    totals: Counter[str] = field(default_factory=Counter)  # sightings by label; "" for canaries of content
    cells: defaultdict[tuple[str, str], set[int]] = field(default_factory=lambda: defaultdict(set))

    def add(self, sighting: Sighting) -> None:
        """Count a sighting, and keep it if it is the first of its kind."""
        canary = sighting.canary
        thing = canary.sequence if canary else sighting.label
        self.first.setdefault((thing, sighting.form, sighting.chain), sighting)
        self.totals[CONTROL_PATH if sighting.is_control() else sighting.label] += 1
        if canary is not None and not sighting.is_control():
            self.cells[canary.path, canary.field].add(canary.sequence)

    def content(self) -> list[Sighting]:
        """What was kept of the first sightings, without controls; what matters most comes first, for lists are cut."""
        kept = [s for s in self.first.values() if not s.label and not s.is_control()]
        return sorted(kept, key=_surrounds_content)

    def by_cell(self) -> tuple[SeenCell, ...]:
        """How many different canaries of each field and path were seen."""
        return tuple(
            SeenCell(path=path, field=field, canaries=len(seen))
            for (path, field), seen in sorted(self.cells.items())
        )


@observes(
    phase=Phase.INSIDE,
    level=Level.INSIDE,
    disruption=Disruption.PASSIVE,
    access=("surfaces",),
    cost=lambda target, _n: _cost(target),
)
async def surfaces_scanned(session: Session) -> SurfaceScan:
    """Scan every declared surface for every canary of the run."""
    halt = threading.Event()
    try:
        return await look_at_surfaces(session, halt=halt)
    finally:
        halt.set()  # where the audit was interrupted, no thread goes on reading


async def look_at_surfaces(
    session: Session,
    tell: Tell = lambda _surface, _event: None,
    halt: threading.Event | None = None,
    run: str = "",
) -> SurfaceScan:
    """Write the last controls, and scan every surface. Once `halt` is set, what was not looked at yet is a gap.

    The canaries are those of `run`; empty: of the session's own.
    """
    controls, halt = controls_of(session), halt or threading.Event()
    prompts = searched_for(session.prompts, max(_LEAST_PROMPTS, 3 * session.sample))
    # What takes seconds to compile is compiled while the surfaces come to rest.
    quiet, prints = await asyncio.gather(controls.end(), asyncio.to_thread(compiled, prompts))
    engine = await asyncio.to_thread(canary_engine, session.mint, controls.values(), prints)
    blind = await asyncio.to_thread(unseen, engine, session.mint.control(0))
    scanned = []
    for surface in session.target.surfaces:
        tell(surface.locator, "begins")
        scanned.append(await _scanned(session, surface, engine, controls, share_seen(engine, blind), halt))
        tell(surface.locator, "ends")
    return SurfaceScan(
        surfaces=tuple(replace(one, quiet=quiet) for one in scanned),
        searched=len(session.mint.issued),
        forms=engine.search.patterns,
        engine=engine.record(),
        run=run or session.tag.removeprefix("gateproof-"),
        prompts=len(prompts),
        scanned=datetime.now(UTC).isoformat(timespec="seconds"),
        blind=blind,
    )


def scan_surface(
    surface: Surface,
    base: Path,
    engine: Engine,
    *,
    skip: tuple[Path, ...] = (),
    tally: Tally | None = None,
    progress: Progress | None = None,
    found: Iterable[Item | Missed] | None = None,
    halt: threading.Event | None = None,
) -> SurfaceLook:
    """Read and scan a surface; what lies below `skip` is left out. A ledger that is given is continued.

    What was `found` in it already is scanned instead of what is there now.
    """
    look, halt = SurfaceLook(tally=tally or Tally()), halt or threading.Event()
    for item in read_surface(surface, base, skip) if found is None else found:
        if halt.is_set():
            look.tally.lost(surface.locator, f"what is left was not looked at: {_INTERRUPTED}")
            break
        if isinstance(item, Missed):
            name = scanned_name(surface, item.name, engine, look)
            (look.tally.lost if item.deciding else _left_out(look.tally))(name, item.reason)
            continue
        _scan_item(surface, item, engine, look, halt)
        if progress is not None:
            progress(surface.locator, look.tally.raw)
    return look


def _scan_item(
    surface: Surface, item: Item, engine: Engine, look: SurfaceLook, halt: threading.Event
) -> None:
    """Scan an item's name, then its bytes."""
    name = scanned_name(surface, item.name, engine, look)
    source = _Source(item, halt)

    def sink(found: Found) -> None:
        place = item.place(found.offset)
        look.add(found.sighted(surface.locator, f"{name} {place}".rstrip()))

    engine.scan(source.chunks(), sink, look.tally, name)
    if source.trouble:
        look.tally.lost(name, source.trouble, unread=max(0, item.size - source.read))


class _Source:
    """The bytes of an item, counted, for as long as nobody halts the scan. What came before trouble is scanned all the same."""

    def __init__(self, item: Item, halt: threading.Event) -> None:
        self.read = 0
        self.trouble = ""
        self._item = item
        self._halt = halt

    def chunks(self) -> Iterator[bytes]:
        """The bytes, to their end or to what keeps them from being read."""
        try:
            for chunk in self._item.open():
                if self._halt.is_set():
                    self.trouble = f"not read to its end: {_INTERRUPTED}"
                    return
                self.read += len(chunk)
                yield chunk
        except UnreadableError as error:
            self.trouble = str(error)


def scanned_name(surface: Surface, name: str, engine: Engine, look: SurfaceLook) -> str:
    """Scan a name, and say what to call it: one that holds something is not repeated."""
    found_in_name: list[Found] = []
    engine.scan([name.encode(errors="surrogateescape")], found_in_name.append, Tally())
    named = [found for found in found_in_name if not found.label.startswith(VALUE)]
    shown = f"(an item whose name, of {len(name)} characters, was found)" if named else name
    for found in named:
        look.add(found.sighted(surface.locator, f"{shown} (name)"))
    return shown


def _left_out(tally: Tally) -> Callable[[str, str], None]:
    return lambda item, reason: tally.gap(item, reason, deciding=False)


async def _scanned(
    session: Session,
    surface: Surface,
    engine: Engine,
    controls: Controls,
    self_test: float,
    halt: threading.Event,
) -> ScannedSurface:
    """Scan a surface, and look what shows that the scan sees it."""
    started = time.monotonic()
    look = await asyncio.to_thread(
        scan_surface,
        surface,
        session.base,
        engine,
        skip=(session.run_folder, *session.own_folders),
        found=captured(session, surface),
        halt=halt,
    )
    seen, planted = tuple(look.first.values()), controls.planted(surface)
    if planted.trouble:
        look.tally.gap("control", planted.trouble, deciding=False)
    content = look.content()
    wrote = len(planted.first) + len(planted.last)
    found = planted.found({s.canary.sequence for s in seen if s.canary})
    return ScannedSurface(
        locator=surface.locator,
        kind=surface.kind,
        role=surface.role,
        encryption=surface.encryption,
        coverage=look.tally.coverage(),
        sightings=tuple(content[:_LISTED]),
        sightings_total=look.totals[""],
        canaries=sum(map(len, look.cells.values())),
        cells=look.by_cell(),
        controls=await controls.shown(surface, seen),
        planted=wrote,
        planted_found=found,
        sensitivity=round(min(self_test, found / wrote if wrote else 1.0), 4),
        behind=controls.behind(surface, seen),
        seconds=round(time.monotonic() - started, 3),
    )


def _surrounds_content(sighting: Sighting) -> bool:
    return sighting.canary is not None and sighting.canary.field in METADATA_FIELDS


def _cost(target: Target) -> Cost:
    return Cost(requests=_CONTROL_REQUESTS, seconds=10.0 * len(target.surfaces) + waited_for(target))
