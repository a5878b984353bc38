"""Z1 and Z2: what the gateway's processes write to and whom they talk to is declared, and holds no content."""

from conformance.catalogue import check
from conformance.checks.retention import described, holds_content, unsent
from conformance.model.campaign import Campaign
from conformance.model.discovery import Output, Peer, PlacesInUse, UsedPlace
from conformance.model.evidence import Unobserved
from conformance.model.scale import Level, Severity
from conformance.model.verdict import Fail, Inconclusive, Pass, Verdict

_SHOWN = 5
_BLIND = "neither a declared peer nor a declared file was seen in use, so that the looks may have been at something else"
_DECLARE = "declare `processes` as they run on this machine, and the surfaces that they write to"


@check(
    "retention.places-in-use-hold-no-content",
    claim="Z1",
    severity=Severity.CRITICAL,
    level=Level.INSIDE,
    further="processes",
    fix="Find what writes to the place named. Files that were deleted and are still open lie on the disk as others do; arguments "
    "of processes are shown to everybody on the machine.",
)
def places_in_use_hold_no_content(places: PlacesInUse, campaign: Campaign | Unobserved) -> Verdict:
    """No undeclared or deleted file, name or argument that the gateway's processes use holds content.

    Whoever declares surfaces names what they know of. What they do not know of is where content is forgotten.
    """
    kept = [sighting for sighting in places.sightings if holds_content(sighting)]
    if kept:
        canaries = len({s.canary.sequence if s.canary else -1 for s in kept})
        return Fail(
            because=f"content was kept where nothing is declared: at least {canaries} of {places.searched} canaries",
            expected="no canary in any file, name or argument that the processes use",
            observed="; ".join(described(sighting) for sighting in kept[:_SHOWN]),
            cites=(places,),
            reproduction="send a rare word through the path named, and search the item for it while the gateway runs",
        )
    undecided = unsent(places, places.searched, campaign) or _blind(places)
    if undecided is not None:
        return undecided
    searched = f"{places.coverage.bytes_raw:,} bytes of undeclared files, names and arguments"
    return Pass(because=f"no canary in {searched}; {_looks(places)}", cites=(places,))


@check(
    "retention.every-place-written-to-is-declared",
    claim="Z1",
    severity=Severity.MEDIUM,
    level=Level.INSIDE,
    further="processes",
    fix="Declare the place as a surface, so that it is searched like the others, or stop the gateway from writing there.",
)
def every_place_written_to_is_declared(places: PlacesInUse, campaign: Campaign | Unobserved) -> Verdict:
    """Every file that the gateway's processes wrote to while content passed lies in a declared surface.

    A place that nobody listed is in no retention schedule, no backup policy and no deletion.
    """
    written_to = [place for place in places.places if place.written and not place.declared]
    undeclared = [place for place in written_to if place.by or place.content]
    if undeclared:
        return Fail(
            because=f"{len(undeclared)} places were written to that no surface holds",
            expected="every place written to lies in a declared surface",
            observed=_places(undeclared),
            cites=(places,),
            reproduction="ls -l /proc/PID/fd of the gateway's processes, and find -cnewer in the folders named, after some calls",
        )
    if written_to:
        return Inconclusive(
            because=f"whose doing it was that files changed beside the gateway's was not seen: {_places(written_to)}",
            decide="declare them as surfaces if they are the gateway's, or keep them elsewhere",
            cites=(places,),
        )
    unknown = [output for output in places.outputs if not output.accounted]
    if unknown:
        return Inconclusive(
            because=f"what becomes of output is not known: {_outputs(unknown)}",
            decide="let it go to a declared file, or declare a surface of kind `journald` or `command` that holds it",
            cites=(places,),
        )
    undecided = unsent(places, places.searched, campaign) or _blind(places)
    if undecided is not None:
        return undecided
    written = sum(place.written for place in places.places)
    return Pass(because=f"{written} places were written to, all declared; {_looks(places)}", cites=(places,))


@check(
    "forwarding.every-peer-is-declared",
    claim="Z2",
    severity=Severity.HIGH,
    level=Level.INSIDE,
    further="processes",
    fix="Name the peer under `processes.peers`, or as a surface if it stores something; or end the connection: telemetry, update "
    "checks and link previews are the usual ones.",
)
def every_peer_is_declared(places: PlacesInUse, campaign: Campaign | Unobserved) -> Verdict:
    """While content passed, the gateway's processes had connections to declared peers only.

    Content that may go to the provider and nowhere else cannot have gone where no connection went.
    """
    undeclared = [peer for peer in places.peers if not peer.declared]
    if undeclared:
        return Fail(
            because=f"connections went to {len(undeclared)} peers that nothing declares",
            expected="the witness, declared surfaces, the machine's resolvers, and `processes.peers`",
            observed="; ".join(_peer(peer) for peer in undeclared[:_SHOWN]),
            cites=(places,),
            reproduction="ss -tunxp while calls are made",
        )
    if places.loose:
        return Inconclusive(
            because=f"sockets of UDP send to whom they like, which cannot be seen: {', '.join(places.loose[:_SHOWN])}",
            decide="let them be connected, or capture what they send",
            cites=(places,),
        )
    undecided = unsent(places, places.searched, campaign)
    if undecided is not None:
        return undecided
    if not any(peer.declared for peer in places.peers):
        return Inconclusive(
            because="no connection was seen, not even to the witness", decide=_DECLARE, cites=(places,)
        )
    return Pass(because=f"all of {len(places.peers)} peers are declared; {_looks(places)}", cites=(places,))


def _blind(places: PlacesInUse) -> Inconclusive | None:
    """Why the looks may have missed what is there."""
    gaps = places.coverage.deciding_gaps()
    if gaps:
        more = f" and {len(gaps) - 1} more" if len(gaps) > 1 else ""
        because = f"{gaps[0].item}: {gaps[0].reason}{more}"
        return Inconclusive(because=because, decide="declare the place as a surface", cites=(places,))
    if not places.seen() or not places.sees():
        return Inconclusive(because=_BLIND, decide=_DECLARE, cites=(places,))
    return None


def _looks(places: PlacesInUse) -> str:
    return f"{places.looks} looks at {len(places.processes)} processes in {places.seconds:.0f} s"


def _places(places: list[UsedPlace]) -> str:
    return "; ".join(
        f"{place.path} ({place.bytes:,} bytes, {place.how}{f' by {place.by}' if place.by else ''})"
        for place in places[:_SHOWN]
    )


def _peer(peer: Peer) -> str:
    return f"{peer.transport} {peer.address}{f' ({peer.who})' if peer.who else ''} by {peer.by}"


def _outputs(outputs: list[Output]) -> str:
    return "; ".join(f"a {o.what} from {o.by} to {o.to or 'somebody'}" for o in outputs[:_SHOWN])
