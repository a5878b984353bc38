"""K5: how long a refusal takes tells nothing of the key."""

from collections.abc import Mapping

from conformance.catalogue import check
from conformance.model.presented import State
from conformance.model.refusal_times import ALPHA, MARGIN, RefusalTimes
from conformance.model.scale import Level, Severity
from conformance.model.verdict import Fail, Inconclusive, Norm, Pass, Verdict
from conformance.two_samples import Difference

_RESOLVES = 2000.0  # microseconds; a look that would not have seen so much shows nothing


@check(
    "keys.refusals-take-as-long",
    claim="K5",
    severity=Severity.MEDIUM,
    level=Level.OPERATOR,
    further="refusal-times",
    fix="Do the same work for every key that is refused: where no key of that id is stored, compare with one that nobody has; "
    "decide at the end, by all that was learnt.",
)
def refusals_take_as_long(times: RefusalTimes) -> Verdict:
    """Keys that were never given, or that have ended, are refused in the same time, as far as it can be measured.

    Whoever tries keys by the thousand learns from the time of the answers which ids exist, and asks no further for the others.
    """
    if not times.asked:
        return Inconclusive(
            because="times are compared by the thorough profile, or when this check is asked for alone",
            decide="gateproof audit TARGET --profile thorough, or --check keys.refusals-take-as-long",
            cites=(times,),
        )
    found = times.differences()
    first = times.states[0] if times.states else ""
    told = {state: f"{one.shift / 1000:+.3f} ms" for state, one in found.items() if one.beyond}
    if told:
        return Fail(
            because=f"{', '.join(f'{state} ({shift})' for state, shift in told.items())}: refused in another time than {first}",
            expected=f"differences of at most {MARGIN / 1000:g} ms",
            observed=f"{times.seen()} rounds at {times.endpoint}; a false alarm comes with a chance below {ALPHA:g}",
            cites=(times,),
            reproduction="on one connection, call in turns with an invented key and with one of the kind named, in random order, "
            "and compare the times until the answer begins",
        )
    if doubt := _doubt(times, len(found)):
        return Inconclusive(
            because=doubt,
            decide="repeat the audit from a place near the gateway, while it is idle and serves steadily",
            cites=(times,),
        )
    resolves = max(one.resolves for one in found.values())
    if resolves > _RESOLVES:
        return Inconclusive(
            because=f"differences below {resolves / 1000:.2f} ms could not have been seen in {times.seen()} rounds",
            decide="repeat the audit from a place near the gateway, while it is idle",
            cites=(times,),
        )
    return Pass(
        because=f"{', '.join(found)} took as long as {first} in {times.seen()} rounds; {resolves / 1000:.2f} ms would have "
        "been seen",
        cites=(times,),
        norm=(_norm(found),),
    )


def _doubt(times: RefusalTimes, compared: int) -> str:
    """Why equal times would prove nothing, if so."""
    if times.trouble:
        return f"the measurement ended after {times.seen()} rounds: {times.trouble}"
    if not (times.served_before and times.served_after):
        return f"{times.endpoint} did not serve a living key before and after"
    return "" if compared else f"only {times.seen()} rounds were measured"


def _norm(found: Mapping[State, Difference]) -> Norm:
    """What is there and too little to matter across a network."""
    small = [f"{state} {one.shift:+.0f} µs" for state, one in found.items() if one.at_all]
    return Norm(
        source="CWE-208: no timing discrepancy can be observed, however small",
        verdict="not met" if small else "met",
        note=f"below what counts: {', '.join(small)}" if small else "",
    )
