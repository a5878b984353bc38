"""`gateproof plan`: what an audit would do, before it does anything."""

import argparse
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from conformance.audit import Plan, plan
from conformance.catalogue import Phase, checks
from conformance.claims.catalogue import page_claims
from conformance.commands.choice import selection
from conformance.model.evidence import Unobserved
from conformance.model.money import from_usd, in_usd, price_per_token
from conformance.probes.calls import MAX_TOKENS
from conformance.stage import PROFILES
from conformance.target import Processes, Target
from conformance.target_file import load

_LARGEST_CALL = 2500  # bytes of a request of the campaign, each of which may be a token


def run(options: argparse.Namespace) -> int:
    """Print the plan; nothing is sent."""
    target = load(options.target)
    chosen = selection(options)
    sample = options.sample or PROFILES[options.profile]
    todo = plan(target.access(), target.environment, target.authorised(datetime.now(UTC).date()), chosen)
    print(f"{target.name} ({target.environment}): {', '.join(target.gateway.base_urls)}")
    print(f"profile {options.profile}: {sample} calls per path")
    _print_places(target)
    _print_looks(target, todo, sample)
    _print_undecided(todo.barred, target.claims.made or page_claims())
    return 0


def _print_places(target: Target) -> None:
    """Where anything is sent to, and where the witness waits."""
    places = [f"{host}:{port}" for host, port in target.host_ports()]
    print(f"TLS is probed at {', '.join(places) or 'no place'}")
    clear = ", ".join(str(port) for port in target.gateway.cleartext_ports)
    print(
        f"clear text is tried on the same ports{f' and on {clear}' if clear else ''}, with a key made for it or an invented one"
    )
    if target.manages_keys():
        print(f"keys are made and revoked at {target.key_api_url()}")
    if target.witness is not None:
        print(
            f"the witness listens on {target.witness.listen}; models called: {', '.join(target.witness_models())}"
        )
    _print_inside(target)
    print()


def _print_inside(target: Target) -> None:
    """What is read on the inside, which commands are run for it, and whose processes are looked at."""
    for surface in target.surfaces:
        how = f", by running {surface.command[0]}" if surface.command else ""
        while_ = " while canaries pass" if surface.follow else ""
        bounds = f"at most {surface.most_bytes:,} bytes and {surface.most_seconds:g} s"
        print(f"read{while_}: {surface.kind} {surface.locator} ({surface.role}){how}, {bounds}")
    if target.control.restarts():
        control = target.control
        commands = dict.fromkeys(
            command[0] for command in (control.restart, control.stop, control.kill) if command
        )
        print(f"the gateway is made to go, with requests under way, by running {', '.join(commands)}")
    if target.processes is not None:
        print(f"processes are looked at: {_named(target.processes)}")
    elif target.on_this_machine():
        print("processes are looked at: whoever listens there and calls the witness, where that can be seen")
    else:
        print("processes are not looked at: `processes` names none, and the gateway is not on loopback")


def _named(processes: Processes) -> str:
    parts = {
        "ids": processes.pids,
        "in": processes.pid_files,
        "called": processes.names,
        "listening on": processes.ports,
    }
    named = "; ".join(f"{how} {', '.join(map(str, which))}" for how, which in parts.items() if which)
    return named or "whoever calls the witness"


def _print_looks(target: Target, todo: Plan, sample: int) -> None:
    """Every look with its cost at most, and the sum against the declared limits."""
    requests, seconds = 0, dict.fromkeys(Phase, 0.0)
    for look in todo.observations:
        cost = look.cost(target, sample)
        requests += cost.requests
        seconds[look.phase] = max(seconds[look.phase], cost.seconds)  # looks of a phase run side by side
        phase, how = look.phase.name.lower(), look.disruption.value
        print(f"  {phase:9} {how:15} ≤ {cost.requests:5} requests  {look.title}")
    limits = target.limits
    time = requests / limits.rate + sum(seconds.values())
    print(f"\nat most {requests} requests (limit {limits.requests})")
    print(f"at most about {time:.0f} s at {limits.rate:g} requests/s (limit {limits.seconds:g} s)")
    money = _money(target, todo, sample)
    price = "unknown until the price is learnt" if money is None else f"at most {in_usd(money)}"
    print(f"money at list price: {price} (limit ${limits.money}); the witness bills nobody")
    if requests > limits.requests or time > limits.seconds or (money or 0) > from_usd(limits.money):
        print(
            "the limits are lower than the plan: some looks will be cut short, and their claims stay undecided"
        )


def _money(target: Target, todo: Plan, sample: int) -> int | None:
    """What the calls of the plan would cost at most, were the witness a real provider; None while no price is declared."""
    model = target.models[target.witness_models()[0]] if target.witness_models() else None
    if model is None or not model.prompt_price:
        return None
    prompt = price_per_token(model.prompt_price)
    one = prompt * _LARGEST_CALL + price_per_token(model.completion_price) * MAX_TOKENS
    costs = [look.cost(target, sample) for look in todo.observations if "witness" in look.access]
    return one * sum(cost.requests for cost in costs) + prompt * sum(cost.bulk for cost in costs)


def _print_undecided(barred: Mapping[str, Unobserved], made: Sequence[str]) -> None:
    """What cannot be decided with the declared access, claim by claim."""
    deciding = [check for check in checks() if check.deciding]
    undecided = []
    for claim in made:
        needed = (kind for check in deciding if check.claim == claim for kind in check.decides_by())
        lost = [barred[name] for name in sorted(kind.__name__ for kind in needed) if name in barred]
        undecided += [f"  {claim:4} {lost[0].reason}; {lost[0].decide}"] if lost else []
    unchecked = [claim for claim in made if not any(check.claim == claim for check in deciding)]
    undecided += [f"  no check in this version: {', '.join(unchecked)}"] if unchecked else []
    if undecided:
        print("\ncannot be decided with the declared access:", *undecided, sep="\n")
