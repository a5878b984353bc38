"""K2: keys are stored as salted hashes, and nobody can recover them."""

from conformance.catalogue import check
from conformance.model.scale import Level, Severity
from conformance.model.storage import StoredForm, StoredKey, StoredKeys
from conformance.model.verdict import Fail, Inconclusive, Norm, Pass, Verdict

_RECOVERABLE = {
    "plain": "in clear",
    "encoded": "merely encoded",
    "decryptable": "so that they come back by what lies beside them",
}
_WEAK = {
    "weak-digest": "as MD5 or SHA-1",
    "fast-unsalted": "as a fast digest without salt",
    "truncated": "as a digest cut below 128 bits",
    "part-only": "as a digest of a part of it",
    "shared-salt": "with a salt that other keys share",
    "short-salt": "with a salt below 64 bits",
}
_STRONG = frozenset({"salted-per-key", "kdf", "keyed"})
_OPEN = {
    "kdf-unverified": "a password hash was recognised that cannot be computed here, so it may be another key's",
    "salted": "a salted digest of only one key was found, so its salt cannot be compared with another's",
}
# NIST SP 800-63B-3, 5.1.2.2 asks for an approved one-way function where a look-up secret has 112 bits.
_NIST = "NIST SP 800-63B-3, 5.1.2.2"


@check(
    "keys.secret-is-not-stored-recoverably",
    claim="K2",
    severity=Severity.CRITICAL,
    level=Level.INSIDE,
    fix="Store only a salted hash of the secret, and keep the secret itself out of logs, caches and backups.",
)
def secret_is_not_stored_recoverably(stored: StoredKeys) -> Verdict:
    """No surface holds a key's secret, in clear or in any encoding.

    Whoever reads the store, a backup of it or a log then holds every customer's key.
    """
    found = _forms(stored, _RECOVERABLE)
    if found:
        return _broken(stored, found, _RECOVERABLE, "no surface holds a key's secret in any form")
    doubt = _unread(stored) or _unnamed(stored)
    if doubt:
        return doubt
    hidden = [key for key in stored.keys if not key.forms]
    if hidden:
        values = sum(key.unexplained for key in hidden)
        return Inconclusive(
            because=f"{_labels(hidden)}: its record holds {values or 'no'} values that may verify it, and no known digest of it "
            "explains one: what a key is verified with may decrypt to it, or lie elsewhere",
            decide="say how keys are stored; a verifier that can be recomputed would show that the secret is not needed",
            cites=(stored,),
        )
    return Pass(
        because=f"the secrets of {len(stored.keys)} keys, whole and in part, are absent from "
        f"{stored.coverage.bytes_raw:,} bytes in every searched form, and the records of the keys were found",
        cites=(stored,),
    )


@check(
    "keys.stored-form-is-salted-and-strong",
    claim="K2",
    severity=Severity.HIGH,
    level=Level.INSIDE,
    fix="Store SHA-256 (or stronger) of the whole secret and a random salt of 64 bits or more per key, or scrypt or argon2.",
)
def stored_form_is_salted_and_strong(stored: StoredKeys) -> Verdict:
    """A key is stored as a salted SHA-256 hash of the whole secret, or something stronger.

    Without a salt of its own, equal keys and precomputed tables show in every copy of the table.
    """
    weak = [
        (key, form)
        for key, form in _forms(stored, _RECOVERABLE | _WEAK)
        # Beside a strong verifier a cut digest may be a public fingerprint, and a secret in clear is the other check's finding.
        if not (_is_strong(key) and form.stored in {"truncated", *_RECOVERABLE})
    ]
    if weak:
        return _broken(
            stored, weak, _RECOVERABLE | _WEAK, "a digest of 128 bits or more with a salt of its own"
        )
    doubt = _unread(stored) or _unnamed(stored)
    if doubt:
        return doubt
    unproven = [key for key in stored.keys if not _is_strong(key)]
    if unproven:
        return _unproven(stored, unproven)
    ways = sorted({form.detail for key in stored.keys for form in key.forms if form.stored in _STRONG})
    return Pass(
        because=f"recomputed from the secrets of {len(stored.keys)} keys: {'; '.join(ways)}",
        cites=(stored,),
        norm=(
            Norm(source=_NIST, verdict="met", note="an approved one-way function of a high-entropy secret"),
        ),
    )


def _is_strong(key: StoredKey) -> bool:
    return any(form.stored in _STRONG for form in key.forms)


def _forms(stored: StoredKeys, classes: dict[str, str]) -> list[tuple[StoredKey, StoredForm]]:
    return [(key, form) for key in stored.keys for form in key.forms if form.stored in classes]


def _broken(
    stored: StoredKeys, found: list[tuple[StoredKey, StoredForm]], words: dict[str, str], expected: str
) -> Fail:
    ways = sorted({words[form.stored] for _, form in found})
    places = "; ".join(
        dict.fromkeys(
            f"{key.label}: {form.detail} at {form.item} on {form.surface}" for key, form in found[:6]
        )
    )
    return Fail(
        because=f"keys are stored {', '.join(ways)}",
        expected=expected,
        observed=places,
        cites=(stored,),
        reproduction="create a key, compute the form named from its secret, and look it up at the place named",
    )


def _unread(stored: StoredKeys) -> Inconclusive | None:
    gaps = stored.coverage.deciding_gaps()
    if not gaps:
        return None
    return Inconclusive(
        because=f"{gaps[0].item}: {gaps[0].reason}" + (f" and {len(gaps) - 1} more" if len(gaps) > 1 else ""),
        decide="let the audit read every item of the declared surfaces",
        cites=(stored,),
    )


def _unnamed(stored: StoredKeys) -> Inconclusive | None:
    """No record names a key: then nothing shows that keys are stored on these surfaces at all."""
    lost = [key for key in stored.keys if not key.control and not key.forms]
    if not lost and stored.seen() > 0:
        return None
    return Inconclusive(
        because=f"{_labels(lost) or 'the keys'}: no record on an account surface names it, so the search's sight is unproven",
        decide="declare as `account` the surface on which keys are stored; if it is encrypted, its decrypted export",
        cites=(stored,),
    )


def _unproven(stored: StoredKeys, keys: list[StoredKey]) -> Inconclusive:
    reasons = {_OPEN[form.stored] for key in keys for form in key.forms if form.stored in _OPEN}
    unexplained = sum(key.unexplained for key in keys)
    if unexplained and not reasons:
        reasons = {f"{unexplained} digest-sized values in its record were not reproduced from the secret"}
    what = "; ".join(sorted(reasons)) or "its record holds no value that could be a digest"
    return Inconclusive(
        because=f"{_labels(keys)}: {what}",
        decide="declare the surface that holds the salt, and a key that it takes by `credentials.peppers`; say how it is made",
        cites=(stored,),
    )


def _labels(keys: list[StoredKey]) -> str:
    return ", ".join(key.label for key in keys)
