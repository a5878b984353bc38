"""All ways that there are, and the order in which they are gone."""

from concurrent.futures import ThreadPoolExecutor
from typing import Final

from tests.reference_gateway.everyway import Campaign, Outcome
from tests.reference_gateway.leaks.ways import answered, clients, ended, left, refused
from tests.reference_gateway.leaks.ways.answered import Way

QUICK: Final = (*answered.ways(), *clients.ways(), *refused.ways(), *left.ways())
SOME: Final = QUICK[::2]
SLOW: Final = (*answered.slow_ways(), *refused.slow_ways())
LAST: Final = tuple(ended.ways())

_AT_ONCE: Final = 4


def expected(*ways: tuple[Way, ...]) -> dict[str, Outcome]:
    """Where these ways lead."""
    return {name: outcome for group in ways for name, _, outcome in group}


def go(campaign: Campaign) -> None:
    """All but those that end the gateway's processes, the slow ones beside the others."""
    with ThreadPoolExecutor(len(SLOW)) as patient, ThreadPoolExecutor(_AT_ONCE) as quick:
        gone = [patient.submit(way, campaign, name) for name, way, _ in SLOW]
        gone += [quick.submit(way, campaign, name) for name, way, _ in QUICK]
    for one in gone:
        one.result()


def go_some(campaign: Campaign) -> None:
    """Half of the quick ones, of every kind."""
    with ThreadPoolExecutor(_AT_ONCE) as quick:
        gone = [quick.submit(way, campaign, name) for name, way, _ in SOME]
    for one in gone:
        one.result()


def go_last(campaign: Campaign) -> None:
    """Those that end processes; the gateway has been told to stop afterwards."""
    for name, way, _ in LAST:
        way(campaign, name)
