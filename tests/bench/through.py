"""What the reference gateway adds to a chat call: processor time, beside nginx, and time on the way."""

import statistics
from contextlib import ExitStack, suppress
from functools import cache

from tests.bench.gateway_client import Server
from tests.bench.gateway_load import CONNECTIONS, Round, calls, cpu_us, in_turn, latencies, median_ratio
from tests.bench.gateway_provider import provider
from tests.bench.gateway_standing import gateway
from tests.bench.measure import NothingHereError, measurement
from tests.bench.peers.nginx import nginx, program

_ROUNDS, _SECONDS = 5, 1.5
_LATENCY_ROUNDS, _LATENCY_CALLS = 7, 100


@measurement(
    "gateway.requests_cpu_us",
    unit="µs",
    target=1000,
    better="lower",
    how=f"CPU of all gateway processes per chat call of 1.2 kB, TLS 1.3 on both sides, {CONNECTIONS} kept "
    f"connections, held and settled in the ledger, one core for the server; median of {_ROUNDS} rounds of {_SECONDS} s",
)
def cpu_per_request() -> float:
    """Handshakes are left out: connections are kept."""
    return statistics.median(cpu_us(one) for one in _rounds()["gateway"])


@measurement(
    "gateway.cpu_vs_nginx",
    unit="times",
    target=12,
    better="lower",
    how="the same CPU per chat call by that of nginx `proxy_pass`, same client, same provider; rounds in turn",
)
def cpu_beside_nginx() -> float:
    """nginx checks no key, looks into no body and keeps no ledger."""
    program()
    rounds = _rounds()
    return median_ratio(rounds["gateway"], rounds["nginx"], cpu_us)


@measurement(
    "gateway.added_p50_ms",
    unit="ms",
    target=2,
    better="lower",
    how=f"median latency of a chat call through the gateway minus that straight to the provider, one kept "
    f"connection; median of {_LATENCY_ROUNDS} rounds of {_LATENCY_CALLS} calls each, in turn",
)
def added_latency() -> float:
    """The durable hold is in it: a call is forwarded only when its worst case is on the disk."""
    with provider() as source, gateway(source) as server:
        straight = Server(source.port, source.authority, "none", 0)
        for one in (server, straight):
            latencies(one, _LATENCY_CALLS)
        return 1e3 * statistics.median(
            statistics.median(latencies(server, _LATENCY_CALLS))
            - statistics.median(latencies(straight, _LATENCY_CALLS))
            for _ in range(_LATENCY_ROUNDS)
        )


@cache
def _rounds() -> dict[str, list[Round]]:
    """Rounds of the gateway, and of nginx where it is installed, in turn in one run."""
    with provider(apart=True) as source, ExitStack() as stack:
        servers = {"gateway": stack.enter_context(gateway(source))}
        with suppress(NothingHereError):
            servers["nginx"] = stack.enter_context(nginx(source))
        return in_turn(servers, lambda server: calls(server, _SECONDS), _ROUNDS)
