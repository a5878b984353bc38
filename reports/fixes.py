"""What to write where: snippets for servers and frameworks by check, as data in `fixes.toml`."""

import tomllib
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources

import msgspec

_PRODUCTS = {
    "nginx": "nginx",
    "caddy": "Caddy",
    "envoy": "Envoy",
    "starlette": "Starlette",
    "python": "Python",
    "postgresql": "PostgreSQL",
}


class Fix(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Snippets for the checks whose ids match one of the patterns."""

    checks: tuple[str, ...]
    nginx: str = ""
    caddy: str = ""
    envoy: str = ""
    starlette: str = ""
    python: str = ""
    postgresql: str = ""


@cache
def fixes() -> tuple[Fix, ...]:
    """Everything in the file, in its order."""
    text = resources.files("reports").joinpath("fixes.toml").read_text(encoding="utf-8")
    return msgspec.convert(tuple(tomllib.loads(text)["fix"]), tuple[Fix, ...])


@cache
def snippets(check: str) -> tuple[tuple[str, str], ...]:
    """Products, and what to write there so that a check passes; empty where only the check's own words help."""
    matching = [fix for fix in fixes() if any(fnmatchcase(check, pattern) for pattern in fix.checks)]
    return tuple(
        (name, text.strip("\n"))
        for fix in matching
        for product, name in _PRODUCTS.items()
        if (text := getattr(fix, product))
    )
