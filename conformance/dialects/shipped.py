"""The dialects that ship with the suite: the TOML files beside this module."""

import tomllib
from functools import cache
from importlib import resources

import msgspec

from conformance.dialects.grammar import Dialect


@cache
def shipped() -> dict[str, Dialect]:
    """Every shipped dialect by its name."""
    dialects = {}
    for entry in sorted(resources.files(__package__).iterdir(), key=lambda e: e.name):
        if entry.name.endswith(".toml"):
            dialect = msgspec.convert(tomllib.loads(entry.read_text(encoding="utf-8")), Dialect)
            dialects[dialect.name] = dialect
    return dialects
