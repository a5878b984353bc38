"""Z1: prompts and completions are not stored, logged or analysed."""

from conformance.catalogue import check
from conformance.model.campaign import METADATA_FIELDS, Campaign
from conformance.model.evidence import Evidence, Unobserved
from conformance.model.scale import Level, Severity
from conformance.model.storage import ScannedSurface, Sighting, SurfaceScan
from conformance.model.verdict import Fail, Inconclusive, Pass, Verdict

_SHOWN = 5


@check(
    "retention.surfaces-hold-no-content",
    claim="Z1",
    severity=Severity.CRITICAL,
    level=Level.INSIDE,
    fix="Find what writes to the place named, and stop it from receiving content: redaction misses what nobody thought of.",
)
def surfaces_hold_no_content(scan: SurfaceScan, campaign: Campaign | Unobserved) -> Verdict:
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
    return Pass(because=f"{_clean(scan)}; {_power(campaign)}", cites=(scan, campaign))


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
    unreached = [path.path for path in campaign.paths if path.sent and not path.counted]
    if searched and campaign.seen() and not unreached:
        return None
    return Inconclusive(
        because=f"no request was proven to take these paths: {', '.join(unreached) or 'any'}",
        decide="see in the evidence what the gateway answered on them, and let it serve and refuse as it would a customer",
        cites=(looked, campaign),
    )


def _blind(scan: SurfaceScan) -> Inconclusive | None:
    """Why the scan may have missed what is there."""
    doubts = [doubt for surface in scan.surfaces if (doubt := _doubt(surface))]
    if doubts:
        return Inconclusive(
            because="; ".join(doubts),
            decide="let the audit read every item of every surface, and declare `control.plant`, or a dialect whose "
            "public key ids the store holds, so that the scan can prove its sight",
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
    """Whether what was found is content, and not what surrounds it."""
    return sighting.canary is None or sighting.canary.field not in METADATA_FIELDS


def _kept(scan: SurfaceScan, kept: list[Sighting], what: str) -> Fail:
    canaries = len({s.canary.sequence if s.canary else -1 for s in kept})
    places = ", ".join(dict.fromkeys(s.surface for s in kept))
    return Fail(
        because=f"{what}: at least {canaries} of {scan.searched} canaries were found in {places}",
        expected="no canary on any surface",
        observed="; ".join(described(sighting) for sighting in kept[:_SHOWN]),
        cites=(scan,),
        reproduction="send a rare word through the path named, then search the item for it in the form named",
    )


def described(sighting: Sighting) -> str:
    """What was found and where, without anything that stands around it."""
    canary = sighting.canary
    what = f"canary {canary.sequence} ({canary.field}, {canary.path})" if canary else "the run's marker"
    how = " in ".join((sighting.form, *reversed(sighting.chain)))
    return f"{what} as {how} at byte {sighting.offset:,} of {sighting.item}"


def _doubt(surface: ScannedSurface) -> str:
    """Why the absence of content from a surface proves nothing; empty where it does."""
    gaps = surface.coverage.deciding_gaps()
    if gaps:
        more = f" and {len(gaps) - 1} more" if len(gaps) > 1 else ""
        return f"{surface.locator}: {gaps[0].item}: {gaps[0].reason}{more}"
    if surface.proven():
        return ""
    if surface.controls:
        return f"{surface.locator}: it grew during the run, but nothing known to lie there was found: its sight is unproven"
    return f"{surface.locator}: nothing shows that the gateway writes there or that the scan would see it"


def _power(campaign: Campaign) -> str:
    """What a sampling gateway could still hide: 3/n, the 95 % bound of nothing seen in n (rule of three)."""
    taken = [path for path in campaign.paths if path.counted]
    least = min(taken, key=lambda path: path.counted)
    untried = [path.path for path in campaign.paths if not path.sent]
    tail = f"; not tried: {', '.join(untried)}" if untried else ""
    if least.counted < 3:
        return f"{campaign.seen()} requests on {len(taken)} paths, too few for a bound on sampled retention{tail}"
    return (
        f"{campaign.seen()} requests on {len(taken)} paths, {least.counted} on the rarest ({least.path}): retention of more than "
        f"{300 / least.counted:.2g} % of them would have been seen with 95 % confidence, over {campaign.keys} keys and "
        f"{sum(path.seconds for path in campaign.paths):.0f} s{tail}"
    )


def _clean(scan: SurfaceScan) -> str:
    read = sum(surface.coverage.bytes_raw for surface in scan.surfaces)
    opaque = sum(surface.coverage.bytes_opaque for surface in scan.surfaces)
    return (
        f"{scan.searched} canaries in {scan.forms} forms absent from {read:,} bytes on {len(scan.surfaces)} surfaces; "
        f"{opaque / read:.1%} of the bytes are opaque"
    )
