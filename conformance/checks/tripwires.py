"""Z1 and Z2: nobody follows what stands in a prompt, or treats a prompt otherwise for what it says."""

from conformance.catalogue import check
from conformance.model.egress import Sifting, Touch, Tripwires, TripwireWatch
from conformance.model.scale import Level, Severity
from conformance.model.verdict import Fail, Inconclusive, Pass, Verdict

_SHOWN = 5
_NAMES = {
    "not declared": "look-ups of host names were not watched (no `witness.zone`)",
    "unproven": "look-ups of host names were watched, but nothing shows that the gateway's would have been seen",
    "proven": "look-ups of host names were watched",
}
_REPEAT = "repeat the audit while the gateway serves steadily"


@check(
    "forwarding.nothing-in-a-prompt-is-followed",
    claim="Z2",
    severity=Severity.CRITICAL,
    level=Level.OPERATOR,
    fix="Find what reads prompts and fetches what they name: previews of links, scanners of content, verifiers of credentials. "
    "Images by address are the provider's to fetch.",
)
def nothing_in_a_prompt_is_followed(tripwires: Tripwires, watch: TripwireWatch) -> Verdict:
    """No link, host name or credential in a prompt is followed, looked up or used by anybody.

    Whoever follows it has read the prompt, and tells a third party of it. The provider here is the auditor's, and follows
    nothing.
    """
    if watch.touches:
        return Fail(
            because=f"what stood in prompts was followed {watch.touches_total} times: {_fields(watch)}",
            expected="nobody but the provider reads a prompt, so nobody comes",
            observed="; ".join(_described(touch) for touch in watch.touches[:_SHOWN]),
            cites=(watch, tripwires),
            reproduction="put the address of a web server of yours, with a path that nobody else knows, into a prompt, and read "
            "that server's log",
        )
    forwarded = sum(planted.forwarded for planted in tripwires.planted)
    if not forwarded or not watch.arrivals:
        return Inconclusive(
            because="no prompt with a tripwire is known to have gone through the gateway, and nothing shows that it could have "
            "followed one",
            decide=_REPEAT,
            cites=(tripwires, watch),
        )
    fields = len({planted.field for planted in tripwires.planted})
    return Pass(
        because=f"{tripwires.seen()} tripwires in {fields} fields, {forwarded} of them forwarded, untouched for "
        f"{watch.window_ms / 1000:.1f} s after the last; the gateway reaches where links lead: {watch.arrivals} calls came "
        f"there; {_NAMES[watch.names]}",
        cites=(tripwires, watch),
    )


@check(
    "forwarding.prompts-are-not-sifted",
    claim="Z1",
    severity=Severity.MEDIUM,
    level=Level.OPERATOR,
    fix="Let no filter read prompts: neither refuse nor redact what looks like a credential. A filter is an analysis of content.",
)
def prompts_are_not_sifted(tripwires: Tripwires) -> Verdict:
    """A prompt with credentials in it is treated as one without.

    Whoever refuses or redacts it has searched the content of every prompt.
    """
    by_words = {sifting.words: sifting for sifting in tripwires.sifted}
    plain, secret = by_words.get("plain"), by_words.get("credentials")
    if plain is None or secret is None or not _steady(plain):
        return Inconclusive(
            because="prompts without anything in them were not all served and forwarded as they are",
            decide=_REPEAT,
            cites=(tripwires,),
        )
    if not secret.unchanged and secret.served + secret.refused == secret.sent:
        what = "arrived as it was sent" if secret.served else "was served"
        return Fail(
            because=f"none of {secret.sent} prompts with credentials {what}, and all of {plain.sent} between them without",
            expected="both are treated alike",
            observed=f"with credentials: {_treatment(secret)}; without: {_treatment(plain)}",
            cites=(tripwires,),
            reproduction="send two prompts, one of which holds a made-up key of a well-known service, and compare what happens",
        )
    if not _steady(secret):
        return Inconclusive(
            because=f"prompts with credentials: {_treatment(secret)}; without: {_treatment(plain)}",
            decide=_REPEAT,
            cites=(tripwires,),
        )
    return Pass(
        because=f"{secret.sent} prompts with credentials and {plain.sent} without were served and forwarded alike",
        cites=(tripwires,),
    )


def _steady(sifting: Sifting) -> bool:
    return 0 < sifting.sent == sifting.served == sifting.unchanged


def _treatment(sifting: Sifting) -> str:
    return f"{sifting.served} of {sifting.sent} served, {sifting.refused} refused, {sifting.unchanged} forwarded unchanged"


def _fields(watch: TripwireWatch) -> str:
    return ", ".join(sorted({f"{touch.form} in {touch.field}" for touch in watch.touches}))


def _described(touch: Touch) -> str:
    whose = "from where the gateway's own calls come" if touch.of_gateway else "from elsewhere"
    did = "was looked up by" if touch.by == "dns" else "was followed from"
    return f"{touch.form} in {touch.field} {did} {touch.source} after {touch.after_ms} ms ({whose})"
