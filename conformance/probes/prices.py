"""What calls of a model cost: as the target file declares it, as the gateway tells it, or as its usage records show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from conformance.dialects.template import entries, follow
from conformance.model.evidence import CannotObserve
from conformance.model.money import PICO_PER_USD, exact, from_usd, price_per_token
from conformance.model.preflight import Price
from conformance.probes import calls
from conformance.probes.door import Answer
from conformance.probes.usage import settled_usage
from conformance.session import Session

_LIMIT = PICO_PER_USD
_LONG = 4 * calls.PROMPT_SIZE  # characters
_SHORT = calls.MAX_TOKENS // 2
# The fixed shape twice, then each of its measures changed alone and both together: two prices must explain all of them.
_METERED = (
    (calls.PROMPT_SIZE, calls.MAX_TOKENS),
    (calls.PROMPT_SIZE, calls.MAX_TOKENS),
    (_LONG, calls.MAX_TOKENS),
    (calls.PROMPT_SIZE, _SHORT),
    (_LONG, _SHORT),
)
_BINARY = 2  # picodollars by which sums that a gateway keeps as binary fractions may be read too low


@dataclass(frozen=True, slots=True)
class Metered:
    """What one call used, in tokens, and what the gateway's records of it cost, in picodollars."""

    prompt: int
    completion: int
    cost: int


async def price_of(session: Session, key: str | None, model: str) -> Price | None:
    """What a model costs: as declared, as the models endpoint tells the key, or as metered calls show; None: unknown."""
    return (
        _declared_price(session, model)
        or await _listed_price(session, key, model)
        or await _metered_price(session, model)
    )


def _declared_price(session: Session, model: str) -> Price | None:
    declared = session.target.models[model]
    if not declared.prompt_price:
        return None
    return Price(
        model=model,
        source="declared",
        prompt=price_per_token(declared.prompt_price),
        completion=price_per_token(declared.completion_price),
    )


async def _listed_price(session: Session, key: str | None, model: str) -> Price | None:
    pointers = session.key_api.dialect.prices if session.key_api else {}
    path = session.target.endpoint("models")
    if (
        session.key_api is None
        or path is None
        or not {"items", "model", "prompt", "completion"} <= pointers.keys()
    ):
        return None
    reply = await session.door.send("GET", path, headers=session.door.auth(key) if key else {})
    if not isinstance(reply, Answer):
        return None
    tokens = session.key_api.dialect.price_tokens
    for item in entries(reply.json(), pointers["items"]) or ():
        if follow(item, pointers["model"]) == model:
            prompt, completion = (
                told_price(follow(item, pointers[kind]), tokens) for kind in ("prompt", "completion")
            )
            if prompt is not None and completion is not None:
                return Price(model=model, source="models endpoint", prompt=prompt, completion=completion)
    return None


def told_price(told: object, tokens: int) -> int | None:
    """Picodollars per token in a price in dollars for so many tokens, None where it is none, or none that can be added up
    exactly.
    """
    try:
        return exact(Fraction(from_usd(str(told)), tokens))
    except ValueError:
        return None


async def _metered_price(session: Session, model: str) -> Price | None:
    """The prices per token that explain what calls of several sizes left in the records of a new key, else the cost of one call
    of the fixed shape.
    """
    try:
        metered = await _meter(session, model)
    except CannotObserve:
        return None
    if len(metered) < 2 or abs(metered[1].cost - metered[0].cost) > _BINARY:
        return None
    found = per_token(metered) if len(metered) == len(_METERED) else None
    if found is None:
        return Price(model=model, source="measured", call=metered[0].cost)
    return Price(model=model, source="measured", prompt=found[0], completion=found[1])


async def _meter(session: Session, model: str) -> list[Metered]:
    """Calls of several sizes one after another, each with what it added to the records; as far as they were served."""
    metered: list[Metered] = []
    if session.key_api is None or not session.key_api.created:
        return metered
    key = await session.key_api.create("meter", _LIMIT)
    before = 0
    for size, most in _METERED:
        asked = calls.usual(session, key.secret, "meter", model=model, size=size, max_tokens=most)
        reply = await calls.send(session, asked)
        seen = calls.reached(session, asked)
        if not calls.admitted(reply) or len(seen) != 1:
            break
        usage = await settled_usage(session, key, above=before)
        if usage is None or usage <= before:
            break
        metered.append(Metered(seen[0].prompt_tokens, seen[0].completion_tokens, usage - before))
        before = usage
    return metered


def per_token(metered: Sequence[Metered]) -> tuple[int, int] | None:
    """Prices of a prompt and of a completion token, in picodollars, that explain every cost; None where no two do.

    Neither is nothing: that is what records look like that forget one of the two.
    """
    for one, other in combinations(metered, 2):
        scale = one.prompt * other.completion - other.prompt * one.completion
        if not scale:
            continue
        prompt = round(Fraction(one.cost * other.completion - other.cost * one.completion, scale))
        completion = round(Fraction(one.prompt * other.cost - other.prompt * one.cost, scale))
        explained = all(
            abs(each.prompt * prompt + each.completion * completion - each.cost) <= _BINARY
            for each in metered
        )
        if explained and prompt > 0 and completion > 0:
            return prompt, completion
    return None
