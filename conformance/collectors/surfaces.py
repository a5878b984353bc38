"""Scanning the declared surfaces for every canary of the run, each with a control of the scan's sight."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from conformance.catalogue import Cost, Phase, observes
from conformance.collectors.counters import counted
from conformance.collectors.following import captured, size_of
from conformance.collectors.reading import Item, Missed, UnreadableError, measure, read_surface, settle
from conformance.model.campaign import METADATA_FIELDS
from conformance.model.scale import Disruption, Level
from conformance.model.storage import (
    CanaryId,
    ScannedSurface,
    Sighting,
    SurfaceControl,
    SurfaceScan,
    SurfaceSize,
)
from conformance.scan.engine import Engine, Found, canary_engine
from conformance.scan.tally import Tally
from conformance.session import Session
from conformance.target import Surface, Target

__all__ = ["measure", "scan_surface", "scanned_name", "surfaces_scanned"]

Progress = Callable[[str, int], None]  # locator, bytes scanned so far

CONTROL_PATH = "control"  # path of canaries that the suite plants itself
_LISTED = 200
_VALUES = 64  # of the run's public values, as many are looked for
_VALUE = "value "  # begins the labels of public values
_SHORT = f"{_VALUE}cut "
_BEGINNINGS = 16
_LEAST_SHORT = 2  # different ones: one run of eight characters may stand somewhere by chance
_LEAST_VALUE = 8  # shorter values could stand anywhere by chance


@dataclass(slots=True)
class SurfaceLook:
    """What scanning one surface brought: the first sighting of each thing in each form, and the ledger."""

    tally: Tally = field(default_factory=Tally)
    first: dict[tuple[object, ...], Sighting] = field(default_factory=dict)
    totals: Counter[str] = field(default_factory=Counter)  # sightings by label; "" for canaries

    def add(self, sighting: Sighting) -> None:
        """Count a sighting, and keep it if it is the first of its kind."""
        thing = sighting.canary.sequence if sighting.canary else sighting.label
        self.first.setdefault((thing, sighting.form, sighting.chain), sighting)
        self.totals[sighting.label] += 1


@observes(
    phase=Phase.INSIDE,
    level=Level.INSIDE,
    disruption=Disruption.PASSIVE,
    access=("surfaces",),
    cost=lambda target, _n: _cost(target),
)
async def surfaces_scanned(session: Session) -> SurfaceScan:
    """Scan every declared surface for every canary of the run."""
    engine = canary_engine(session.mint, _values(session.expected_values))
    searched = len(session.mint.issued)
    surfaces = [await _scanned(session, surface, engine) for surface in session.target.surfaces]
    return SurfaceScan(
        surfaces=tuple(surfaces), searched=searched, forms=engine.search.patterns, engine=engine.record()
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
) -> SurfaceLook:
    """Read and scan a surface; what lies below `skip` is left out. A ledger that is given is continued.

    What was `found` in it already is scanned instead of what is there now.
    """
    look = SurfaceLook(tally=tally or Tally())
    for item in read_surface(surface, base, skip) if found is None else found:
        if isinstance(item, Missed):
            name = scanned_name(surface, item.name, engine, look)
            (look.tally.lost if item.deciding else _left_out(look.tally))(name, item.reason)
            continue
        _scan_item(surface, item, engine, look)
        if progress is not None:
            progress(surface.locator, look.tally.raw)
    return look


def _scan_item(surface: Surface, item: Item, engine: Engine, look: SurfaceLook) -> None:
    """Scan an item's name, then its bytes."""
    name = scanned_name(surface, item.name, engine, look)

    def sink(found: Found) -> None:
        place = item.place(found.offset)
        look.add(_sighting(surface, f"{name} {place}".rstrip(), found))

    try:
        engine.scan(item.open(), sink, look.tally, name)
    except UnreadableError as error:
        look.tally.lost(name, str(error))


def scanned_name(surface: Surface, name: str, engine: Engine, look: SurfaceLook) -> str:
    """Scan a name, and say what to call it: one that holds something is not repeated."""
    found_in_name: list[Found] = []
    engine.scan([name.encode(errors="surrogateescape")], found_in_name.append, Tally())
    named = [found for found in found_in_name if not found.label.startswith(_VALUE)]
    shown = f"(an item whose name, of {len(name)} characters, was found)" if named else name
    for found in named:
        look.add(_sighting(surface, f"{shown} (name)", found))
    return shown


def _left_out(tally: Tally) -> Callable[[str, str], None]:
    return lambda item, reason: tally.gap(item, reason, deciding=False)


def _sighting(surface: Surface, item: str, found: Found) -> Sighting:
    return Sighting(
        surface=surface.locator,
        item=item,
        offset=found.offset,
        length=found.length,
        form=found.form,
        chain=found.chain,
        canary=found.canary,
        label=found.label,
    )


async def _scanned(session: Session, surface: Surface, engine: Engine) -> ScannedSurface:
    """Plant a control where that is allowed, wait for writers to finish, and scan."""
    started = time.monotonic()
    planted, trouble = await _plant(session, surface)
    quiet = await asyncio.to_thread(settle, lambda: size_of(session, surface))
    look = await asyncio.to_thread(
        scan_surface,
        surface,
        session.base,
        engine,
        skip=(session.run_folder,),
        found=captured(session, surface),
    )
    if trouble:
        look.tally.gap("control", trouble, deciding=False)
    seen = tuple(look.first.values())
    content = [s for s in seen if not s.label and not _is_planted(s.canary)]
    content.sort(key=_surrounds_content)  # the list is cut: what matters most comes first
    now = await asyncio.to_thread(size_of, session, surface)
    control = await counted(session, surface)
    return ScannedSurface(
        locator=surface.locator,
        kind=surface.kind,
        role=surface.role,
        encryption=surface.encryption,
        coverage=look.tally.coverage(),
        sightings=tuple(content[:_LISTED]),
        sightings_total=look.totals[""] - sum(1 for s in seen if _is_planted(s.canary)),
        canaries=len({s.canary.sequence for s in content if s.canary}),
        controls=(
            *([control] if control else []),
            *_controls(seen, planted, session.before.get(surface.locator), now),
        ),
        quiet=quiet,
        seconds=round(time.monotonic() - started, 3),
    )


async def _plant(session: Session, surface: Surface) -> tuple[int | None, str]:
    """Let the operator's command write a fresh canary to the surface: its sequence, or what went wrong."""
    command = session.target.control.plant
    if not command or session.target.environment == "production":
        return None, ""
    sequence = len(session.mint.issued)
    text = session.mint.atom(CONTROL_PATH, "planted")
    locator = str(session.base / surface.locator)
    arguments = [part.replace("{locator}", locator).replace("{text}", text) for part in command]
    try:
        status = await _run(arguments, session.base)
    except (OSError, TimeoutError) as error:
        return None, f"the plant command could not be run: {type(error).__name__}"
    return (None, f"the plant command ended with status {status}") if status else (sequence, "")


async def _run(arguments: Sequence[str], folder: Path) -> int:
    nowhere = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        *arguments, cwd=folder, stdin=nowhere, stdout=nowhere, stderr=nowhere
    )
    try:
        async with asyncio.timeout(10):
            return await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise


def _controls(
    sightings: Iterable[Sighting], planted: int | None, before: SurfaceSize | None, now: SurfaceSize
) -> tuple[SurfaceControl, ...]:
    """What shows that the scan sees this surface, best first."""
    controls = []
    found = {s.canary.sequence: s for s in sightings if s.canary}
    if planted in found:
        sighting = found[planted]
        detail = f"the planted canary was found as {' in '.join((sighting.form, *reversed(sighting.chain)))}"
        controls.append(SurfaceControl(kind="planted", decisive=True, detail=detail))
    labels = {s.label for s in sightings if s.label}
    shortened = {label for label in labels if label.startswith(_SHORT)}
    if values := labels - shortened:
        detail = f"{len(values)} public values of this run were found"
        controls.append(SurfaceControl(kind="value of this run", decisive=True, detail=detail))
    elif len(shortened) >= _LEAST_SHORT:
        detail = f"the beginnings of {len(shortened)} public values of this run were found"
        controls.append(SurfaceControl(kind="value of this run", decisive=True, detail=detail))
    if before is not None and (now.bytes > before.bytes or now.newest > before.newest):
        detail = f"{now.bytes - before.bytes:+,} bytes since before the campaign"
        controls.append(SurfaceControl(kind="growth", decisive=False, detail=detail))
    return tuple(controls)


def _values(expected: Iterable[str]) -> Mapping[str, str]:
    """Public values of the run that stores hold by necessity, by label."""
    useful = dict.fromkeys(v for v in expected if len(v) >= _LEAST_VALUE and v.isascii())
    # The first name keys, the last are identifiers of late answers: different stores hold the one or the other.
    chosen = list(useful)
    if len(chosen) > _VALUES:
        chosen = [*chosen[: _VALUES // 2], *chosen[-_VALUES // 2 :]]
    whole = {f"{_VALUE}{place}": value for place, value in enumerate(chosen, start=1)}
    return whole | {f"{_SHORT}{place}": begin for place, begin in enumerate(_beginnings(chosen), start=1)}


def _beginnings(values: Iterable[str]) -> list[str]:
    """The first eight characters of long identifiers, as many logs shorten them; what several share tells nothing."""
    counts = Counter(value[:_LEAST_VALUE] for value in values if len(value) >= 2 * _LEAST_VALUE)
    return [begin for begin, count in counts.items() if count == 1][:_BEGINNINGS]


def _surrounds_content(sighting: Sighting) -> bool:
    return sighting.canary is not None and sighting.canary.field in METADATA_FIELDS


def _is_planted(canary: CanaryId | None) -> bool:
    return canary is not None and canary.path == CONTROL_PATH


def _cost(target: Target) -> Cost:
    return Cost(seconds=10.0 * len(target.surfaces))
