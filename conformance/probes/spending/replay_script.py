"""The acts of a replay and its account of them. With `replay_calls` before it and a plan in PLAN this is a script of its own."""

import http.client
import os
import secrets
import sys
import threading
import time
from collections import Counter
from typing import Any

from conformance.probes.spending.replay_calls import TIMEOUT, CannotPlay, Gateway, Variables

PICO_PER_USD = 10**12


class Replay:
    """A sequence under way: its keys, their limits, and what was spent on each."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._plan = gateway.plan
        self._keys: list[Variables] = []
        self._limits: list[int] = []
        self._spent: list[int] = []
        self._beyond = False

    def play(self) -> bool:
        """Take all steps in their order; whether a bill was beyond its limit. Every key is revoked in the end."""
        try:
            for number, step in enumerate(self._plan["steps"], start=1):
                say(f"{number}. {step['written']}")
                self._take(step)
        finally:
            for key in self._keys:
                self._revoke(key)
        return self._beyond

    def _take(self, step: dict[str, Any]) -> None:
        if step["what"] == "key":
            self._make(step)
            return
        number, before = step["key"], self._spent[step["key"]]
        told = self._done(step, self._keys[number])
        admitted = sum(times for status, times in told.items() if status.startswith("2"))
        self._spent[number] += admitted * step["price"]
        spent, limit = self._spent[number], self._limits[number]
        what = ", ".join(f"{status} {times} times" for status, times in sorted(told.items())) or "done"
        say(f"   now: {what}; in the audit: {step['told']}")
        say(
            f"   {admitted} calls admitted, {usd(step['price'])} each: billed so far {usd(spent)} on a limit of {usd(limit)}; "
            f"in the audit {usd(step['bill'])}"
        )
        if spent > max(limit + self._plan["tolerated"], before):
            self._beyond = True
            say(f"   key {number} is beyond its limit by {usd(spent - limit)}")

    def _make(self, step: dict[str, Any]) -> None:
        name = f"gateproof-replay-{secrets.token_hex(4)}"
        known = {**self._plan["variables"], "name": name, "run": "replay"}
        key = {**known, **self._gateway.operate("create", known, step["amount"])}
        if "secret" not in key:
            raise CannotPlay("the answer of the key API holds no secret of a new key")
        self._keys.append({**key, "key": key["secret"]})
        self._limits.append(step["limit"])
        self._spent.append(0)

    def _done(self, step: dict[str, Any], key: Variables) -> Counter[str]:
        """Take a step that is no new key; how often there was which status."""
        if "secret" not in key:
            return Counter()  # it was revoked before
        if step["what"] == "burst":
            return self._burst(key["secret"], step["calls"])
        if step["what"] == "revoke":
            self._revoke(key)
        elif step["what"] == "limit":
            self._gateway.operate("set_limit", key, step["amount"])
            self._limits[step["key"]] = step["limit"]
            time.sleep(self._plan["latency"])
        else:
            return self._in_turn(key["secret"], step["what"], step["calls"])
        return Counter()

    def _in_turn(self, secret: str, what: str, many: int) -> Counter[str]:
        """Calls one after another, until one is not admitted."""
        told: Counter[str] = Counter()
        for _ in range(many):
            status = self._gateway.call(secret, what)
            told[status] += 1
            if not status.startswith("2"):
                break
        return told

    def _burst(self, secret: str, many: int) -> Counter[str]:
        """Calls at once."""
        told: list[str] = []
        start = threading.Barrier(many, timeout=TIMEOUT)
        callers = [
            threading.Thread(target=lambda: told.append(self._gateway.call(secret, "burst", start)))
            for _ in range(many)
        ]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        return Counter(told)

    def _revoke(self, key: Variables) -> None:
        if "secret" in key:
            self._gateway.operate("revoke", key)
            self._gateway.operate("remove_owner", key)
            del key["secret"]


def usd(picodollars: int) -> str:
    """An amount as people read it."""
    whole, rest = divmod(picodollars, PICO_PER_USD)
    return f"${whole}.{rest:012d}".rstrip("0").rstrip(".")


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(plan: dict[str, Any]) -> int:
    """Play a plan; the exit status."""
    try:
        beyond = Replay(Gateway(plan, os.environ)).play()
    except (CannotPlay, OSError, http.client.HTTPException) as trouble:
        sys.stderr.write(f"it could not be played to its end: {trouble}\n")
        return 2
    say(
        "a bill was beyond its limit"
        if beyond
        else "no bill was beyond its limit; a race may need more than one try"
    )
    return int(beyond)


PLAN: dict[str, Any] = {}

if __name__ == "__main__":
    sys.exit(main(PLAN))
