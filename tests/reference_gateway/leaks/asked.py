"""What the workers of a twin say of themselves when they are asked."""

import json
import time
from typing import Any, Final

from tests.reference_gateway.everyway import Campaign, await_that
from tests.reference_gateway.leaks.twins import INSIDE

_PATIENCE: Final = 15.0  # seconds; the bounds of a campaign end every call before
_LOOK: Final = 0.1


def modules(campaign: Campaign) -> dict[int, frozenset[str]]:
    """What each worker has imported."""
    return {pid: frozenset(answer["modules"]) for pid, answer in _told(campaign).items()}


def kept(campaign: Campaign) -> list[str]:
    """Objects of any worker that hold canaries, by their types."""
    return [one for answer in _told(campaign).values() for one in answer["kept"]]


def kept_for_good(campaign: Campaign) -> list[str]:
    """What is still kept when every call must be over: those of callers who left are read on for the bill."""
    deadline = time.monotonic() + _PATIENCE
    while (left := kept(campaign)) and time.monotonic() < deadline:
        time.sleep(_LOOK)
    return left


def _told(campaign: Campaign) -> dict[int, dict[str, Any]]:
    """Every worker's answer; who accepts a connection is the kernel's to choose."""
    answers: dict[int, dict[str, Any]] = {}

    def everybody() -> bool:
        with campaign.gateway.client() as client:
            answer = json.loads(client.get(INSIDE).content)
        answers[answer["pid"]] = answer
        return answers.keys() == campaign.workers()

    await_that(everybody)
    return answers
