"""K3: a compromised key can be ended at once."""

from conformance.catalogue import check
from conformance.model.declared import Declared
from conformance.model.evidence import Evidence
from conformance.model.keys import Death, Revocation, Rotation
from conformance.model.presented import KeyPresentation, Refusals
from conformance.model.scale import Level, Severity
from conformance.model.verdict import Fail, Inconclusive, NotApplicable, Pass, Verdict

_LEAST_POLLS = 3  # after the deadline
_REPRODUCTION = {
    "expire": "create a key that ends in two seconds, and call with it until long after",
    "remove the owner": "remove the user or team that a key belongs to, then call with the key",
}


@check(
    "keys.revocation-takes-effect",
    claim="K3",
    severity=Severity.CRITICAL,
    level=Level.OPERATOR,
    fix="Check the key's state where the request is admitted, or bound every cache of it; declare the bound as "
    "`claims.revocation_latency`.",
)
def revocation_takes_effect(revocation: Revocation, declared: Declared) -> Verdict:
    """A revoked or disabled key is refused within the declared time.

    Between the leak of a key and its end, whoever holds it spends and reads; a cache that outlives the revocation
    prolongs that.
    """
    if not revocation.deaths:
        return Inconclusive(because="no key was ended", decide="repeat the audit", cites=(revocation,))
    deadline = declared.promises.revocation_latency
    alive = [fail for death in revocation.deaths if (fail := survived(death, deadline, revocation))]
    doubts = [doubt for death in revocation.deaths if (doubt := unproven(death, revocation))]
    if alive:
        return alive[0]
    if doubts:
        return doubts[0]
    last = "; ".join(f"{death.how}: {last_served(death)}" for death in revocation.deaths)
    polls = sum(death.polls for death in revocation.deaths)
    return Pass(
        because=f"{last} (declared: {deadline:g} s); {polls} polls while a sibling was served",
        cites=(revocation,),
    )


@check(
    "keys.revocation-reaches-every-endpoint",
    claim="K3",
    severity=Severity.CRITICAL,
    level=Level.OPERATOR,
    fix="Ask for the key's state in one place that every route passes, not in each of them.",
)
def revocation_reaches_every_endpoint(refusals: Refusals, presentation: KeyPresentation) -> Verdict:
    """A revoked, disabled or expired key is refused at every endpoint, once it is refused at one.

    A route that was added later, or by another team, is where an ended key lives on.
    """
    public = {control.endpoint for control in presentation.controls if control.public}
    ended = {"revoked", "disabled", "expired"}
    asked = [a for a in refusals.answers if a.state in ended and a.endpoint not in public]
    alive = [answer for answer in asked if answer.served()]
    if alive:
        return Fail(
            because=f"a key that was {alive[0].state} was served at {alive[0].endpoint}, and refused elsewhere",
            expected="an ended key is refused at every endpoint",
            observed="; ".join(f"{answer.state} at {answer.endpoint}: {answer.told}" for answer in alive),
            cites=(refusals, presentation),
            reproduction="revoke a key, wait until one endpoint refuses it, and call the endpoint named with it",
        )
    blind = [c.endpoint for c in presentation.controls if not c.public and not (c.before and c.after)]
    silent = [answer for answer in asked if not answer.steady]
    if blind or silent or not asked or refusals.alive:
        what = (
            f"{blind[0]} did not serve a living key either"
            if blind
            else "ended keys were not answered everywhere"
        )
        return Inconclusive(
            because=what,
            decide="declare under `[[inference]]` only what the model serves, and audit while the gateway serves steadily",
            cites=(refusals, presentation),
        )
    places = dict.fromkeys(answer.endpoint for answer in asked)
    return Pass(
        because=f"ended keys were refused at {', '.join(places)}, where a living one was served",
        cites=(refusals, presentation),
    )


@check(
    "keys.rotation-replaces-the-secret",
    claim="K3",
    severity=Severity.HIGH,
    level=Level.OPERATOR,
    fix="Make rotation issue a new random secret and end the old one within the overlap that is documented.",
)
def rotation_replaces_the_secret(rotation: Rotation, declared: Declared) -> Verdict:
    """A rotated key has a new secret, and the old one dies within the declared overlap.

    Rotation that leaves the old secret alive gives the feeling of safety without the thing.
    """
    if rotation.old is None and not rotation.absent:
        return Inconclusive(because="no key was rotated", decide="repeat the audit", cites=(rotation,))
    if rotation.old is None:
        return NotApplicable(
            because=f"the gateway offers no rotation: {rotation.absent}; a new key and a revocation take its place",
            cites=(rotation,),
        )
    if not rotation.differs:
        return Fail(
            because="rotation gave the same secret again",
            expected="a new secret",
            observed="the secret before and after are equal",
            cites=(rotation,),
        )
    deadline = declared.promises.rotation_overlap + declared.promises.revocation_latency
    doubt = survived(rotation.old, deadline, rotation) or unproven(rotation.old, rotation)
    if doubt is not None:
        return doubt
    if not rotation.new_serves:
        return Inconclusive(
            because="the new secret was not served, so the old one's refusal proves nothing",
            decide="repeat the audit; check `rotate` in the dialect",
            cites=(rotation,),
        )
    return Pass(
        because=f"the new secret serves; the old one was {last_served(rotation.old)}",
        cites=(rotation,),
    )


def _place(death: Death) -> str:
    return f", by {death.served_at}" if len(death.places) > 1 else ""


def last_served(death: Death) -> str:
    """How long a key lived on, in words."""
    return (
        "never served again"
        if death.last_served_ms is None
        else f"last served after {death.last_served_ms} ms"
    )


def survived(death: Death, deadline: float, evidence: Evidence) -> Fail | None:
    """What a key got that was served later than `deadline` seconds after its end; None where none was."""
    if death.last_served_ms is None or death.last_served_ms <= deadline * 1000:
        return None
    return Fail(
        because=f"after '{death.how}' the key was still served at {death.last_served_ms / 1000:.2f} s{_place(death)}",
        expected=f"no call served later than {deadline:g} s after the command was answered",
        observed=f"{death.polls - death.refused} of {death.polls} polls served, the last at {death.last_served_ms} ms",
        cites=(evidence,),
        reproduction=_REPRODUCTION.get(
            death.how, f"{death.how} a key that was just used, then call with it again"
        ),
    )


def unproven(death: Death, evidence: Evidence) -> Inconclusive | None:
    """Why the refusals of a dead key would prove nothing, if so."""
    if not death.alive_before:
        why = f"the key was not served before '{death.how}', so its refusal proves nothing"
    elif death.sibling_served < max(1, death.sibling_polls):
        why = f"a sibling key was refused too ({death.sibling_served} of {death.sibling_polls} served) while the key was watched"
    elif death.refused_after_deadline < max(_LEAST_POLLS, death.polls_after_deadline):
        why = f"only {death.refused_after_deadline} refusals were seen in {death.polls_after_deadline} polls after the deadline"
    else:
        return None
    return Inconclusive(
        because=why, decide="repeat the audit while the gateway serves steadily", cites=(evidence,)
    )
