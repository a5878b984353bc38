"""K4: keys cannot be guessed."""

from conformance.catalogue import check
from conformance.model.declared import Declared
from conformance.model.keys import Crossing, EnvironmentSeparation, SecretSample
from conformance.model.scale import Level, Severity
from conformance.model.verdict import Fail, Inconclusive, Norm, Pass, Verdict

# What claims call unguessable: as many bits as a key of AES-128 has, which nobody can try through.
_ENOUGH_BITS = 128
_ROUNDING = 0.01  # bits
_LEAST_KEYS = 12
_ENVIRONMENTS = ("live", "prod", "test", "dev", "stag", "sandbox")


@check(
    "keys.secrets-are-unguessable",
    claim="K4",
    severity=Severity.CRITICAL,
    level=Level.OPERATOR,
    fix="Make each secret of at least 16 bytes, better 32, from the operating system's random source (`secrets` in Python, "
    "`crypto/rand` in Go, `crypto.randomBytes` in Node), and of nothing else.",
)
def secrets_are_unguessable(sample: SecretSample, declared: Declared) -> Verdict:
    """What is secret of a key can hold 128 bits, and a sample of keys shows no pattern in them.

    Whoever can guess keys needs no leak. Short secrets, counters, clocks and generators made for dice can be guessed.
    """
    if sample.left < _ENOUGH_BITS - _ROUNDING:
        return _guessable(sample)
    if sample.created < _LEAST_KEYS:
        return Inconclusive(
            because=f"only {sample.created} keys could be created, too few to see a pattern in",
            decide="let the audit create more: see `limits.requests` and the gateway's own limits",
            cites=(sample,),
        )
    rest = "; ".join(pattern.detail for pattern in sample.patterns)
    return Pass(
        because=f"{sample.varying} characters of {sample.alphabet} can hold {sample.capacity:.0f} bits; {sample.created} keys "
        f"show no pattern{f' beside this: {rest}' if rest else ''}, and would have met in a space below "
        f"{sample.least_space:.0f} bits{_not_tried(declared)}",
        cites=(sample,),
        norm=_norms(sample),
    )


@check(
    "keys.environments-are-separate",
    claim="K4",
    severity=Severity.HIGH,
    level=Level.OPERATOR,
    further="other-environment",
    fix="Give each environment a store of keys of its own, and let none read another's; write the environment into the key, so "
    "that a key from elsewhere is refused before anything is looked up.",
)
def environments_are_separate(separation: EnvironmentSeparation) -> Verdict:
    """A key of one environment opens nothing in another.

    Keys for development lie in notebooks and build logs. Where they open production, they are production's keys.
    """
    crossed = [
        crossing for crossing in separation.crossings if crossing.told == crossing.own != crossing.invented
    ]
    if crossed:
        return Fail(
            because=f"a key of {crossed[0].key_of} opened {crossed[0].at}",
            expected="a key opens its own environment only",
            observed="; ".join(f"{c.key_of} at {c.at}: answered {c.told}, as its own key" for c in crossed),
            cites=(separation,),
            reproduction="call one deployment with a key that the other made",
        )
    unclear = [c for c in separation.crossings if c.own == c.invented or not _refused(c)]
    if unclear or not separation.crossings:
        why = (
            f" ({unclear[0].at}: {unclear[0].own}, {unclear[0].invented}, {unclear[0].told})"
            if unclear
            else ""
        )
        return Inconclusive(
            because=f"own, invented and foreign keys were not answered so that they can be told apart{why}",
            decide="check the key of `other_environment`, and repeat the audit when both deployments answer",
            cites=(separation,),
        )
    places = " and ".join(f"{c.key_of}'s key at {c.at}" for c in separation.crossings)
    return Pass(
        because=f"{places}: refused as an invented one is, while own keys were not", cites=(separation,)
    )


def _refused(crossing: Crossing) -> bool:
    """Whether a foreign key was refused as an invented one is, and neither by overload nor by a breakdown."""
    return crossing.told == crossing.invented and crossing.told.startswith("4") and crossing.told != "429"


def _not_tried(declared: Declared) -> str:
    apart = "other-environment" in declared.access
    return "" if apart else "; whether another environment's keys are refused was not tried"


def _guessable(sample: SecretSample) -> Fail:
    patterns = "; ".join(pattern.detail for pattern in sample.patterns)
    room = f"{sample.varying} characters of {sample.alphabet} can hold {sample.capacity:.0f} bits"
    return Fail(
        because=f"{patterns}: at most {sample.left:.0f} bits are left" if patterns else f"{room} at most",
        expected=f"a secret that can hold {_ENOUGH_BITS} bits or more, of which no key tells anything about another",
        observed=f"{sample.created} keys: {room}" + (f"; {patterns}" if patterns else ""),
        cites=(sample,),
        reproduction="create some keys one after the other, write them below each other and compare column by column",
        norm=_norms(sample),
    )


def _norms(sample: SecretSample) -> tuple[Norm, ...]:
    """What secret scanners and people want of a key's form; none of it makes a key harder to guess."""
    environment = any(word in sample.prefix.lower() for word in _ENVIRONMENTS)
    return (
        Norm(
            source="a prefix by which secret scanners know the key",
            verdict="met" if len(sample.prefix) > 1 else "not met",
            note=f"{sample.prefix}…" if sample.prefix else "keys begin with random characters",
        ),
        Norm(
            source="a checksum by which secret scanners drop false positives",
            verdict="met" if sample.checksum else "not met",
            note=sample.checksum or "none of those that are known",
        ),
        Norm(
            source="the environment stands in the key",
            verdict="met" if environment else "not met",
            note="by its prefix" if environment else "the prefix names none",
        ),
    )
