"""Stored forms of a key, decided by recomputation: the secret is known, so whatever was made of it can be made again."""

import base64
import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from msgspec.structs import replace as replaced

from conformance.model.storage import StoredForm
from conformance.scan import ciphers
from conformance.scan.candidates import BROKEN, Candidate, candidates, materials, seasoned
from conformance.scan.kdf import Stretched, stretched
from conformance.scan.records import Record
from conformance.scan.reproduced import reproduced
from conformance.scan.slow_columns import stretched_apart
from conformance.scan.tokens import Token, is_digest_sized, is_piece, tokens
from conformance.scan.written import in_parts, written

MOST_HASHES = 300_000  # for one key
_MOST_STRINGS = 8  # fields with a password hash that a key is tried with: of each it may take seconds
_MOST_RECORDS_APART = 2
_MOST_PEPPERS = 12
_MOST_TOGETHER = 48  # fields of all records of a key, where they are few enough to be seen as one
_LEAST_SALT = 64  # bits
_LEAST_STORED = 128  # bits of a digest
_LONG = 20  # bytes of a value that can hide a secret
_DECRYPTED = 4  # records whose values are tried with every key that lies there
_SALT_SIZES = range(1, 129)
_ELSEWHERE = ", declared to lie elsewhere"
_PASSWORD_HASH = re.compile(rb"\$|pbkdf2|scrypt|AQAAAA")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyInStore:
    """A key to look for: its label in evidence, its secret, and the records that name it."""

    label: str
    secret: str
    records: tuple[Record, ...]
    beside: tuple[Record, ...] = ()  # further records in which a common salt may lie
    identifiers: tuple[bytes, ...] = ()  # public values: they name the key, and are no verifier of it
    peppers: tuple[
        bytes, ...
    ] = ()  # values that are declared to be kept apart, with which verifiers are keyed


@dataclass(frozen=True, slots=True, kw_only=True)
class Classified:
    """How one key is stored, what was not explained, and how many hashes that took."""

    label: str
    forms: tuple[StoredForm, ...]
    unexplained: int
    hashes: int


@dataclass(frozen=True, slots=True)
class _Match:
    """A stored value that a computation reproduced. The salt stays here; it is no evidence."""

    item: str
    form: StoredForm
    salt: bytes | None
    value: bytes = b""


def classify(keys: Sequence[KeyInStore], surface: str) -> tuple[Classified, ...]:
    """The stored forms of keys on one surface. Salts are compared between keys: one for all is as good as none."""
    found = {key.label: _matches(key, surface) for key in keys}
    for key, match in _of_one_keystream(keys, surface):
        found[key.label][0].append(match)
    used: dict[bytes, set[str]] = defaultdict(set)
    for label, (matches, _, _) in found.items():
        for match in matches:
            if match.salt is not None:
                used[match.salt].add(label)
    salted = sum(any(m.salt is not None for m in matches) for matches, _, _ in found.values())
    return tuple(
        Classified(
            label=label,
            forms=tuple(dict.fromkeys(_compared(m, used, salted) for m in matches)),
            unexplained=unexplained,
            hashes=hashes,
        )
        for label, (matches, unexplained, hashes) in found.items()
    )


def _matches(key: KeyInStore, surface: str) -> tuple[list[_Match], int, int]:
    """What reproduces the stored values of one key: with salts of their own record first, with common ones where those fail."""
    # Records that hold a value of a digest's size come first: the number of hashes is bounded.
    public = {token.value for token in tokens(key.identifiers)}
    records = sorted(dict.fromkeys(key.records), key=lambda record: not _digest_sized(record, public))
    records += _together(records)
    matches = [*_password_hashes(key, records, surface), *_decrypted(key, surface), *_written(key, surface)]
    unexplained = {token.value for r in records for token in tokens(r.fields) if _may_verify(token)}
    unexplained -= _explained(matches) | public
    hashes = 0
    for tries in _ways(key):
        for record in records:
            known = tokens(record.fields)
            open_values = unexplained & {token.value for token in known} - {match.salt for match in matches}
            if not open_values and matches:
                continue
            tried = islice(tries(_salts(known)), max(0, MOST_HASHES - hashes))
            pairs, count = reproduced(known, tried, open_values)
            found = [_match(record.item, surface, candidate, token) for candidate, token in pairs]
            hashes += count
            matches += found
            unexplained -= _explained(found)
    if not matches:
        matches = _slow(key, records, surface, public)
        unexplained -= _explained(matches)
    return matches, len(unexplained), hashes


def _together(records: Sequence[Record]) -> list[Record]:
    """Few short records as one: a table may keep each property of a key in a row of its own."""
    fields = tuple(dict.fromkeys(field for record in records for field in record.fields))
    return [Record(records[0].item, fields)] if len(records) > 1 and len(fields) <= _MOST_TOGETHER else []


def _ways(key: KeyInStore) -> tuple[Callable[[tuple[Token, ...]], Iterator[Candidate]], ...]:
    """What a key is tried with, given the salts of a record: those, common ones, declared ones, and two together."""
    common = _salts(tokens(field for record in key.beside for field in record.fields))
    apart = tuple(
        replace(token, encoding=f"{token.encoding}{_ELSEWHERE}")
        for token in tokens(key.peppers)
        if token.value not in {salt.value for salt in common}
    )
    peppers = (*apart, *common)[:_MOST_PEPPERS]
    return (
        lambda own: candidates(key.secret, own),
        lambda _own: candidates(key.secret, common),
        lambda own: candidates(key.secret, [t for t in apart if t.value not in {o.value for o in own}]),
        lambda own: seasoned(key.secret, peppers, own),
    )


def _password_hashes(key: KeyInStore, records: Iterable[Record], surface: str) -> list[_Match]:
    """Password hashes that are the key's; where none is, those that cannot be decided here."""
    doubtful: list[_Match] = []
    fields = dict.fromkeys((record.item, field) for record in records for field in record.fields)
    seen = ((item, field) for item, field in fields if _PASSWORD_HASH.search(field))
    for item, field in islice(seen, _MOST_STRINGS):
        for found in stretched(field, _whole(key)):
            match = _stretched(item, surface, found)
            if found.verified:
                return [match]
            doubtful.append(match)
    return doubtful


def _slow(key: KeyInStore, records: Iterable[Record], surface: str, public: Iterable[bytes]) -> list[_Match]:
    """Slow hashes in columns, in the first records that may hold some."""
    return [
        _stretched(record.item, surface, found)
        for record in islice(records, _MOST_RECORDS_APART)
        for found in stretched_apart(tokens(record.fields), public, _whole(key))
    ]


def _written(key: KeyInStore, surface: str) -> list[_Match]:
    """Values that hold the secret itself once they are read back."""
    values = [(record.item, tokens(record.fields)) for record in key.records]
    found = [_recovered(item, surface, one) for item, known in values for one in written(key.secret, known)]
    if not found:
        texts = [token for _, known in values for token in known if token.value not in key.identifiers]
        found = [_recovered(key.records[0].item, surface, one) for one in in_parts(key.secret, texts)]
    return [replace(match, form=replaced(match.form, stored="encoded")) for match in found]


def _decrypted(key: KeyInStore, surface: str) -> list[_Match]:
    """Values that come back as the secret, by what lies in the same record or beside it."""
    beside = tokens(field for record in key.beside for field in record.fields)
    found = {
        (record.item, one)
        for record in key.records[:_DECRYPTED]
        for one in ciphers.recovered(key.secret, tokens(record.fields), beside)
    }
    return [_recovered(item, surface, one) for item, one in sorted(found, key=repr)]


def _of_one_keystream(keys: Sequence[KeyInStore], surface: str) -> list[tuple[KeyInStore, _Match]]:
    values = {
        key.label: (key.secret, [t.value for record in key.records for t in tokens(record.fields)])
        for key in keys
    }
    found = ciphers.one_keystream(values)
    return [
        (key, _recovered(key.records[0].item, surface, found[key.label]))
        for key in keys
        if key.label in found
    ]


def _recovered(item: str, surface: str, one: ciphers.Recovered) -> _Match:
    form = StoredForm(stored="decryptable", surface=surface, item=item, detail=one.how)
    return _Match(item, form, None, one.value)


def _explained(matches: Iterable[_Match]) -> set[bytes]:
    return {value for match in matches for value in (match.value, match.salt) if value}


def _digest_sized(record: Record, public: set[bytes]) -> bool:
    return any(is_digest_sized(token) and token.value not in public for token in tokens(record.fields))


def _may_verify(token: Token) -> bool:
    """Whether a value may be a digest, or long enough to be a secret in a form that nobody knows."""
    if is_piece(token):
        return False
    return is_digest_sized(token) or (token.encoding != "text" and len(token.value) >= _LONG)


def _salts(known: Iterable[Token]) -> tuple[Token, ...]:
    return tuple(dict.fromkeys(token for token in known if len(token.value) in _SALT_SIZES))


def _whole(key: KeyInStore) -> tuple[bytes, ...]:
    """What a slow hash is tried with: few materials, as each costs a tenth of a second.

    bcrypt reads 72 bytes only, so that many give it a digest of the key.
    """
    digest = hashlib.sha256(key.secret.encode())
    short = (digest.hexdigest().encode(), base64.b64encode(digest.digest()))
    return (*(material.value for material in materials(key.secret)[:3]), *short)


def _match(item: str, surface: str, candidate: Candidate, token: Token) -> _Match:
    bits = 8 * len(token.value)
    salt = candidate.salt
    detail = f"{candidate.algorithm} of {candidate.material.name}, {candidate.order}, as {token.encoding}"
    if salt is not None:
        detail += f", salt from {salt.encoding}"
    form = StoredForm(
        stored=_class(candidate, bits),
        surface=surface,
        item=item,
        detail=detail,
        salt_bits=salt.bits if salt else 0,
        digest_bits=bits,
    )
    return _Match(item, form, salt.value if salt else None, token.value)


def _class(candidate: Candidate, bits: int) -> str:
    if candidate.algorithm in BROKEN:
        return "weak-digest"
    if bits < _LEAST_STORED:
        return "truncated"
    if candidate.material.part:
        return "part-only"
    if candidate.salt is None:
        return "fast-unsalted"
    if candidate.salt.encoding.endswith(_ELSEWHERE):
        return "keyed" if candidate.order == "keyed" else "shared-salt"
    return "short-salt" if candidate.salt.bits < _LEAST_SALT else "salted-per-key"


def _stretched(item: str, surface: str, found: Stretched) -> _Match:
    stored = "weak-digest" if found.weak else "kdf"
    form = StoredForm(
        stored=stored if found.verified else "kdf-unverified",
        surface=surface,
        item=item,
        detail=found.algorithm,
        salt_bits=8 * len(found.salt) if found.bits is None else found.bits,
        digest_bits=8 * len(found.digest),
    )
    return _Match(item, form, found.salt if found.verified else None, found.digest)


def _compared(match: _Match, used: dict[bytes, set[str]], salted: int) -> StoredForm:
    """The form of a match in the light of the other keys' salts."""
    form = match.form
    if match.salt is None or form.stored not in ("salted-per-key", "kdf"):
        return form
    if len(used[match.salt]) > 1:
        shared = (
            "a key that lies beside the data" if ", keyed," in form.detail else "one salt for several keys"
        )
        return _restated(form, "shared-salt", shared)
    if salted < 2 and form.stored == "salted-per-key":
        return _restated(form, "salted", "only one key's salt was found, so none to compare it with")
    return form


def _restated(form: StoredForm, stored: str, note: str) -> StoredForm:
    return StoredForm(
        stored=stored,
        surface=form.surface,
        item=form.item,
        detail=f"{form.detail}; {note}",
        salt_bits=form.salt_bits,
        digest_bits=form.digest_bits,
    )
