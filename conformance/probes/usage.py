"""Reading recorded usage, which many gateways write late: ask until it moves, within the lag that the target declares."""

import asyncio

from conformance.dialects.speak import Key
from conformance.session import Session

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.25


async def settled_usage(
    session: Session, key: Key, *, above: int = 0, until: int | None = None, tolerance: int = 0
) -> int | None:
    """A key's recorded usage in picodollars, once it exceeds `above`, or equals `until` within `tolerance`.

    After the declared lag it is whatever was read last; None where the gateway tells no usage.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + session.target.claims.usage_lag
    pause = _FIRST_PAUSE
    while True:
        usage = (await session.keys().read(key)).usage
        if usage is None or loop.time() >= deadline:
            return usage
        if usage > above if until is None else abs(usage - until) <= tolerance:
            return usage
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)
