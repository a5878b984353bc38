"""What standards say of a server's TLS. Norms stand beside verdicts and decide no claim."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from conformance.model.evidence import Unobserved
from conformance.model.tls_facts import GROUPS, SUITES, Certificate, Handshaken, StandFacts, TlsFacts
from conformance.model.transport import Attempt, Outcome, Version
from conformance.model.verdict import Norm

_CCM_8, _MANDATORY = 0x1305, 0x1301
_FFDHE2048 = 0x0100
_NO_PROTOCOL = 120
_LONGEST_TICKET = 604_800  # seconds
_LEAST_BITS = {"RSA": 2048, "ECDSA": 256, "Ed25519": 256, "Ed448": 448}
_BROKEN_DIGESTS = ("md5", "sha1")
# From these days on, certificates of public authorities may live so long (CA/Browser Forum, ballot SC-081v3).
_LIFETIMES = (("2029-03-15", 47), ("2027-03-15", 100), ("2026-03-15", 200), ("2020-09-01", 398))
_SOON = 7  # days


def handshake_norms(facts: TlsFacts | Unobserved) -> tuple[Norm, ...]:
    """Suites, groups, tolerance, tickets, early data and default hosts, of all addresses together."""
    if isinstance(facts, Unobserved) or not facts.stands:
        return ()
    return tuple(
        norm
        for norms in (_suites, _groups, _hybrid, _tolerance, _protocols, _tickets, _early_data, _nameless)
        for norm in norms(facts.stands)
    )


def certificate_norms(facts: TlsFacts | Unobserved) -> tuple[Norm, ...]:
    """Keys, signatures, names, chains, lifetimes and what is left of them."""
    if isinstance(facts, Unobserved):
        return ()
    chains = {shake.chain: None for stand in facts.stands if (shake := stand.handshake) and shake.chain}
    leaves = list(dict.fromkeys(chain[0] for chain in chains))
    if not leaves:
        return ()
    now = datetime.fromisoformat(facts.now)
    every = [certificate for chain in chains for certificate in chain]
    return (
        _rule("RFC 9325, 4.5", "keys of at least 2048 bits (RSA) or 256 (curves)", map(_weak_key, every)),
        _rule("RFC 9325, 4.5", "no certificate is signed over SHA-1 or MD5", map(_weak_digest, every)),
        _rule("RFC 9525, 2", "the certificate has a subject alternative name", map(_nameless_leaf, leaves)),
        _rule("RFC 5280, 4.2.1.9", "the leaf is no authority", map(_authority_leaf, leaves)),
        _rule("RFC 8446, 4.4.2", "each certificate is vouched for by the next", map(_gap, chains)),
        *(norm for leaf in leaves for norm in (*_lifetime(leaf), _left(leaf, now), _logged(leaf))),
    )


def old_handshake_norms(attempts: Iterable[Attempt], *, beside_modern: bool) -> tuple[Norm, ...]:
    """What a handshake below 1.3 lacks, where one was agreed to; only a server that has TLS 1.3 too marks a downgrade."""
    begun = [
        attempt
        for attempt in attempts
        if attempt.outcome is Outcome.SERVER_HELLO
        and attempt.version not in {None, Version.TLS13, Version.SSL2}
    ]
    if not begun:
        return ()
    unmarked = beside_modern and not all(a.sentinel for a in begun)
    rules = (
        ("RFC 9325, 3.3", "TLS-level compression is not used", any(a.compression for a in begun)),
        (
            "RFC 5746, 3.6",
            "renegotiation is tied to its handshake",
            not all(a.renegotiation_info for a in begun),
        ),
        ("RFC 8446, 4.1.3", "a downgrade is marked in the server's random", unmarked),
    )
    return tuple(
        Norm(source=source, verdict="not met" if broken else "met", note=note)
        for source, note, broken in rules
    )


def _rule(source: str, rule: str, flaws: Iterable[str]) -> Norm:
    found = sorted({flaw for flaw in flaws if flaw})
    return Norm(source=source, verdict="not met" if found else "met", note="; ".join([rule, *found]))


def _suites(stands: tuple[StandFacts, ...]) -> Iterator[Norm]:
    chosen = {suite: None for stand in stands for suite in stand.chosen(stand.suites)}
    if chosen:
        names = ", ".join(SUITES[suite] for suite in chosen)
        sound = _CCM_8 not in chosen
        yield Norm(
            source="RFC 9325, 4.2", verdict="met" if sound else "not met", note=f"suites of TLS 1.3: {names}"
        )
        everywhere = all(_MANDATORY in stand.chosen(stand.suites) for stand in stands)
        yield Norm(
            source="RFC 8446, 9.1",
            verdict="met" if everywhere else "not met",
            note=f"{SUITES[_MANDATORY]} MUST be implemented",
        )


def _groups(stands: tuple[StandFacts, ...]) -> Iterator[Norm]:
    chosen = {group: None for stand in stands for group in stand.chosen(stand.groups)}
    if chosen:
        names = ", ".join(GROUPS.get(group, f"0x{group:04x}") for group in chosen)
        yield Norm(
            source="BSI TR-02102-2, 3.4.4",
            verdict="not met" if _FFDHE2048 in chosen else "met",
            note=f"no finite-field group below 3000 bits; groups: {names}",
        )


def _hybrid(stands: tuple[StandFacts, ...]) -> Iterator[Norm]:
    found = {stand.hybrid.chosen for stand in stands if stand.hybrid}
    names = ", ".join(GROUPS.get(group, f"0x{group:04x}") for group in sorted(found) if group)
    told = f"agreed to: {names}" if names else "none is agreed to"
    yield Norm(source="post-quantum hybrid groups", verdict="note", note=told)


def _tolerance(stands: tuple[StandFacts, ...]) -> Iterator[Norm]:
    asked = [stand.tolerance for stand in stands if stand.tolerance]
    if asked:
        met = all(question.chosen == Version.TLS13.wire for question in asked)
        note = "values and versions that are not known yet are passed over"
        yield Norm(source="RFC 8701, 4", verdict="met" if met else "not met", note=note)


def _protocols(stands: tuple[StandFacts, ...]) -> Iterator[Norm]:
    asked = [stand.strange_protocol for stand in stands if stand.strange_protocol]
    if asked:
        met = all(question.alert == _NO_PROTOCOL for question in asked)
        note = "a client whose protocols are all unknown is turned away with no_application_protocol"
        yield Norm(source="RFC 7301, 3.2", verdict="met" if met else "not met", note=note)


def _tickets(stands: tuple[StandFacts, ...]) -> Iterator[Norm]:
    shakes = list(_finished(stands))
    if shakes:
        longest = max((life for shake in shakes for life in shake.ticket_lifetimes), default=0)
        note = (
            f"tickets live at most 604800 s; longest here: {longest} s" if longest else "no ticket was issued"
        )
        verdict = "met" if longest <= _LONGEST_TICKET else "not met"
        yield Norm(source="RFC 8446, 4.6.1", verdict=verdict, note=note)


def _early_data(stands: tuple[StandFacts, ...]) -> Iterator[Norm]:
    shakes = list(_finished(stands))
    if shakes:
        most = max(shake.early_data for shake in shakes)
        note = (
            f"up to {most} bytes may come in early data, where they can be replayed"
            if most
            else "no early data"
        )
        yield Norm(source="RFC 8470, 3", verdict="not met" if most else "met", note=note)


def _nameless(stands: tuple[StandFacts, ...]) -> Iterator[Norm]:
    for stand in stands:
        named, nameless = stand.handshake, stand.nameless
        if named and named.chain and nameless and nameless.chain and nameless.chain[0] != named.chain[0]:
            names = ", ".join(nameless.chain[0].names) or nameless.chain[0].subject
            yield Norm(
                source="default host", verdict="note", note=f"without SNI the certificate is for {names}"
            )


def _finished(stands: tuple[StandFacts, ...]) -> Iterator[Handshaken]:
    return (stand.handshake for stand in stands if stand.handshake and not stand.handshake.trouble)


def _weak_key(one: Certificate) -> str:
    least = next((bits for kind, bits in _LEAST_BITS.items() if one.key.startswith(kind)), 1 << 16)
    return f"{one.key}, {one.bits} bits" if one.bits < least else ""


def _weak_digest(one: Certificate) -> str:
    own = one.subject == one.issuer  # nobody relies on what a root says of itself
    return one.signature if not own and any(name in one.signature.lower() for name in _BROKEN_DIGESTS) else ""


def _nameless_leaf(leaf: Certificate) -> str:
    return "" if leaf.names else leaf.subject


def _authority_leaf(leaf: Certificate) -> str:
    return leaf.subject if leaf.authority else ""


def _gap(chain: tuple[Certificate, ...]) -> str:
    pairs = pairwise(chain)
    return next(
        (
            f"{one.subject} is followed by {next_.subject}"
            for one, next_ in pairs
            if one.issuer != next_.subject
        ),
        "",
    )


def _lifetime(leaf: Certificate) -> Iterator[Norm]:
    """How long it lives. The limit is one for public authorities; that it was logged shows that it is theirs."""
    begins, days = leaf.not_before[:10], _days(leaf)
    limit = next((most for since, most in _LIFETIMES if begins >= since), None)
    if leaf.timestamps and limit is not None:
        verdict = "met" if days <= limit else "not met"
        yield Norm(
            source="CA/B Forum SC-081v3", verdict=verdict, note=f"valid for {days} days; at most {limit}"
        )


def _days(leaf: Certificate) -> int:
    whole = datetime.fromisoformat(leaf.not_after) - datetime.fromisoformat(leaf.not_before)
    return -(-whole // timedelta(days=1))


def _left(leaf: Certificate, now: datetime) -> Norm:
    left = (datetime.fromisoformat(leaf.not_after) - now) // timedelta(days=1)
    verdict = "met" if left >= _SOON or left * 3 >= _days(leaf) else "not met"
    return Norm(source="expiry", verdict=verdict, note=f"{leaf.subject}: {left} days left of {_days(leaf)}")


def _logged(leaf: Certificate) -> Norm:
    if leaf.timestamps:
        return Norm(
            source="RFC 9162, 8.1", verdict="met", note=f"{leaf.timestamps} embedded certificate timestamps"
        )
    return Norm(
        source="RFC 9162, 8.1",
        verdict="note",
        note="no embedded certificate timestamp: usual for private authorities",
    )
