"""K3: what is open or still to come when a key ends, ends with it."""

from conformance.catalogue import check
from conformance.checks.key_life import last_served, survived, unproven
from conformance.model.declared import Declared
from conformance.model.key_ends import CutStream, Expiry, OpenStreams, OwnerRemoval, Resurrection
from conformance.model.scale import Level, Severity
from conformance.model.verdict import Fail, Inconclusive, NotApplicable, Pass, Verdict

_WHOLE_SECOND = 1.0  # to which a date may be kept


@check(
    "keys.revocation-ends-open-streams",
    claim="K3",
    severity=Severity.HIGH,
    level=Level.OPERATOR,
    deciding=False,
    fix="Tell every worker of a revocation and end the key's streams, or look at its state at each event; never tie a key to a "
    'connection. Where streams are meant to finish, document it and declare `streams_after_revocation = "finish"`.',
)
def revocation_ends_open_streams(open_streams: OpenStreams, declared: Declared) -> Verdict:
    """Streams and connections that were open when a key was revoked or disabled serve it no longer.

    Whoever found a key opens long streams with it; a revocation that waits for their end is not immediate. Many gateways let
    what has begun finish, and mean it; so this informs. That nothing new is served decides (`keys.revocation-takes-effect`).
    """
    deadline = declared.promises.revocation_latency
    finish = declared.promises.streams_after_revocation == "finish"
    for stream in open_streams.streams:
        if what := _went_on(stream, finish=finish):
            return Fail(
                because=f"after '{stream.how}' {what}",
                expected=f"nothing that the provider makes later than {deadline:g} s after the command was answered",
                observed=f"{stream.late} characters of text, {stream.begun_late} new calls of the provider; the kept connection "
                f"was told {stream.kept_after}",
                cites=(open_streams,),
                reproduction=f"begin a long stream with a key, {stream.how} the key, and read on; then call with it again on a "
                "connection that it used before",
            )
    if doubts := [doubt for stream in open_streams.streams if (doubt := _unseen(stream))]:
        return Inconclusive(
            because=doubts[0],
            decide="repeat the audit while the gateway serves steadily; it must pass streams on while they are made",
            cites=(open_streams,),
        )
    if not open_streams.streams:
        return Inconclusive(because="no key was ended", decide="repeat the audit", cites=(open_streams,))
    told = "; ".join(f"{stream.how}: {_end_of(stream, finish=finish)}" for stream in open_streams.streams)
    return Pass(
        because=f"{told} (declared: {deadline:g} s); a sibling's stream went on", cites=(open_streams,)
    )


@check(
    "keys.expired-keys-are-refused",
    claim="K3",
    severity=Severity.HIGH,
    level=Level.OPERATOR,
    further="expiry",
    fix="Compare the key's end with the clock where a request is admitted, in UTC; make no key that has ended already.",
)
def expired_keys_are_refused(expiry: Expiry, declared: Declared) -> Verdict:
    """A key made to end at a date is refused from then on, and one whose date is past opens nothing.

    A date is what ends the keys that everybody has forgotten.
    """
    if expiry.past == "served":
        return Fail(
            because="a key that had ended an hour before it was made was served",
            expected="no key, or one that is refused",
            observed=f"created, and answered {expiry.past_told}",
            cites=(expiry,),
            reproduction="create a key with an end in the past, and call with it",
        )
    if expiry.soon is None:
        if expiry.absent:
            return NotApplicable(because=f"the gateway's keys have no end: {expiry.absent}", cites=(expiry,))
        return Inconclusive(because="no key was made to end", decide="repeat the audit", cites=(expiry,))
    deadline = declared.promises.revocation_latency + _WHOLE_SECOND
    if verdict := survived(expiry.soon, deadline, expiry) or unproven(expiry.soon, expiry):
        return verdict
    offset = "unknown" if expiry.offset_ms is None else f"{expiry.offset_ms} ms ahead of ours"
    past = {"refused": "refused at its creation", "dead": "refused", "unknown": "not answered"}[expiry.past]
    return Pass(
        because=f"after its end a key was {last_served(expiry.soon)}; one with an end in the past was {past}; the gateway's "
        f"clock is {offset}",
        cites=(expiry,),
    )


@check(
    "keys.keys-of-removed-owners-are-refused",
    claim="K3",
    severity=Severity.HIGH,
    level=Level.OPERATOR,
    further="owner-removal",
    fix="End the keys of a user or team in the transaction that removes it, or refuse to remove an owner who has keys.",
)
def keys_of_removed_owners_are_refused(removal: OwnerRemoval, declared: Declared) -> Verdict:
    """The keys of an owner who was removed are refused within the declared time.

    Whoever leaves takes along the keys that nobody revokes one by one.
    """
    if removal.death is None:
        if removal.refused:
            return Pass(
                because=f"an owner who has keys is not removed ({removal.refused}): the keys must be ended first",
                cites=(removal,),
            )
        if removal.absent:
            return NotApplicable(because=f"no owner can be removed: {removal.absent}", cites=(removal,))
        return Inconclusive(because="no owner was removed", decide="repeat the audit", cites=(removal,))
    doubt = survived(removal.death, declared.promises.revocation_latency, removal) or unproven(
        removal.death, removal
    )
    return doubt or Pass(
        because=f"after its owner's removal a key was {last_served(removal.death)}, while one of another owner was served",
        cites=(removal,),
    )


@check(
    "keys.restarts-resurrect-no-key",
    claim="K3",
    severity=Severity.HIGH,
    level=Level.INSTRUMENTED,
    further="restart",
    fix="Write the end of a key to where keys are read from at the start, before its command is answered.",
)
def restarts_resurrect_no_key(after: Resurrection) -> Verdict:
    """A key that was ended before the gateway was restarted is refused when it is back.

    An end that is kept in memory is undone by the next deployment, when nobody looks.
    """
    if risen := [key for key in after.keys if key.served]:
        return Fail(
            because=f"a key that was {risen[0].state} is served again by the gateway that was {risen[0].way}",
            expected="a key that was dead stays so",
            observed="; ".join(f"{key.state}, {key.way}: {key.told}" for key in risen),
            cites=(after,),
            reproduction="end a key, wait until it is refused, restart the gateway and call with the key",
        )
    silent = [key for key in after.keys if key.refused < key.asked]
    if silent or not after.keys:
        return Inconclusive(
            because=f"a key that was {silent[0].state} was answered {silent[0].told}"
            if silent
            else "no dead key was asked about",
            decide="see keys.revocation-takes-effect, and repeat the audit while the gateway serves steadily",
            cites=(after,),
        )
    states, ways = (
        ", ".join(dict.fromkeys(names)) for names in zip(*((k.state, k.way) for k in after.keys), strict=True)
    )
    return Pass(
        because=f"{states}: refused by the gateway that was {ways}, while a living key was served",
        cites=(after,),
    )


def _went_on(stream: CutStream, *, finish: bool) -> str:
    """What a key that is refused elsewhere was given all the same; empty where it was nothing.

    One that is served anew has outlived its end altogether, which is another check's.
    """
    if not stream.refused:
        return ""
    if stream.kept_serves():
        return "the key was served on a connection that had served it before"
    if stream.begun_late:
        return "the provider was called anew for its stream"
    if stream.late and not finish:
        return f"its stream went on: {stream.late} characters were made and passed on after the deadline"
    return ""


def _unseen(stream: CutStream) -> str:
    """Why the end of a stream would prove nothing, if so."""
    if not stream.refused:
        return f"after '{stream.how}' the key was not refused either when it was shown anew"
    if not stream.opened:
        return "no stream brought text before its key ended: the gateway may keep answers back until they are whole"
    if not stream.sibling_late:
        return f"the stream of a sibling did not go on either after '{stream.how}'"
    if not stream.kept_before or stream.kept_after == "timeout":
        return (
            "the connection that was to be kept did not serve the key before, or did not answer after its end"
        )
    return ""


def _end_of(stream: CutStream, *, finish: bool) -> str:
    if finish and stream.late:
        return "the stream went on, as is declared, and opened nothing new"
    return "no text after it" if stream.last_ms is None else f"last text after {stream.last_ms} ms"
