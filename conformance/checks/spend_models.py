"""S1 across models: a limit is one of money, whichever model it is spent on."""

from conformance.catalogue import check
from conformance.checks.doubts import doubt_of, held_at
from conformance.checks.spend import over, overspent, tolerated_by
from conformance.model.declared import Declared
from conformance.model.money import in_usd
from conformance.model.scale import Level, Severity
from conformance.model.spend_accounts import ModelTried, SpendModels
from conformance.model.verdict import Fail, Inconclusive, NotApplicable, Pass, Verdict


@check(
    "spend.every-model-is-limited-by-its-price",
    claim="S1",
    severity=Severity.HIGH,
    level=Level.OPERATOR,
    fix="Look a price up by the model that the provider is asked for, after every alias and rule of routing, and set aside "
    "and charge by that.",
)
def every_model_is_limited_by_its_price(spent: SpendModels, declared: Declared) -> Verdict:
    """The limit holds for every further model at that model's price, under whatever name it is asked for.

    A dear model at a cheap one's price is a limit that is many times as high for whoever asks for it.
    """
    tolerated = tolerated_by(declared)
    worst = max(spent.tried, key=lambda tried: over(tried.attempt, tolerated), default=None)
    if worst is not None and over(worst.attempt, tolerated):
        return _finding(worst, tolerated, spent)
    if spent.only:
        return NotApplicable(because=f"the target file names no model but {spent.only}", cites=(spent,))
    doubts = [doubt for tried in spent.tried if (doubt := doubt_of(tried.attempt))]
    if doubts or not spent.tried:
        return Inconclusive(
            because=doubts[0] if doubts else "; ".join(spent.left_out) or "no further model was tried",
            decide="repeat the audit while the gateway serves steadily, with the prices of models declared",
            cites=(spent,),
        )
    held = [tried for tried in spent.tried if tried.attempt.reached()]
    refused = [tried.name for tried in spent.tried if not tried.attempt.reached()]
    parts = [f"{held_at(tried.attempt)} ({_priced(tried)})" for tried in held]
    parts += [f"refused outright: {', '.join(refused)}"] if refused else []
    return Pass(because="; ".join((*parts, *(f"left out: {why}" for why in spent.left_out))), cites=(spent,))


def _finding(tried: ModelTried, tolerated: int, spent: SpendModels) -> Fail:
    found = overspent(tried.attempt, tolerated, spent)
    return Fail(
        because=f"{found.because}; {_priced(tried)}",
        expected=found.expected,
        observed=found.observed,
        cites=found.cites,
        reproduction=found.reproduction,
    )


def _priced(tried: ModelTried) -> str:
    price = tried.price
    if price.call:
        return f"{price.source}: {in_usd(price.call)} for a call"
    return f"{price.source}: {in_usd(price.prompt)} for a prompt token, {in_usd(price.completion)} for one of the completion"
