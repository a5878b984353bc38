"""`gateproof plan`: what an audit would do, before it does anything."""

import argparse

from conformance.audit import plan
from conformance.catalogue import checks
from conformance.claims.catalogue import claims, page_claims
from conformance.commands.choice import selection
from conformance.model.money import in_usd
from conformance.stage import PROFILES
from conformance.target_file import load


def run(options: argparse.Namespace) -> int:
    """Print the plan; nothing is sent."""
    target = load(options.target)
    chosen = selection(options)
    sample = options.sample or PROFILES[options.profile]
    todo = plan(target.access(), target.environment, target.authorisation is not None, chosen)
    print(f"{target.name} ({target.environment}): {', '.join(target.gateway.base_urls)}")
    print(f"profile {options.profile}: {sample} calls per path\n")
    requests, seconds, money = 0, 0.0, 0
    for observation in todo.observations:
        cost = observation.cost(target, sample)
        requests, seconds, money = requests + cost.requests, seconds + cost.seconds, money + cost.money
        print(
            f"  {observation.phase.name.lower():9} {observation.disruption.value:15} ≤ {cost.requests:5} requests  {observation.title}"
        )
    limits = target.limits
    print(
        f"\nat most {requests} requests (limit {limits.requests}), {requests / limits.rate + seconds:.0f} s at {limits.rate:g} requests/s (limit {limits.seconds:g} s)"
    )
    print(
        f"money at list price: at most ${limits.money}; calls go to the witness, which bills nobody"
        + (f" ({in_usd(money)} planned)" if money else "")
    )
    if requests > limits.requests:
        print(
            "the limit on requests is lower than the plan: some looks will be cut short and their claims stay undecided"
        )
    _undecided(todo.barred, target.claims.made or page_claims())
    return 0


def _undecided(barred: object, made: tuple[str, ...]) -> None:
    """What cannot be decided with the declared access, claim by claim."""
    assert isinstance(barred, dict)  # noqa: S101
    print("\ncannot be decided with the declared access:")
    by_claim = {}
    for claim in claims():
        if claim.id not in made:
            continue
        own = [c for c in checks() if c.claim == claim.id and c.deciding]
        lost = [barred[k.__name__] for c in own for k in c.needs.values() if k.__name__ in barred]
        if lost:
            by_claim[claim.id] = f"{lost[0].reason}; {lost[0].decide}"
    for claim_id, why in by_claim.items():
        print(f"  {claim_id:4} {why}")
    unchecked = [
        c.id for c in claims() if c.id in made and not any(k.claim == c.id and k.deciding for k in checks())
    ]
    print(f"  no check in this version: {', '.join(unchecked)}")
