"""Looking for a whole secret in a short text, in every form and nesting in which stores are searched. Pure."""

from functools import lru_cache

from conformance.scan.engine import Engine, Found, secret_engine
from conformance.scan.tally import Tally


def forms_in(secret: str, text: str) -> tuple[str, ...]:
    """The forms in which the whole secret stands in the text, innermost first: `raw`, or `reversed in base64`; empty: in none."""
    if not secret.isascii():
        return ("raw",) if secret in text else ()
    found: list[Found] = []
    _engine(secret).scan([text.encode("utf-8", "replace")], found.append, Tally())
    return tuple(sorted({" in ".join((one.form, *reversed(one.chain))) for one in found}))


@lru_cache(maxsize=64)
def _engine(secret: str) -> Engine:
    return secret_engine({"secret": secret})
