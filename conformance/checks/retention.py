"""Z1: prompts and completions are not stored, logged or analysed."""

from collections import Counter
from collections.abc import Iterable, Iterator

from conformance.catalogue import check
from conformance.model.campaign import METADATA_FIELDS, Campaign, PathRun, Restarts
from conformance.model.evidence import Evidence, Unobserved
from conformance.model.power import bound, percent
from conformance.model.scale import Level, Severity
from conformance.model.storage import SeenCell, Sighting, SurfaceScan
from conformance.model.verdict import Fail, Inconclusive, Pass, Verdict

_EVERYBODYS = frozenset(
    {"success", "stream", "no credential", "wrong credential", "unknown model", "provider error"}
)
_GROUPS = ("malformed", "left")  # ways of one kind, of which a gateway that can be reached lets some be taken
_SHOWN = 5


@check(
    "retention.surfaces-hold-no-content",
    claim="Z1",
    severity=Severity.CRITICAL,
    level=Level.INSIDE,
    fix="Find what writes to the place named, and stop it from receiving content: redaction misses what nobody thought of.",
    adds=("restarts",),
)
def surfaces_hold_no_content(
    scan: SurfaceScan, campaign: Campaign | Unobserved, restarts: Restarts | Unobserved
) -> Verdict:
    """No declared surface holds any part of a prompt or a completion.

    Content that reaches a log, a database or a backup outlives its request, and no promise made about the request then
    covers it.
    """
    kept = [s for s in _sightings(scan) if holds_content(s)]
    if kept:
        return _kept(scan, kept, "content was kept")
    undecided = unsent(scan, scan.searched, campaign) or _blind(scan)
    if undecided is not None:
        return undecided
    assert not isinstance(campaign, Unobserved)  # noqa: S101 - `unsent` has said so
    cites: tuple[Evidence, ...] = (scan, campaign)
    paths = campaign.paths
    if isinstance(restarts, Restarts):
        paths += restarts.paths
        cites += (restarts,) if restarts.seen() else ()
    untried = [*_untried(paths), *(["restart"] if isinstance(restarts, Unobserved) else [])]
    tail = f"; not tried: {', '.join(untried)}" if untried else ""
    return Pass(because=f"{_clean(scan)}; {_power(scan, paths)}{tail}", cites=cites)


@check(
    "retention.what-surrounds-content-is-not-kept",
    claim="Z1",
    severity=Severity.LOW,
    level=Level.INSIDE,
    fix="Log route templates, counts and identifiers of your own; leave out headers, queries and what callers call things.",
    deciding=False,
)
def what_surrounds_content_is_not_kept(scan: SurfaceScan, campaign: Campaign | Unobserved) -> Verdict:
    """Headers, queries, user ids, metadata and model names as callers wrote them are not kept.

    The page promises nothing of them, and many gateways keep them as usage metadata; but callers write into them
    whatever they like, prompts included.
    """
    content = {s.surface for s in _sightings(scan) if holds_content(s)}
    # Where content is kept, what surrounds it is part of that finding.
    kept = [s for s in _sightings(scan) if s.surface not in content]
    if kept:
        fields = ", ".join(sorted({s.canary.field for s in kept if s.canary}))
        return _kept(scan, kept, f"what callers wrote was kept ({fields})")
    if content:
        because = "content itself is kept, which is another check's finding"
        return Inconclusive(because=because, decide="mend that first", cites=(scan,))
    undecided = unsent(scan, scan.searched, campaign) or _blind(scan)
    return undecided or Pass(because=f"none of it stands on {len(scan.surfaces)} surfaces", cites=(scan,))


def unsent(looked: Evidence, searched: int, campaign: Campaign | Unobserved) -> Inconclusive | None:
    """Why there may have been nothing to keep, of which so many canaries were searched for in what was looked at."""
    if isinstance(campaign, Unobserved):
        because, decide = f"the campaign was not completed: {campaign.reason}", campaign.decide
        return Inconclusive(because=because, decide=decide, cites=(looked,))
    unreached = _unreached(campaign.paths)
    if searched and campaign.seen() and not unreached:
        return None
    return Inconclusive(
        because=f"no request was proven to take these paths: {', '.join(unreached) or 'any'}",
        decide="see in the evidence what the gateway answered on them, and let it serve and refuse as it would a customer",
        cites=(looked, campaign),
    )


def _blind(scan: SurfaceScan) -> Inconclusive | None:
    """Why the scan may have missed what is there."""
    doubts = [doubt for surface in scan.surfaces if (doubt := surface.doubt())]
    if doubts:
        return Inconclusive(
            because="; ".join(doubts),
            decide="let the audit read every item of every surface, and declare `control.plant`, or a dialect whose "
            "public key ids the store holds, so that the scan can prove its sight; `gateproof rescan` looks again later",
            cites=(scan,),
        )
    if scan.seen() <= 0:
        return Inconclusive(
            because="the surfaces are empty: not one byte could be scanned",
            decide="declare the places where the gateway does write",
            cites=(scan,),
        )
    return None


def _sightings(scan: SurfaceScan) -> list[Sighting]:
    return [sighting for surface in scan.surfaces for sighting in surface.sightings]


def holds_content(sighting: Sighting) -> bool:
    """Whether what was found is content, and neither what surrounds it nor what the suite planted itself."""
    canary = sighting.canary
    return canary is None or not (sighting.is_control() or canary.field in METADATA_FIELDS)


def _kept(scan: SurfaceScan, kept: list[Sighting], what: str) -> Fail:
    fields, places = {s.canary.field for s in kept if s.canary}, dict.fromkeys(s.surface for s in kept)
    # Sightings are listed as far as the list goes; cells count all of them, on each surface for itself.
    cells = [
        [cell for cell in surface.cells if cell.field in fields]
        for surface in scan.surfaces
        if surface.locator in places
    ]
    listed = len({s.canary.sequence if s.canary else -1 for s in kept})
    canaries = max(listed, *(sum(cell.canaries for cell in found) for found in cells))
    return Fail(
        because=f"{what}: at least {canaries:,} of {scan.searched} canaries were found in {', '.join(places)}",
        expected="no canary on any surface",
        observed="; ".join([*(described(sighting, scan.run) for sighting in kept[:_SHOWN]), *_in_all(cells)]),
        cites=(scan,),
        reproduction="send a rare word through the path named, then search the item for it in the form named",
    )


def _in_all(cells: Iterable[Iterable[SeenCell]]) -> Iterator[str]:
    """Which fields were seen of which paths, most first."""
    totals: Counter[str] = Counter()
    for found in cells:
        for cell in found:
            totals[f"{cell.field} on {cell.path}"] += cell.canaries
    if totals:
        told = ", ".join(f"{what} ({count:,})" for what, count in totals.most_common(_SHOWN))
        yield f"in all {told}{f' and {len(totals) - _SHOWN} more' if len(totals) > _SHOWN else ''}"


def described(sighting: Sighting, run: str = "") -> str:
    """What was found, where and how, without anything that stands around it."""
    of = f"run {run}, " if run else ""
    return f"{of}{sighting.what()}: {sighting.where()}, as {sighting.how()}"


def _unreached(paths: Iterable[PathRun]) -> list[str]:
    """The paths that every gateway has, or is declared to have, and that no request is proven to have taken.

    Others, such as limits that nobody set, may be impossible to take: a pass names them.
    """
    taken: dict[str, int] = {}
    for path in paths:
        group = next((group for group in _GROUPS if path.path.startswith(group)), "")
        if group or path.path in _EVERYBODYS or path.path == path.endpoint:
            taken[group or path.path] = taken.get(group or path.path, 0) + path.counted
    return [name for name, counted in taken.items() if not counted]


def _untried(paths: Iterable[PathRun]) -> list[str]:
    """The paths that no request is proven to have taken."""
    return list(dict.fromkeys(path.path for path in paths if not path.counted))


def _power(scan: SurfaceScan, paths: Iterable[PathRun]) -> str:
    """What a sampling gateway could still hide, where the scan sees least: on most paths, and on the one that was taken least."""
    taken = sorted((path for path in paths if path.counted), key=lambda path: path.counted)
    sight = min(surface.sensitivity for surface in scan.surfaces)
    least, usual = taken[0], taken[(len(taken) - 1) // 2]  # half or more were taken as often as the second
    shares = bound(least.counted, sight), bound(usual.counted, sight)
    total = f"{sum(path.counted for path in taken):,} requests on {len(taken)} paths"
    if shares[1] is None:
        return f"{total}, too few for a bound on sampled retention"
    where = "on every path"
    if least.counted < usual.counted:
        worst = percent(shares[0]) if shares[0] is not None else "none"
        where = f"on most paths ({worst} on {least.path}, {least.counted})"
    those = [path for path in taken if path.counted >= usual.counted]
    keys, connections = min(path.keys for path in those), min(path.connections for path in those)
    return (
        f"{total}: keeping {percent(shares[1])} of them or more would have been seen with 95 % confidence {where}"
        f"{f', of which {100 * sight:.0f} % is seen where the scan sees least' if sight < 1 else ''}, as far as at least "
        f"{_count(keys, 'key')}, {_count(connections, 'connection')} and {min(path.seconds for path in those):.2g} s each "
        "stand for all"
    )


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _clean(scan: SurfaceScan) -> str:
    read = sum(surface.coverage.bytes_raw for surface in scan.surfaces)
    opaque = sum(surface.coverage.bytes_opaque for surface in scan.surfaces)
    beside = min(
        scan.searched, sum(surface.canaries for surface in scan.surfaces)
    )  # at most: one may stand on several
    return (
        f"{scan.searched - beside} canaries in {scan.forms} forms absent from {read:,} bytes on {len(scan.surfaces)} surfaces"
        f"{', where others stand that are no content' if beside else ''}; {opaque / read:.1%} of the bytes are opaque"
    )
