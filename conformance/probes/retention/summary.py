"""What the requests of a path came to, in counts. Pure but for asking what arrived."""

from collections import Counter
from collections.abc import Iterable, Iterator

from conformance.model.campaign import CellRun, PathClass, PathRun
from conformance.probes.retention.arrivals import Arrival, Arrivals, held
from conformance.probes.retention.path import Path
from conformance.probes.retention.running import Trace, Walk

_KINDS: dict[PathClass, str] = {
    "forwarded": "forwarded",
    "rejected": "refused",
    "aborted": "left under way",
    "answered": "answered by the gateway itself",
}


def run_of(walk: Walk, arrivals: Arrivals, sample: int) -> PathRun:
    """A path's line in the evidence."""
    path, traces = walk.path, walk.traces
    proven = Counter(kind for kind in _classes(walk, arrivals) if kind is not None)
    kind = max(proven, key=lambda one: (proven[one], one == path.kind), default=path.kind)
    return PathRun(
        path=path.name,
        kind=kind,
        endpoint=path.endpoint,
        sent=len(traces),
        counted=sum(proven.values()) if path.mixed else proven[kind],
        told=tuple(sorted({trace.sent.told for trace in traces})),
        seconds=_span(traces),
        keys=len({trace.key for trace in traces}),
        connections=len({trace.sent.connection for trace in traces} - {0}),
        note="; ".join(_notes(walk, arrivals, proven, sample)),
    )


def cells_of(walk: Walk, arrivals: Arrivals) -> Iterator[CellRun]:
    """A path's fields, each with the canaries that were sent and proven."""
    sent: Counter[str] = Counter()
    proven: Counter[str] = Counter()
    for trace, kind in zip(walk.traces, _classes(walk, arrivals), strict=True):
        fields = {field for field, _ in trace.canaries}
        sent.update(fields)
        if kind == "forwarded":
            proven.update(_held(trace, _calls(arrivals, trace)))
        elif kind is not None:
            proven.update(fields)
    return (
        CellRun(path=walk.path.name, field=field, sent=count, proven=proven[field])
        for field, count in sorted(sent.items())
    )


def _classes(walk: Walk, arrivals: Arrivals) -> list[PathClass | None]:
    """What each request came to, of what its path may come to; None where nothing proves it."""
    path = walk.path
    found = [_came_to(path, trace, _calls(arrivals, trace)) for trace in walk.traces]
    # A gateway that hangs up on whoever asks like this refuses too, if it does so each time: once may be chance.
    if path.kind == "rejected" and not any(found) and all(t.sent.told == "reset" for t in walk.traces):
        return ["rejected"] * len(found)
    return [kind if kind in path.classes() else None for kind in found]


def _came_to(path: Path, trace: Trace, calls: tuple[Arrival, ...]) -> PathClass | None:
    if path.kind == "aborted" and trace.sent.left:
        return "aborted"
    if calls:
        ended = not path.outcomes or any(arrival.call.outcome in path.outcomes for arrival in calls)
        return "forwarded" if ended else None
    if not trace.sent.whole:
        return None
    if path.refused(trace.sent.status):
        return "rejected"
    return "answered" if 200 <= trace.sent.status < 300 else None


def _calls(arrivals: Arrivals, trace: Trace) -> tuple[Arrival, ...]:
    return arrivals.of(atom for _, atom in trace.canaries)


def _held(trace: Trace, calls: Iterable[Arrival]) -> set[str]:
    found: set[str] = set()
    for arrival in calls:
        found |= held(arrival, trace.canaries, trace.encoded)
    return found


def _span(traces: list[Trace]) -> float:
    if not traces:
        return 0.0
    return round(max(t.ended for t in traces) - min(t.began for t in traces), 3)


def _notes(walk: Walk, arrivals: Arrivals, proven: Counter[PathClass], sample: int) -> Iterator[str]:
    path = walk.path
    if walk.note or path.note:
        yield walk.note or path.note
    if not walk.traces:
        return
    if path.count(sample) < sample and not walk.note:
        yield f"{path.count(sample)} instead of {sample} requests: each takes much time or room"
    others = {kind: count for kind, count in proven.items() if kind != path.kind}
    if others:
        yield "; ".join(f"{count} {_KINDS[kind]}" for kind, count in sorted(others.items()))
    repeated = sum(len(_calls(arrivals, trace)) >= path.calls for trace in walk.traces)
    if path.calls > 1 and repeated < len(walk.traces):
        yield f"the provider was asked again for {repeated} of {len(walk.traces)}"
