"""Metrics: the text format as a strict reader takes it, whole from the start, true to the events."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_gateway.admin.metrics import Metrics
from reference_gateway.events import Event, Kind, Route
from reference_gateway.ledger.accounts import Act
from reference_gateway.ledger.wire import STATUSES
from tests.reference_gateway.admin_stage import KEYS, WATCHER, Stage, admin_stage
from tests.reference_gateway.unhurried import UNHURRIED

REQUESTS = "gateway_requests_total"
DURATION = "gateway_request_duration_seconds"

# Prometheus, "Exposition formats", text format 0.0.4. No label here needs an escape.
_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_HELP = re.compile(rf"# HELP ({_NAME}) ([^\n\\]+)")
_TYPE = re.compile(rf"# TYPE ({_NAME}) (counter|gauge|histogram)")
_SAMPLE = re.compile(rf"({_NAME})(?:\{{((?:[a-z]+=\"[^\"\\\n]*\",?)+)\}})? ([0-9]+(?:\.[0-9]+)?)")
_LABEL = re.compile(r'([a-z]+)="([^"]*)"(?:,|$)')

Labels = frozenset[tuple[str, str]]


@dataclass
class Family:
    kind: str
    samples: dict[tuple[str, Labels], float] = field(default_factory=dict)


def read(text: str) -> dict[str, Family]:
    """Families by name. Fails at whatever the format does not allow."""
    families: dict[str, Family] = {}
    lines = text.split("\n")
    assert lines.pop() == ""
    place = iter(lines)
    current = ""
    for line in place:
        helped = _HELP.fullmatch(line)
        if helped:
            typed = _TYPE.fullmatch(next(place))
            assert typed is not None
            assert typed[1] == helped[1]
            current = helped[1]
            assert current not in families
            families[current] = Family(typed[2])
            continue
        sample = _SAMPLE.fullmatch(line)
        assert sample is not None, line
        labels = _LABEL.findall(sample[2] or "")
        assert len(dict(labels)) == len(labels)
        suffix = sample[1].removeprefix(current)
        assert suffix in (("_bucket", "_sum", "_count") if families[current].kind == "histogram" else ("",))
        series = (suffix, frozenset(labels))
        assert series not in families[current].samples
        families[current].samples[series] = float(sample[3])
    return families


def labels(**named: str) -> Labels:
    return frozenset(named.items())


def values(families: dict[str, Family], name: str, label: str) -> set[str]:
    """What a label has been seen to be."""
    return {dict(series)[label] for _, series in families[name].samples if label in dict(series)}


def counted(*events: Event) -> dict[str, Family]:
    metrics = Metrics(clock=lambda: 1_800_000_000.25)
    passed: list[Event] = []
    emit = metrics.counting(passed.append)
    for event in events:
        emit(event)
    assert passed == list(events)
    return read(metrics.text().decode())


def ended(route: Route, status: int, milliseconds: int) -> Event:
    return Event(event=Kind.REQUEST, route=route, status=status, milliseconds=milliseconds, request=1)


def test_every_series_of_a_closed_set_is_there_from_the_start() -> None:
    families = counted()

    assert values(families, REQUESTS, "route") == values(families, DURATION, "route") == set(Route)
    assert values(families, REQUESTS, "status") == {"none", "2xx", "4xx", "5xx"}
    assert len(families[REQUESTS].samples) == 4 * len(Route)
    assert values(families, "gateway_admin_refusals_total", "reason") == {"credential", "role"}
    assert {kind for kind in Kind if kind in values(families, "gateway_events_total", "event")} == {
        Kind.REQUEST,
        Kind.ORPHANS_CHARGED,
        Kind.PROVIDER_OVERRUN,
        Kind.LEDGER_FAULT,
        Kind.INTERNAL_FAULT,
    }
    started = families.pop("process_start_time_seconds").samples
    assert started == {("", labels()): 1_800_000_000.25}
    assert {value for family in families.values() for value in family.samples.values()} == {0}


def test_events_are_counted_by_what_they_say() -> None:
    families = counted(
        Event(event=Kind.ORPHANS_CHARGED, count=3, nanodollars=500),
        Event(event=Kind.ORPHANS_CHARGED, count=1, nanodollars=7),
        Event(event=Kind.PROVIDER_OVERRUN, nanodollars=11),
        Event(event=Kind.LEDGER_FAULT),
        Event(event=Kind.INTERNAL_FAULT),
        ended(Route.CHAT, 200, 5),
        ended(Route.CHAT, 201, 5),
        ended(Route.CHAT, 402, 5),
        ended(Route.UNKNOWN, 0, 5),
    )

    by_event = families["gateway_events_total"].samples
    assert [by_event["", labels(event=kind)] for kind in (Kind.ORPHANS_CHARGED, Kind.LEDGER_FAULT)] == [2, 1]
    assert by_event["", labels(event=Kind.REQUEST)] == 4
    assert families["gateway_orphans_charged_total"].samples["", labels()] == 4
    assert families["gateway_orphans_charged_nanodollars_total"].samples["", labels()] == 507
    assert families["gateway_provider_overrun_nanodollars_total"].samples["", labels()] == 11
    assert families[REQUESTS].samples["", labels(route="chat", status="2xx")] == 2
    assert families[REQUESTS].samples["", labels(route="chat", status="4xx")] == 1
    assert families[REQUESTS].samples["", labels(route="unknown", status="none")] == 1


def test_an_event_of_another_process_is_not_lost_either() -> None:
    families = counted(Event(event=Kind.WORKER_LOST))

    assert families["gateway_events_total"].samples["", labels(event="worker_lost")] == 1


@given(st.lists(st.tuples(st.sampled_from(Route), st.sampled_from(STATUSES), st.integers(0, 10**7))))
@UNHURRIED
def test_a_histogram_is_what_it_was_made_of(requests: list[tuple[Route, int, int]]) -> None:
    families = counted(*(ended(*request) for request in requests))

    samples = families[DURATION].samples
    edges = sorted(values(families, DURATION, "le"), key=float)
    for route in Route:
        took = [milliseconds for where, _, milliseconds in requests if where is route]
        buckets = [samples["_bucket", labels(route=route, le=edge)] for edge in edges]
        assert buckets == [sum(one <= 1000 * float(edge) for one in took) for edge in edges]
        assert samples["_count", labels(route=route)] == len(took) == buckets[-1]
        assert math.isclose(samples["_sum", labels(route=route)], sum(took) / 1000, abs_tol=1e-6)
    assert edges[-1] == "+Inf"
    assert sum(families[REQUESTS].samples.values()) == len(requests)


def test_refusals_are_counted_apart() -> None:
    metrics = Metrics()
    metrics.refused(Act.REFUSED_ROLE)

    samples = read(metrics.text().decode())["gateway_admin_refusals_total"].samples
    assert samples == {("", labels(reason="credential")): 0, ("", labels(reason="role")): 1}


# --- as they are served ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with admin_stage(tmp_path_factory.mktemp("metrics")) as stage:
        yield stage


def test_the_answer_is_prometheus_text(stage: Stage) -> None:
    answer = stage.ask("GET", "/metrics", token=WATCHER)

    assert answer.headers["content-type"] == "text/plain; version=0.0.4"
    assert read(answer.text)["process_start_time_seconds"].kind == "gauge"


def test_what_the_ledger_and_this_plane_report_is_counted(stage: Stage) -> None:
    served = f'{REQUESTS}{{route="keys",status="2xx"}}'
    missed = f'{REQUESTS}{{route="unknown",status="4xx"}}'
    faults = 'gateway_events_total{event="ledger_fault"}'
    before = [stage.metric(sample) for sample in (served, missed, faults)]

    stage.ask("GET", KEYS)
    stage.ask("GET", KEYS)
    stage.ask("GET", "/nothing")
    stage.emit(Event(event=Kind.LEDGER_FAULT))

    after = [stage.metric(sample) for sample in (served, missed, faults)]
    assert [late - early for late, early in zip(after, before, strict=True)] == [2, 1, 1]


def test_nothing_that_was_typed_is_in_the_metrics(stage: Stage) -> None:
    canary = "zebra7351"
    stage.new_key(name=canary)
    stage.ask("GET", f"/{canary}?{canary}")
    stage.ask("GET", f"{KEYS}/{canary}", token=canary)

    assert canary not in stage.ask("GET", "/metrics").text
