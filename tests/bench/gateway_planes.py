"""What it costs that the reference gateway is several processes behind the kernel's walls, and how soon it stands."""

import statistics
import time
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from tests.bench.gateway_client import Server
from tests.bench.gateway_load import Round, calls, in_turn, median_ratio, one_call, rate
from tests.bench.gateway_provider import provider
from tests.bench.gateway_standing import gateway, new_key, set_up, started
from tests.bench.measure import measurement

_FLAGS = {"confined": (), "unconfined": ("--unconfined",), "together": ("--together",)}
_ROUNDS, _SECONDS = 48, 0.25
_STARTS = 5


@measurement(
    "gateway.confinement_cost",
    unit="of 1",
    target=0.1,
    better="lower",
    how="share of its throughput that the gateway loses behind the kernel's walls: chat calls per second, confined "
    f"and --unconfined in turn, median of {_ROUNDS} rounds of {_SECONDS:g} s",
)
def confinement_cost() -> float:
    """Below zero is noise."""
    rounds = _rounds()
    return 1 - median_ratio(rounds["confined"], rounds["unconfined"], rate)


@measurement(
    "gateway.planes_vs_thread",
    unit="times",
    target=1,
    better="higher",
    how="chat calls per second with a process for each plane (--unconfined) by those with the ledger as a thread "
    "of the content worker's process (--together), in the same rounds",
)
def planes_beside_thread() -> float:
    """Threads share one interpreter lock; processes pay for a socket between them."""
    rounds = _rounds()
    return median_ratio(rounds["unconfined"], rounds["together"], rate)


@measurement(
    "gateway.start_s",
    unit="s",
    target=1.5,
    better="lower",
    how=f"from the start of the command to the first chat call answered, confined, median of {_STARTS}",
)
def start_seconds() -> float:
    """The ledger has a key already; the call opens the first connection to the provider."""
    with provider() as source:
        place = source.folder / "gateway"
        set_up(place, source)
        with started(place) as running:
            key = new_key(place, running)
        return statistics.median(_seconds_to_first_answer(place, key) for _ in range(_STARTS))


def _seconds_to_first_answer(folder: Path, key: str) -> float:
    began = time.perf_counter()
    with started(folder) as running:
        one_call(Server(running.port, folder / "ca.pem", key, running.process))
        return time.perf_counter() - began


@cache
def _rounds() -> dict[str, list[Round]]:
    """Three gateways, each with a ledger of its own, up at once and loaded in turn."""
    with provider() as source, ExitStack() as stack:
        servers = {
            name: stack.enter_context(gateway(source, *flags, name=name)) for name, flags in _FLAGS.items()
        }
        return in_turn(servers, lambda server: calls(server, _SECONDS), _ROUNDS)
