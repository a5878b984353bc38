"""The controls of public frameworks that the claims bear on, as data: `controls.toml`."""

import tomllib
from functools import cache
from importlib import resources

import msgspec

from conformance.model.mapped import ControlGroup, Framework, Relation


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    framework: tuple[Framework, ...]
    claims: dict[str, dict[str, dict[Relation, tuple[str, ...]]]]


@cache
def frameworks() -> tuple[Framework, ...]:
    """Every framework that a claim is mapped to."""
    return _file().framework


def controls_of(claim: str) -> tuple[ControlGroup, ...]:
    """The controls that a claim bears on, framework by framework; empty for a claim that is not mapped."""
    mapped = _file().claims.get(claim, {})
    return tuple(
        ControlGroup(framework=framework, relation=relation, ids=ids)
        for framework, groups in mapped.items()
        for relation, ids in groups.items()
    )


@cache
def _file() -> _File:
    text = resources.files(__package__).joinpath("controls.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), _File)
