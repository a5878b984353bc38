"""What event streams cost the reference gateway: processor time per event, and memory while they are silent."""

import math
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from tests.bench.gateway_client import USUAL_BYTES
from tests.bench.gateway_load import cpu_us, in_turn, median_ratio, memory_of_open_streams, streams
from tests.bench.gateway_processes import Memory
from tests.bench.gateway_provider import Pace, provider
from tests.bench.gateway_standing import gateway
from tests.bench.measure import NothingHereError, measurement
from tests.bench.peers.nginx import nginx, program

# As fast as the fastest models write; each stream in a phase of its own, as callers are.
_PACED = Pace(events=120, interval=0.02)
_STREAMS, _ROUNDS = 64, 5
_SILENT = Pace(events=2, interval=3600.0)
_IDLE = 2000
_LARGE = 200_000  # bytes
_FEW, _MANY = 100, 500
_DESCRIPTORS = 2 * _IDLE + 1000  # of the gateway: a caller and a provider for each stream


@measurement(
    "gateway.sse_cpu_vs_nginx",
    unit="times",
    target=3,
    better="lower",
    how=f"CPU of all gateway processes per event by nginx's, {_STREAMS} streams at once, {_PACED.events} events "
    f"each, one per {_PACED.interval * 1e3:g} ms; TLS 1.3 on both sides, one core for the server; "
    f"median of {_ROUNDS} rounds in turn",
)
def stream_cpu_beside_nginx() -> float:
    """The hold and the bill of a stream are in it. nginx forwards bytes; the gateway looks for the usage."""
    program()
    with provider(_PACED, apart=True) as source, gateway(source) as ours, nginx(source) as theirs:
        rounds = in_turn(
            {"gateway": ours, "nginx": theirs},
            lambda server: streams(server, _STREAMS, _PACED.interval),
            _ROUNDS,
        )
        return median_ratio(rounds["gateway"], rounds["nginx"], cpu_us)


@measurement(
    "gateway.idle_streams_rss_mb",
    unit="MB",
    target=200,
    better="lower",
    how=f"resident memory of all gateway processes, added up, while {_IDLE} streams stand open and silent, once",
)
def idle_rss() -> float:
    """Pages that forked processes share are counted for each of them."""
    return _idle().rss


@measurement(
    "gateway.idle_streams_pss_mb",
    unit="MB",
    target=200,
    better="lower",
    how="the same with shared pages counted once (proportional set size)",
)
def idle_pss() -> float:
    """What stopping the gateway would give back."""
    pss = _idle().pss
    if pss is None:
        raise NothingHereError(
            "only root may see the mappings of undumpable processes; run `make bench` as root"
        )
    return pss


@measurement(
    "gateway.idle_stream_large_prompt_kb",
    unit="kB",
    target=150,
    better="lower",
    how=f"resident memory that one more open and silent stream adds after a prompt of {_LARGE // 1000} kB: what "
    f"{_MANY} of them take beyond what {_FEW} do, for each, once",
)
def memory_after_large_prompt() -> float:
    """A prompt is of no use once it was sent. What stays is two TLS connections and the stream's own state."""
    # A gateway for each: streams that their callers left are read on for the bill, and would count as well.
    few, many = (_open(count, _LARGE).rss for count in (_FEW, _MANY))
    return (many - few) * 1e3 / (_MANY - _FEW)


@cache
def _idle() -> Memory:
    return _open(_IDLE, USUAL_BYTES)


def _open(count: int, size: int) -> Memory:
    with _descriptors(_DESCRIPTORS), provider(_SILENT) as source, gateway(source) as server:
        return memory_of_open_streams(server, count, size)


@contextmanager
def _descriptors(count: int) -> Iterator[None]:
    """This process and those it starts may open so many files. Raises NothingHereError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if count > (math.inf if hard == resource.RLIM_INFINITY else hard):
        raise NothingHereError(f"{count} open files are needed, and the hard limit is {hard} (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
