"""What the workers of a twin say of themselves when they are asked."""

import json
from typing import Any

from tests.reference_gateway.everyway import Campaign, await_that
from tests.reference_gateway.leaks.twins import INSIDE


def modules(campaign: Campaign) -> dict[int, frozenset[str]]:
    """What each worker has imported."""
    return {pid: frozenset(answer["modules"]) for pid, answer in _told(campaign).items()}


def kept(campaign: Campaign) -> list[str]:
    """Objects of any worker that hold canaries, by their types."""
    return [one for answer in _told(campaign).values() for one in answer["kept"]]


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
