"""A sequence that overspends as a script of its own, with which anybody can play it again: no credential stands in it."""

import hashlib
import pprint
import re
from collections.abc import Sequence
from importlib import resources
from typing import Any

import msgspec

from conformance.dialects.grammar import Operation
from conformance.evidence.writing import write_whole
from conformance.model.money import to_units
from conformance.model.spend import Act
from conformance.probes import calls
from conformance.probes.spending.acts import PACED, Step
from conformance.probes.spending.oracle import tolerated
from conformance.probes.spending.replay_calls import WORDS_HERE
from conformance.session import Session

SCRIPT = "replay-overspending.py"
_PARTS = ("replay_calls.py", "replay_script.py")
_OURS = re.compile(r"^from conformance\..*\n", re.MULTILINE)
_PLAN = "PLAN: dict[str, Any] = {}\n"
_OPERATIONS = ("set_limit", "revoke", "remove_owner")
_COUNTED = {"call", "stream", "leave", "burst"}


def write_script(
    session: Session, steps: Sequence[Step], acts: Sequence[Act], prices: Sequence[int]
) -> tuple[str, str]:
    """Write the script into the run folder: its name, and the SHA-256 of its bytes in hexadecimal.

    `prices` are what the provider billed for one call of each step, in picodollars. Raises CannotRecord.
    """
    content = script(_plan(session, steps, acts, prices)).encode()
    write_whole(session.run_folder / SCRIPT, content, 0o777)
    return SCRIPT, hashlib.sha256(content).hexdigest()


def script(plan: dict[str, Any]) -> str:
    """The text of the script for a plan: its parts one after another, with the plan as a literal."""
    here = resources.files(__package__)
    joined = "\n\n".join(_OURS.sub("", (here / part).read_text(encoding="utf-8")) for part in _PARTS)
    before, _, after = joined.rpartition(_PLAN)
    literal = pprint.pformat(plan, width=110, sort_dicts=False)
    return f"{before}PLAN: dict[str, Any] = {literal}\n{after}"


def _plan(
    session: Session, steps: Sequence[Step], acts: Sequence[Act], prices: Sequence[int]
) -> dict[str, Any]:
    target, api = session.target, session.keys()
    dialect, model, kind = api.dialect, calls.model_of(session), calls.usual_kind(session)
    operations: dict[str, Operation | None] = {"create": dialect.create_limited or dialect.create}
    operations |= {name: getattr(dialect, name) for name in _OPERATIONS}
    return {
        "gateway": target.origin(),
        "key API": target.key_api_url(),
        "addresses": {host: places[0] for host, places in target.gateway.resolve.items() if places},
        "auth": (target.gateway.auth.header, target.gateway.auth.value),
        "key API auth": (dialect.auth_header, dialect.auth_value),
        "operations": {
            name: _calls(operation) for name, operation in operations.items() if operation is not None
        },
        "variables": dict(target.dialect.variables) if target.dialect else {},
        "path": target.endpoint(kind) or "",
        "headers": calls.versioned(kind),
        "said": calls.prompt(kind, WORDS_HERE),
        "bound": calls.bound(kind),
        "model": model,
        "prompt size": len(session.mint.text(session.mint.atom("spending", "replay"), calls.PROMPT_SIZE)),
        "stream words": f"[[fault:{PACED}]] ",
        "most tokens": min(calls.MAX_TOKENS, target.models[model].max_output),
        "latency": target.claims.revocation_latency,
        "tolerated": tolerated(session),
        "steps": [
            _step(step, act, price, api.per_usd) for step, act, price in zip(steps, acts, prices, strict=True)
        ],
    }


def _calls(operation: Operation) -> list[Any]:
    return [msgspec.to_builtins(call) for call in operation.calls]


def _step(step: Step, act: Act, price: int, per_usd: int) -> dict[str, Any]:
    limits = step.what in {"key", "limit"}
    return {
        "written": act.what,
        "what": step.what,
        "key": act.key,
        "calls": step.amount if step.what in _COUNTED else 0,
        "limit": act.limit,  # picodollars, and in the gateway's own unit as it is sent
        "amount": f"{to_units(act.limit, per_usd):f}" if limits else None,
        "price": price,
        "told": act.told,
        "bill": act.bill,
    }
