"""What is counted, in Prometheus's text format 0.0.4: numbers by enums, nothing that a caller typed.

Counted is what passes through the ledger's process since it started: ends of requests on both planes, and
what the ledger and the admin plane report. The supervisor's own events (lost workers) are on the gateway's
standard output. Every series of a closed set is there from the start, with zero.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from reference_gateway.events import Emit, Event, Kind, Route
from reference_gateway.ledger.accounts import Act
from reference_gateway.ledger.wire import STATUSES

CONTENT_TYPE: Final = b"text/plain; version=0.0.4"

# What the ledger's process can report.
_KINDS: Final = (
    Kind.REQUEST,
    Kind.ORPHANS_CHARGED,
    Kind.PROVIDER_OVERRUN,
    Kind.LEDGER_FAULT,
    Kind.INTERNAL_FAULT,
)
_REFUSALS: Final = {Act.REFUSED_CREDENTIAL: "credential", Act.REFUSED_ROLE: "role"}
_EDGES: Final = (10, 100, 500, 1_000, 5_000, 30_000, 120_000)  # milliseconds

_Sample = tuple[str, str]  # everything behind the family's name, and the value


def _class(status: int) -> str:
    return f"{status // 100}xx" if status else "none"


_CLASSES: Final = tuple(dict.fromkeys(_class(status) for status in STATUSES))


class Metrics:
    """Counts on the ledger's event loop. `clock` gives Unix seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._began = clock()
        self._events = dict.fromkeys(_KINDS, 0)
        self._requests = {(route, kind): 0 for route in Route for kind in _CLASSES}
        self._buckets = {route: [0] * (len(_EDGES) + 1) for route in Route}
        self._milliseconds = dict.fromkeys(Route, 0)
        self._orphans = 0
        self._orphan_nanodollars = 0
        self._overrun_nanodollars = 0
        self._refusals = dict.fromkeys(_REFUSALS, 0)

    def counting(self, emit: Emit) -> Emit:
        """An emitter that counts what it passes on."""

        def counted(event: Event) -> None:
            self._count(event)
            emit(event)

        return counted

    def refused(self, act: Act) -> None:
        """A refusal of the admin plane, whether the audit log has a line for it or not."""
        self._refusals[act] += 1

    def text(self) -> bytes:
        """Everything counted so far."""
        return "".join(self._lines()).encode()

    def _count(self, event: Event) -> None:
        self._events[event.event] = self._events.get(event.event, 0) + 1
        match event.event:
            case Kind.REQUEST:
                self._count_request(event.route or Route.UNKNOWN, event.status or 0, event.milliseconds or 0)
            case Kind.ORPHANS_CHARGED:
                self._orphans += event.count or 0
                self._orphan_nanodollars += event.nanodollars or 0
            case Kind.PROVIDER_OVERRUN:
                self._overrun_nanodollars += event.nanodollars or 0

    def _count_request(self, route: Route, status: int, milliseconds: int) -> None:
        counted = (route, _class(status))
        self._requests[counted] = self._requests.get(counted, 0) + 1
        self._buckets[route][sum(milliseconds > edge for edge in _EDGES)] += 1
        self._milliseconds[route] += milliseconds

    def _lines(self) -> Iterator[str]:
        yield from _family(
            "gateway_events_total",
            "counter",
            "Events of the ledger's process.",
            [(f'{{event="{kind}"}}', str(count)) for kind, count in self._events.items()],
        )
        yield from _family(
            "gateway_requests_total",
            "counter",
            "Requests that ended, by the class of their status; none: the caller left before there was one.",
            [
                (f'{{route="{route}",status="{kind}"}}', str(count))
                for (route, kind), count in self._requests.items()
            ],
        )
        yield from _family(
            "gateway_request_duration_seconds",
            "histogram",
            "How long requests took; those of content workers with two significant digits, rounded down.",
            [sample for route in Route for sample in self._histogram(route)],
        )
        for name, help_, count in self._single():
            yield from _family(name, "counter", help_, [("", str(count))])
        yield from _family(
            "gateway_admin_refusals_total",
            "counter",
            "Refused admin credentials and roles; the audit log has a bounded number of them.",
            [(f'{{reason="{_REFUSALS[act]}"}}', str(count)) for act, count in self._refusals.items()],
        )
        yield from _family(
            "process_start_time_seconds",
            "gauge",
            "When the ledger's process started, in Unix seconds.",
            [("", f"{self._began:.3f}")],
        )

    def _single(self) -> tuple[tuple[str, str, int], ...]:
        return (
            (
                "gateway_orphans_charged_total",
                "Holds that were charged in full, their worker gone.",
                self._orphans,
            ),
            ("gateway_orphans_charged_nanodollars_total", "What they cost.", self._orphan_nanodollars),
            (
                "gateway_provider_overrun_nanodollars_total",
                "What providers billed beyond their bounds, at the operator's cost.",
                self._overrun_nanodollars,
            ),
        )

    def _histogram(self, route: Route) -> Iterator[_Sample]:
        edges = [*(_seconds(edge) for edge in _EDGES), "+Inf"]
        below = 0
        for edge, count in zip(edges, self._buckets[route], strict=True):
            below += count
            yield f'_bucket{{route="{route}",le="{edge}"}}', str(below)
        yield f'_sum{{route="{route}"}}', _seconds(self._milliseconds[route])
        yield f'_count{{route="{route}"}}', str(below)


def _family(name: str, kind: str, help_: str, samples: Iterable[_Sample]) -> Iterator[str]:
    """One metric with its samples. No help and no label here holds what would need an escape."""
    yield f"# HELP {name} {help_}\n# TYPE {name} {kind}\n"
    for suffix, value in samples:
        yield f"{name}{suffix} {value}\n"


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds // 1000}.{milliseconds % 1000:03d}"
