"""Evidence made by hand: good unless told otherwise."""

from typing import Any, get_args

from conformance.model.declared import Declared
from conformance.model.egress import Forwarding
from conformance.model.keys import Death, Place, Revocation, Rotation, ShownOnce
from conformance.model.preflight import Price
from conformance.model.spend import Control, Scenario, SpendRace, SpendSequential, Spent, UsageRow, UsageTruth
from conformance.model.verdict import Fail, Inconclusive, NotApplicable, Pass, Verdict
from conformance.target import Promises

PRICE = Price(model="m", source="declared", prompt=1, completion=2)
MEASURED = Price(model="m", source="measured", call=10)
LIMIT = 85
COST = 10


def word(verdict: Verdict) -> str:
    """The verdict in a word; whatever it is, it says something."""
    assert isinstance(verdict, get_args(Verdict))
    assert verdict.because
    if isinstance(verdict, Inconclusive):
        assert verdict.decide
    if isinstance(verdict, Fail):
        assert verdict.expected
        assert verdict.observed
    return {Pass: "pass", Fail: "fail", Inconclusive: "inconclusive", NotApplicable: "not-applicable"}[
        type(verdict)
    ]


def declared(**promises: Any) -> Declared:
    """A target that promises this."""
    return Declared(
        name="t",
        environment="test",
        base_urls=(),
        models=(),
        endpoints=(),
        dialect="",
        access=(),
        levels=(),
        promises=Promises(**promises),
        surfaces=(),
    )


def spent(told: str = "200", cost: int = COST, reached: int = 1) -> Spent:
    """One call; served where it was told a success."""
    served = told.startswith("2")
    return Spent(left_ms=0, answered_ms=1, told=told, served=served, reached=reached, cost=cost)


REFUSED = spent("402", cost=0, reached=0)
SILENT = spent("timeout", cost=0, reached=0)
BROKEN = spent("500", cost=0, reached=0)
SERVED = (spent(),) * 8
REFUSALS = (REFUSED,) * 3
CONTROL: dict[str, Any] = {"ample_before": True, "ample_after": True, "revived": True}


def scenario(*calls: Spent, limit: int = LIMIT, in_flight: int = 1, **control: Any) -> Scenario:
    """An attempt to spend more than the limit; by default eight calls are served and three refused."""
    return Scenario(
        name="one call after another",
        limit=limit,
        calls=calls or SERVED + REFUSALS,
        control=Control(**(CONTROL | control)),
        in_flight=in_flight,
    )


def sequential(*scenarios: Scenario, price: Price = PRICE) -> SpendSequential:
    """Keys spent one call at a time."""
    return SpendSequential(price=price, scenarios=scenarios)


def race(*rounds: Scenario, volley: int = 11, **more: Any) -> SpendRace:
    """Keys spent at once; by default all of the volley overlaps on an ample key."""
    fields: dict[str, Any] = {"price": PRICE, "ample_served": volley, "ample_in_flight": volley}
    return SpendRace(volley=volley, rounds=rounds, **(fields | more))


_KINDS = ("plain calls", "streams", "provider refusals", "calls of a sibling", "a plain call again")


def row(after: Any, bill: int, recorded: int | None, **more: Any) -> UsageRow:
    """One step; a call of `COST` each."""
    fields: dict[str, Any] = {"calls": 1, "reached": 1, "billed_calls": max(1, bill // COST), "lag_ms": 5}
    return UsageRow(after=after, bill=bill, recorded=recorded, **(fields | more))


def usage(*recorded: int | None, price: Price = PRICE, **more: dict[str, Any]) -> UsageTruth:
    """Five steps, with bills of 10, 20, 20, 20 and 30, and what was recorded after each; `more` changes a step by its number."""
    bills = (10, 20, 20, 20, 30)
    steps = zip(_KINDS, bills, recorded or bills, strict=True)
    rows = [row(*step, **more.get(f"step{number}", {})) for number, step in enumerate(steps)]
    return UsageTruth(price=price, rows=tuple(rows))


def forwarding(**more: Any) -> Forwarding:
    """Ten calls, each once at the provider, four of them with prompts that repeat."""
    fields: dict[str, Any] = {
        "calls": 10, "served": 10, "seen_once": 6, "seen_never": 0, "seen_more": 0, "repeated_served": 4,
        "repeated_seen": 4, "key_sightings": (), "cookie_sightings": (), "address_sightings": (),
        "prompts_unchanged": 6, "answers_unchanged": 6,
    }  # fmt: skip
    return Forwarding(**(fields | more))


def place(
    name: str = "read",
    *,
    own_id: bool = True,
    status: int | None = 200,
    shown: int = 0,
    forms: tuple[str, ...] = (),
) -> Place:
    """An answer that was searched for a secret."""
    return Place(name=name, status=status, own_id=own_id, shown=shown, forms=forms)


def search(*places: Place, **more: Any) -> ShownOnce:
    """A search for a secret of 40 characters of 5 bits."""
    fields: dict[str, Any] = {
        "creation_shows": True, "secret_characters": 40, "bits_per_character": 5.0, "unread": (),
        "shown_together": max((p.shown for p in places), default=0),
    }  # fmt: skip
    return ShownOnce(places=places, **(fields | more))


def death(how: Any = "revoke", **more: Any) -> Death:
    """A key that was refused from its end on, while its sibling lived."""
    fields: dict[str, Any] = {
        "alive_before": True, "polls": 30, "refused": 30, "last_served_ms": None, "watched_ms": 1600,
        "polls_after_deadline": 10, "refused_after_deadline": 10, "sibling_served": 6, "sibling_polls": 6,
        "statuses": (401,),
    }  # fmt: skip
    return Death(how=how, **(fields | more))


def revocation(*deaths: Death) -> Revocation:
    """Keys that were ended."""
    return Revocation(deaths=deaths, absent=())


def rotation(**more: Any) -> Rotation:
    """A key that was rotated."""
    fields: dict[str, Any] = {"differs": True, "new_serves": True, "old": death("rotate")}
    return Rotation(**(fields | more))
