"""T1: two engines of different make. Only a handshake that the other finished counts, never its errors or its silence."""

from conformance.catalogue import check
from conformance.model.scale import Level, Severity
from conformance.model.transport import SecondOpinion, TlsVersions
from conformance.model.verdict import Inconclusive, NotApplicable, Pass, Verdict


@check(
    "transport.engines-do-not-contradict",
    claim="T1",
    severity=Severity.HIGH,
    level=Level.OUTSIDE,
    fix="run both engines again; if they still differ, compare the transcripts in the evidence",
)
def engines_do_not_contradict(versions: TlsVersions, opinion: SecondOpinion) -> Verdict:
    """A second engine finds nothing that the first one missed.

    Two engines of different make err differently. Where the other finished a handshake that ours says is
    refused, neither is believed until that is explained.
    """
    if not opinion.available:
        return NotApplicable(because=f"one engine only: {opinion.reason}", cites=(opinion,))
    ours = {attempt.negotiated() for trial in versions.trials for attempt in trial.attempts}
    missed = [
        a.version.value for a in opinion.answers if a.completed and a.accepted and a.version not in ours
    ]
    if missed:
        return Inconclusive(
            because=f"{opinion.engine} finished {' and '.join(missed)} at {opinion.place}, and ours did not see it",
            decide="repeat the audit; a pool with one old backend answers now so, now so",
            cites=(versions, opinion),
        )
    if opinion.seen() == 0:
        return NotApplicable(
            because=f"{opinion.engine} completed nothing, so its word does not count", cites=(opinion,)
        )
    said = ", ".join(
        f"{a.version.value} {'accepted' if a.accepted else 'not'}" for a in opinion.answers if a.completed
    )
    return Pass(because=f"{opinion.engine} at {opinion.place}: {said}", cites=(versions, opinion))
