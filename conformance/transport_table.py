"""The transport table of a report: what every address, port and name was seen to do. Pure; no verdict depends on it."""

from conformance.checks.transport.refusal import Standing, standing
from conformance.judge import Gathered
from conformance.model.exhibit import TransportRow, TransportWord
from conformance.model.transport import (
    Handshake,
    HstsAnswers,
    Outcome,
    Place,
    PlaceTrial,
    TlsVersions,
    Version,
)

_WORDS: dict[Standing, TransportWord] = {
    Standing.REFUSED: "refused",
    Standing.NO_SERVICE: "no service",
    Standing.UNCLEAR: "unclear",
}
_Words = dict[str, TransportWord]
_MOST_FIELDS = 3  # different HSTS fields of one address


def transport_table(gathered: Gathered) -> tuple[TransportRow, ...]:
    """One row per address and port; several where names or protocols there are treated differently. Empty where versions were
    not observed.
    """
    versions = gathered.get(TlsVersions.__name__)
    hsts = gathered.get(HstsAnswers.__name__)
    if not isinstance(versions, TlsVersions):
        return ()
    fields = _fields(hsts) if isinstance(hsts, HstsAnswers) else {}
    shakes = {_seat(shake.place): shake for shake in versions.handshakes}
    groups: list[tuple[_Words, list[Place]]] = []
    for trial in versions.trials:
        _join(groups, trial.place, {version.value: _word(trial, version, versions) for version in Version})
    return tuple(
        TransportRow(
            address=_address(places[0]),
            names=tuple(dict.fromkeys(_named(place) for place in places)),
            versions=words,
            certificate=next((said for p in places if (said := _certificate(shakes.get(_seat(p))))), ""),
            hsts=fields.get(places[0].address, ""),
        )
        for words, places in groups
    )


def _join(groups: list[tuple[_Words, list[Place]]], place: Place, words: _Words) -> None:
    """Put a place into the first group of its address that it does not contradict: what one was not asked, another may know."""
    for known, places in groups:
        agrees = all(
            "not tried" in (known[version], word) or known[version] == word for version, word in words.items()
        )
        if agrees and _address(places[0]) == _address(place):
            known.update((version, word) for version, word in words.items() if word != "not tried")
            places.append(place)
            return
    groups.append((words, [place]))


def _word(trial: PlaceTrial, version: Version, versions: TlsVersions) -> TransportWord:
    """What one place does with one version, by the same rules as the checks."""
    finished = any(
        done.place == trial.place and done.finished and done.offered is version
        for done in versions.confirmations
    )
    answers = [a for a in trial.attempts if a.outcome is Outcome.SERVER_HELLO and a.version is version]
    if any(answer.complete for answer in answers) or (answers and finished):
        return "agreed"
    if not any(attempt.offered is version for attempt in trial.attempts):
        return "not tried"
    if version is Version.TLS13:
        return "unclear" if trial.place.kind == "right" else "no service"
    return _WORDS[standing(trial, version).standing]


def _seat(place: Place) -> tuple[str, int, str]:
    return place.address, place.port, place.sni


def _named(place: Place) -> str:
    names = {"right": place.sni or place.host, "none": "no name", "unknown": "unknown name"}
    alpn = f", {'+'.join(place.alpn)}" if place.alpn else ""
    return names.get(place.kind, place.sni) + alpn


def _address(place: Place) -> str:
    return f"[{place.address}]:{place.port}" if ":" in place.address else f"{place.address}:{place.port}"


def _certificate(shake: Handshake | None) -> str:
    if shake is None:
        return ""
    said = "trusted" if shake.verified and not shake.trouble else shake.trouble or "not verified"
    return f"{said}, until {shake.not_after[:10]}" if shake.not_after else said


def _fields(hsts: HstsAnswers) -> dict[str, str]:
    """The distinct fields of each address; a place with many is cut to the first few."""
    found: dict[str, dict[str, None]] = {}
    for answer in hsts.answers:
        if answer.status and answer.secure:
            found.setdefault(answer.address, {}).update(dict.fromkeys(answer.fields or ("none",)))
    return {address: "; ".join(list(fields)[:_MOST_FIELDS]) for address, fields in found.items()}
