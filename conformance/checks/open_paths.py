"""Z1: what anybody can ask for shows no content."""

from conformance.catalogue import check
from conformance.checks.retention import described, holds_content, unsent
from conformance.model.campaign import Campaign
from conformance.model.evidence import Unobserved
from conformance.model.open_paths import OpenPaths
from conformance.model.scale import Level, Severity
from conformance.model.verdict import Fail, Inconclusive, Pass, Verdict

_SHOWN = 5


@check(
    "retention.open-paths-show-no-content",
    claim="Z1",
    severity=Severity.CRITICAL,
    level=Level.OUTSIDE,
    fix="Take the path away, or put it behind a credential and content out of it: consoles, log streams and traces made for "
    "development show whatever passes.",
)
def open_paths_show_no_content(paths: OpenPaths, campaign: Campaign | Unobserved) -> Verdict:
    """No well-known path shows content to somebody without a credential.

    A log stream or a console that was left open keeps nothing and gives everything away.
    """
    shown = [sighting for sighting in paths.sightings if holds_content(sighting)]
    if shown:
        places = ", ".join(dict.fromkeys(sighting.item for sighting in shown))
        return Fail(
            because=f"content is shown to anybody who asks: {places}",
            expected="no canary in what is shown without a credential",
            observed="; ".join(described(sighting) for sighting in shown[:_SHOWN]),
            cites=(paths,),
            reproduction="curl the path named, without a key, while and after a call is made",
        )
    undecided = unsent(paths, paths.searched, campaign)
    if undecided is not None:
        return undecided
    gaps = paths.coverage.deciding_gaps()
    if paths.unanswered or gaps:
        what = ", ".join(paths.unanswered[:_SHOWN]) or f"{gaps[0].item}: {gaps[0].reason}"
        return Inconclusive(
            because=f"{len(paths.unanswered)} of {paths.asked} paths gave no answer, or not all of it: {what}",
            decide="repeat the audit when the gateway answers",
            cites=(paths,),
        )
    return Pass(
        because=f"{paths.asked} paths were asked for without a credential; {len(paths.shown)} show something, "
        f"{paths.coverage.bytes_raw:,} bytes without a canary",
        cites=(paths,),
    )
