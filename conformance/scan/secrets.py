"""Looking for a whole secret in a short text, in every form in which stores are searched. Pure."""

from functools import lru_cache

from conformance.canary.forms import Form, forms


def forms_in(secret: str, text: str) -> tuple[str, ...]:
    """Names of the forms in which the whole secret stands in the text, `raw` for the secret as it is; empty: in none."""
    haystack = text.encode("utf-8", "replace")
    if not secret.isascii():
        return ("raw",) if secret in text else ()
    return tuple(sorted({form.name for form in _forms(secret) if form.pattern in haystack}))


@lru_cache(maxsize=64)
def _forms(secret: str) -> tuple[Form, ...]:
    return forms(secret, len(secret))
