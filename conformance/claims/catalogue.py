"""The claims: what the security page promises, and what one would expect beside it."""

import tomllib
from functools import cache
from importlib import resources

import msgspec

from conformance.model.scale import Level


class Claim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One promise: its id, a few words, its sentence, the access that deciding it takes, and whether the page makes it."""

    id: str
    short: str
    title: str
    level: Level
    page: bool


@cache
def claims() -> tuple[Claim, ...]:
    """Every claim, in the order of the page."""
    text = resources.files(__package__).joinpath("catalogue.toml").read_text(encoding="utf-8")
    return msgspec.convert(tuple(tomllib.loads(text)["claim"]), tuple[Claim, ...])


def claim_ids() -> tuple[str, ...]:
    """The ids of all claims, in order."""
    return tuple(claim.id for claim in claims())


def page_claims() -> tuple[str, ...]:
    """The ids of the claims that the page makes: the default of what a target promises."""
    return tuple(claim.id for claim in claims() if claim.page)
